"""Complex tensors by magnitude and angle, and the attributes of their parts."""

from __future__ import annotations

from weft import Tensor, _core
from weft._compose._registry import composite


@composite(attribute=True, function=False)
def real(input: Tensor) -> Tensor:
    """The view of the real parts; a real tensor as it is."""
    return _core.real(input)


@composite(attribute=True, function=False)
def imag(input: Tensor) -> Tensor:
    """The view of the imaginary parts of a complex tensor."""
    return _core.imag(input)


@composite(method=False)
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers from magnitudes and angles in radians.

    >>> weft.polar(weft.ones(1), weft.zeros(1)).tolist()
    [(1+0j)]
    """
    return _core.complex(abs * angle.cos(), abs * angle.sin())


@composite()
def is_conj(input: Tensor) -> bool:
    """False: conj() computes at once, so no tensor is waiting to be conjugated."""
    return False


@composite()
def resolve_conj(input: Tensor) -> Tensor:
    """input: conj() computes at once."""
    return input
