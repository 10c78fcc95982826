"""The limits of number types: ``finfo`` and ``iinfo``."""

from __future__ import annotations

from typing import Any

from weft import _core
from weft._core import dtype as Dtype

__all__ = ["finfo", "iinfo"]

_LAYOUT = {  # bits of the type, of the exponent, and of the fraction
    _core.float16: (16, 5, 10),
    _core.bfloat16: (16, 8, 7),
    _core.float32: (32, 8, 23),
    _core.float64: (64, 11, 52),
}
_REAL = {_core.complex64: _core.float32, _core.complex128: _core.float64}


def _named(type: Dtype) -> str:
    return str(type).rpartition(".")[2]


class finfo:
    """The limits of a floating-point dtype (the default one when none is given).

    Attributes:
        bits, eps, max, min, tiny, smallest_normal, resolution, dtype: as NumPy's finfo has them.
    Raises:
        TypeError: not a floating-point or complex dtype.

    >>> weft.finfo(weft.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: Dtype | None = None) -> None:
        given = _core.get_default_dtype() if type is None else type
        given = _REAL.get(given, given)
        if given not in _LAYOUT:
            raise TypeError(f"weft.finfo() requires a floating point input type. Use weft.iinfo to handle {given!r}")
        self.bits, exponent, fraction = _LAYOUT[given]
        top = 2 ** (exponent - 1)
        self.eps = 2.0**-fraction
        self.max = (2.0 - self.eps) * 2.0 ** (top - 1)
        self.min = -self.max
        self.smallest_normal = self.tiny = 2.0 ** (2 - top)
        self.resolution = 10.0 ** -int(fraction * 0.30102999566398120)
        self.dtype = _named(given)

    def __repr__(self) -> str:
        shown = {"resolution": self.resolution, "min": self.min, "max": self.max, "eps": self.eps}
        shown |= {"smallest_normal": self.smallest_normal, "tiny": self.tiny}
        return f"finfo({', '.join(f'{k}={_short(v)}' for k, v in shown.items())}, dtype={self.dtype})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)


def _short(value: float) -> str:
    return format(value, "g")


class iinfo:
    """The limits of an integer dtype.

    Attributes:
        bits, max, min, dtype.
    Raises:
        TypeError: not an integer dtype.

    >>> weft.iinfo(weft.uint8).max
    255
    """

    def __init__(self, type: Dtype) -> None:
        if type.is_floating_point or type.is_complex or type is _core.bool:
            raise TypeError(f"weft.iinfo() requires an integer input type. Use weft.finfo to handle {type!r}")
        self.bits = 8 * type.itemsize
        self.max = 2 ** (self.bits - type.is_signed) - 1
        self.min = -(2 ** (self.bits - 1)) if type.is_signed else 0
        self.dtype = _named(type)

    def __repr__(self) -> str:
        return f"iinfo(min={_short(self.min)}, max={_short(self.max)}, dtype={self.dtype})"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(self.dtype)
