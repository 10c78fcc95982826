"""Whether tensors are equal, or close to it."""

from __future__ import annotations

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(ref="numpy.isclose", samples=[((2, 3), (2, 3)), ((2, 3), (3,)), ((), ())])
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| <= atol + rtol * |other|, element by element.

    >>> weft.isclose(weft.tensor([1.0]), weft.tensor([1.0 + 1e-6])).tolist()
    [True]
    """
    if input.dtype != other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    if rtol < 0:
        raise RuntimeError(f"rtol must be greater than or equal to zero, but got {rtol}")
    if atol < 0:
        raise RuntimeError(f"atol must be greater than or equal to zero, but got {atol}")
    close = input == other
    if equal_nan and input.is_floating_point():
        close = close | (input.isnan() & other.isnan())
    if rtol == 0 and atol == 0:
        return close
    a, b = (input, other) if input.is_floating_point() else (input.double(), other.double())
    gap = (a - b).abs()
    return close | (gap.isfinite() & (gap <= atol + (rtol * b).abs()))


@composite()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether isclose holds everywhere.

    >>> weft.allclose(weft.ones(2), weft.ones(2))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@composite()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements.

    >>> weft.equal(weft.ones(2), weft.ones(2))
    True
    """
    if input.layout is not weft.strided:
        return input.equal(other)  # the method of its class
    return input.shape == other.shape and bool((input == other).all())
