"""``Variable``: the older name of Tensor. Calling it gives a tensor; every tensor is an instance."""

from __future__ import annotations

from typing import Any

from weft._core import Tensor

__all__ = ["Variable"]


class _VariableMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)

    def __call__(cls, data: Any = None, requires_grad: bool = False, volatile: Any = None) -> Any:
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        result = data.detach()
        if requires_grad:
            result.requires_grad = True
        return result


class Variable(metaclass=_VariableMeta):
    """The tensor's memory as a leaf.

    >>> weft.autograd.Variable(weft.ones(1), requires_grad=True)
    tensor([1.], requires_grad=True)
    """
