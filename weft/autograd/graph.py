"""The backward graph as Python sees it: hooks on its nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft._core import Node
from weft._tensor import HookHandle

__all__ = ["Node"]


def register_hook(self: Node, fn: Callable[..., Any]) -> HookHandle:
    """Calls fn(grad_inputs, grad_outputs) after the node ran; a tuple it returns replaces the node's results.

    >>> x = weft.ones(1, requires_grad=True)
    >>> y = x * 2
    >>> handle = y.grad_fn.register_hook(lambda inputs, outputs: tuple(g and g * 10 for g in inputs))
    >>> y.backward(); x.grad
    tensor([20.])
    """
    return HookHandle(self._add_hook(fn, True))


def register_prehook(self: Node, fn: Callable[..., Any]) -> HookHandle:
    """Calls fn(grad_outputs) before the node runs; a tuple it returns replaces what the node gets."""
    return HookHandle(self._add_hook(fn, False))


for _method in (register_hook, register_prehook):
    setattr(Node, _method.__name__, _method)
