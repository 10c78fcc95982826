"""Arithmetic with another spelling: reversed, in double precision, by powers of two."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._arguments import refuse
from weft._compose._registry import composite


class Frexp(NamedTuple):
    mantissa: Tensor
    exponent: Tensor


@composite(method=False, samples=[((2, 3), (3,)), ((2,), 1.5)], ref=lambda a, b: b - a)
def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha * input.

    >>> weft.rsub(weft.tensor([1.0, 2.0]), 10).tolist()
    [9.0, 8.0]
    """
    if not isinstance(input, Tensor):
        refuse("rsub", "input", 0, input)
    if not isinstance(other, Tensor):
        other = weft.full((), other, dtype=weft.result_type(input, other))
    return weft.sub(other, input, alpha=alpha)


@composite(inplace=True, samples=[((3,), 2), ((2, 3), (3,))], domain=(0.1, 3))
def float_power(input: Any, exponent: Any, *, out: Tensor | None = None) -> Tensor:
    """input to a power, computed in float64, or complex128 when one of them is complex.

    >>> weft.float_power(weft.tensor([2, 3]), 2).tolist()
    [4.0, 9.0]
    """
    if not isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        raise TypeError(
            f"float_power(): one of input and exponent must be Tensor, got {type(input).__name__} and "
            f"{type(exponent).__name__}"
        )
    is_complex = any(v.is_complex() if isinstance(v, Tensor) else isinstance(v, complex) for v in (input, exponent))
    wide = weft.complex128 if is_complex else weft.float64
    base = input.to(wide) if isinstance(input, Tensor) else weft.tensor(input, dtype=wide)
    if not isinstance(exponent, Tensor):
        return weft.pow(base, exponent)
    return weft.pow(base if isinstance(input, Tensor) else base.item(), exponent.to(wide))


@composite(out_casts=True, inplace=True, samples=[((3,), (3,)), ((2, 3), (3,))])
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """input * 2 ** other.

    >>> weft.ldexp(weft.tensor([1.0]), weft.tensor([3])).tolist()
    [8.0]
    """
    for i, (name, part) in enumerate((("input", input), ("other", other))):
        if not isinstance(part, Tensor):
            refuse("ldexp", name, i, part)
    return weft.mul(input, weft.pow(2.0, other))


@composite()
def frexp(input: Tensor, *, out: Any = None) -> Frexp:
    """mantissa and exponent (int32) with input == mantissa * 2 ** exponent and 0.5 <= |mantissa| < 1.

    >>> mantissa, exponent = weft.frexp(weft.tensor([3.0]))
    >>> mantissa.item(), exponent.item()
    (0.75, 2)
    """
    if not input.is_floating_point():
        raise RuntimeError(f"frexp(): expected input with a floating point dtype but got {input.dtype}")
    # The exponent stands in the bits. Subnormals are scaled into the normal range first.
    bits, bias, width = {
        weft.float64: (weft.int64, 1022, 52), weft.float32: (weft.int32, 126, 23),
        weft.float16: (weft.int16, 14, 10), weft.bfloat16: (weft.int16, 126, 7),
    }[input.dtype]  # fmt: skip
    x = input.detach()
    tiny = x.abs() < 2.0 ** (2 - bias)
    scaled = weft.where(tiny, x * 2.0 ** (width + 1), x).contiguous()
    field = weft.bitwise_and(weft.bitwise_right_shift(scaled.view(bits), width), 2 * bias + 3)
    exponent = field.to(weft.int32) - bias - tiny * (width + 1)
    plain = x.isfinite() & (x != 0)
    exponent = weft.where(plain, exponent, weft.zeros((), dtype=weft.int32))
    half = weft.div(exponent, 2, rounding_mode="floor")  # in two steps: 2 ** -exponent alone may overflow
    mantissa = input * weft.exp2(-half.to(input.dtype)) * weft.exp2((half - exponent).to(input.dtype))
    return Frexp(mantissa, exponent.to(weft.int32))


@composite(out_casts=True, inplace=True, samples=[((3,), 2)], domain=(1.5, 5))
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p; inputs above (p - 1) / 2.

    >>> weft.mvlgamma(weft.tensor([2.0]), 1).tolist()
    [0.0]
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got {p}")
    if input.dtype == weft.bool:
        raise RuntimeError("mvlgamma: the input tensor may not be bool")
    x = input if input.is_floating_point() else input.to(weft.get_default_dtype())
    steps = weft.arange(-p / 2 + 0.5, 0.5, 0.5, dtype=x.dtype)
    return weft.lgamma(x.unsqueeze(-1) + steps).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


@composite(namespace="special", method=False)
def multigammaln(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """mvlgamma.

    >>> weft.special.multigammaln(weft.tensor([2.0]), 1).tolist()
    [0.0]
    """
    return mvlgamma(input, p)
