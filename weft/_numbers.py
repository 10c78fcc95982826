"""Functions of numbers that PyTorch's compiler wants in traced programs; here numbers are Python's."""

from __future__ import annotations

import builtins
import math
from collections.abc import Iterable
from typing import Any, TypeVar

__all__ = ["sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum"]

_T = TypeVar("_T")


def sym_float(a: Any) -> float:
    """a as a float."""
    return builtins.float(a)


def sym_int(a: Any) -> int:
    """a as an integer, rounded towards zero."""
    return builtins.int(a)


def sym_not(a: Any) -> bool:
    """Whether a is false."""
    return not a


def sym_sqrt(a: float) -> float:
    """The square root."""
    return math.sqrt(a)


def sym_sum(args: Iterable[Any]) -> Any:
    """The sum."""
    return builtins.sum(args)


def sym_ite(b: bool, t: _T, f: _T) -> _T:
    """t if b, else f."""
    return t if b else f


def _promoted(chosen: Any, other: Any) -> Any:
    return builtins.float(chosen) if isinstance(other, builtins.float) else chosen


def sym_max(a: Any, b: Any) -> Any:
    """The larger number, a float if one of them is.

    >>> import weft
    >>> weft.sym_max(2, 1.0)
    2.0
    """
    return _promoted(a, b) if a >= b else _promoted(b, a)


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number, a float if one of them is."""
    return _promoted(a, b) if a <= b else _promoted(b, a)
