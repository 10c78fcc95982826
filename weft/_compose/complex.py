"""Complex tensors by magnitude and angle, and the attributes of their parts."""

from __future__ import annotations

import weft
from weft import Tensor, _core
from weft._arguments import refuse
from weft._compose._registry import composite


@composite(attribute=True, settable=True, function=False)
def real(input: Tensor) -> Tensor:
    """The view of the real parts; a real tensor as it is."""
    return _core.real(input)


@composite(attribute=True, settable=True, function=False)
def imag(input: Tensor) -> Tensor:
    """The view of the imaginary parts of a complex tensor."""
    return _core.imag(input)


@composite(method=False)
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Complex numbers from magnitudes and angles in radians.

    >>> weft.polar(weft.ones(1), weft.zeros(1)).tolist()
    [(1+0j)]
    """
    for i, (name, part) in enumerate((("abs", abs), ("angle", angle))):
        if not isinstance(part, Tensor):
            refuse("polar", name, i, part)
    return _core.complex(abs * angle.cos(), abs * angle.sin())


@composite()
def is_conj(input: Tensor) -> bool:
    """False: conj() computes at once, so no tensor is waiting to be conjugated."""
    if not isinstance(input, Tensor):
        refuse("is_conj", "input", 0, input)
    return False


@composite()
def resolve_conj(input: Tensor) -> Tensor:
    """input: conj() computes at once."""
    if not isinstance(input, Tensor):
        refuse("resolve_conj", "input", 0, input)
    return input


@composite(method=False)
def is_complex(input: Tensor) -> bool:
    """Whether the elements are complex numbers.

    >>> weft.is_complex(weft.tensor([1j]))
    True
    """
    return input.is_complex()


@composite(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Whether the elements are floating-point numbers.

    >>> weft.is_floating_point(weft.tensor([1]))
    False
    """
    return input.is_floating_point()


@composite()
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    >>> weft.is_signed(weft.tensor([1], dtype=weft.uint8))
    False
    """
    return input.dtype.is_signed


@composite(samples=[((2, 3),)], ref="numpy.isreal")
def isreal(input: Tensor) -> Tensor:
    """Where the imaginary part is zero: everywhere, of real numbers.

    >>> weft.isreal(weft.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """
    return _core.imag(input) == 0 if input.is_complex() else weft.ones_like(input, dtype=weft.bool)
