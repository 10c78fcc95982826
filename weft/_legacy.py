"""PyTorch's older constructors: ``Tensor(2, 3)``, ``FloatTensor([1, 2])``, ``x.new(3)``.

Integers are sizes and give unset memory; a sequence or array gives its numbers; a tensor is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import _core
from weft._core import Tensor
from weft._core import dtype as Dtype
from weft._device import check_cpu
from weft.storage import TypedStorage, UntypedStorage

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "set_default_tensor_type",
]


def construct(kind: type[Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """`Tensor(...)` and the like of its subclasses: the default dtype."""
    data = legacy(_core.get_default_dtype(), args, kwargs)
    return data if kind is Tensor else _core._as_subclass(kind, data)


def legacy(dtype: Dtype, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """A tensor of `dtype` from what the older constructors take.

    Raises:
        TypeError: something else, or a tensor of another dtype.
    """
    check_cpu(kwargs.pop("device", None))
    for name in ("size", "data", "other"):
        if name in kwargs:
            args = (*args, kwargs.pop(name))
    if kwargs:
        raise TypeError(f"new() received an unexpected keyword argument {next(iter(kwargs))!r}")
    if not args:
        return _core.empty(0, dtype=dtype)
    first = args[0]
    if len(args) == 1:
        if isinstance(first, weft.Size):
            return _core.empty(tuple(first), dtype=dtype)
        if isinstance(first, Tensor):
            if first.dtype is not dtype:
                raise TypeError(f"expected a tensor of {dtype}, got one of {first.dtype}; use .to() to convert")
            return _core._as_subclass(Tensor, first.detach())
        if isinstance(first, UntypedStorage | TypedStorage):
            storage = first.untyped()
            return _core._tensor_over_storage(storage._bytes, dtype, 0, (len(storage) // dtype.itemsize,), (1,))
        if (isinstance(first, Sequence) and not isinstance(first, str | bytes)) or hasattr(
            first, "__array_interface__"
        ):
            return _core._tensor(first, dtype)
    if all(hasattr(size, "__index__") for size in args):
        return _core.empty(args, dtype=dtype)
    if isinstance(first, float):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    raise TypeError(
        f"new(): invalid data type {type(first).__name__!r}: expected sizes, a sequence, an array or a tensor"
    )


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor of self's dtype, from sizes, a sequence, or a tensor: the older form of new_empty and new_tensor."""
    return legacy(self.dtype, args, kwargs)


class _TensorType(type):
    """The class of FloatTensor and so on: they make tensors, and a tensor of that dtype is an instance."""

    dtype: Dtype
    is_cuda = False

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        return legacy(cls.dtype, args, kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


class FloatTensor(metaclass=_TensorType):
    """Older name: makes tensors of float32."""

    dtype = _core.float32


class DoubleTensor(metaclass=_TensorType):
    """Older name: makes tensors of float64."""

    dtype = _core.float64


class HalfTensor(metaclass=_TensorType):
    """Older name: makes tensors of float16."""

    dtype = _core.float16


class BFloat16Tensor(metaclass=_TensorType):
    """Older name: makes tensors of bfloat16."""

    dtype = _core.bfloat16


class LongTensor(metaclass=_TensorType):
    """Older name: makes tensors of int64."""

    dtype = _core.int64


class IntTensor(metaclass=_TensorType):
    """Older name: makes tensors of int32."""

    dtype = _core.int32


class ShortTensor(metaclass=_TensorType):
    """Older name: makes tensors of int16."""

    dtype = _core.int16


class CharTensor(metaclass=_TensorType):
    """Older name: makes tensors of int8."""

    dtype = _core.int8


class ByteTensor(metaclass=_TensorType):
    """Older name: makes tensors of uint8."""

    dtype = _core.uint8


class BoolTensor(metaclass=_TensorType):
    """Older name: makes tensors of bool."""

    dtype = _core.bool


TENSOR_TYPES: dict[str, _TensorType] = {kind.__name__: kind for kind in globals().values() if type(kind) is _TensorType}


def set_default_tensor_type(t: Any) -> None:
    """Sets the default dtype by a tensor type or its name; set_default_dtype is the newer form.

    >>> weft.set_default_tensor_type(weft.FloatTensor)
    """
    if isinstance(t, str):
        found = TENSOR_TYPES.get(t.rpartition(".")[2])
        if found is None or "cuda" in t:
            raise TypeError(f"invalid type object or name: {t!r}")
        t = found
    if not isinstance(t, _TensorType):
        raise TypeError(f"invalid type object: expected a tensor type such as FloatTensor, got {t!r}")
    _core.set_default_dtype(t.dtype)


def refusing(message: str, error: type[Exception] = AssertionError) -> Callable[..., Any]:
    """A function that raises: for what this machine does not have."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise error(message)

    refuse.__doc__ = f"Raises {error.__name__}: {message}."
    return refuse
