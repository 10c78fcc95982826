"""Forward mode: tangents carried along a computation.

A dual tensor remembers its tangent; the tangent of a result is computed when it is unpacked, by differentiating twice:
``v -> J^T v`` is linear, so its own derivative along a tangent ``t`` is ``J t``. Every operation with a second derivative
takes part, at the cost of a recorded forward pass and two backward passes.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

from weft import _core
from weft._core import Tensor
from weft.autograd._engine import grad
from weft.autograd.grad_mode import enable_grad

__all__ = ["UnpackedDualTensor", "dual_level", "enter_dual_level", "exit_dual_level", "make_dual", "unpack_dual"]


class UnpackedDualTensor(NamedTuple):
    """A value and its tangent, None where it depends on no dual tensor."""

    primal: Tensor
    tangent: Tensor | None


class _Levels(threading.local):
    """The levels this thread has entered: the dual tensors of each with their tangents."""

    def __init__(self) -> None:
        self.stack: list[list[tuple[Tensor, Tensor]]] = []


_levels = _Levels()


def enter_dual_level() -> int:
    """Enters a level; returns its number."""
    if _levels.stack:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.stack.append([])
    return len(_levels.stack) - 1


def exit_dual_level(*, level: int | None = None) -> None:
    """Leaves the innermost level; its dual tensors are plain from then on."""
    if not _levels.stack or (level is not None and level != len(_levels.stack) - 1):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created.")
    _levels.stack.pop()


@contextlib.contextmanager
def dual_level() -> Iterator[int]:
    """A level of forward mode.

    >>> with weft.autograd.forward_ad.dual_level():
    ...     x = weft.autograd.forward_ad.make_dual(weft.tensor(3.0), weft.tensor(1.0))
    ...     weft.autograd.forward_ad.unpack_dual(x * x).tangent
    tensor(6.)
    """
    level = enter_dual_level()
    try:
        yield level
    finally:
        exit_dual_level(level=level)


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """tensor as a dual tensor with this tangent.

    Args:
        tensor, tangent: of the same shape and dtype, floating-point or complex.
        level: the innermost one, by default.
    """
    if not _levels.stack:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for name, value in (("tensor", tensor), ("tangent", tangent)):
        if not (value.is_floating_point() or value.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {value.dtype}")
    if tensor.shape != tangent.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}."
        )
    with enable_grad():
        dual = tensor.view_as(tensor) if tensor.requires_grad else tensor.detach().requires_grad_()
    _levels.stack[-1].append((dual, tangent))
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """The value of a tensor and its tangent, which is None without a level or a dependence on a dual tensor."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"unpack_dual: expected a Tensor, got {type(tensor).__name__}")
    tangent = _tangent(tensor, _levels.stack[-1]) if _levels.stack else None
    return UnpackedDualTensor(tensor.detach() if tangent is not None else tensor, tangent)


def _tangent(tensor: Tensor, duals: list[tuple[Tensor, Tensor]]) -> Tensor | None:
    if not duals or not tensor.requires_grad:
        return None
    with enable_grad():
        weight = _core.zeros_like(tensor).requires_grad_()
        slopes = grad(tensor, [d for d, _ in duals], weight, create_graph=True, allow_unused=True)
        reached = [(s, t) for s, (_, t) in zip(slopes, duals, strict=True) if s is not None]
        if not reached:
            return None
        used = [(s, t) for s, t in reached if s.requires_grad]
        if not used:
            return _core.zeros_like(tensor)
        result: Any = grad([s for s, _ in used], weight, [t for _, t in used], allow_unused=True)[0]
    return _core.zeros_like(tensor) if result is None else result
