"""weft.masked: reductions and normalizations that leave out the elements whose mask is False.

A mask is broadcast to the shape of its input. What is wholly masked out gives the neutral element of the reduction, nan
where there is none.

>>> import weft
>>> weft.masked.sum(weft.tensor([1.0, 2.0, 4.0]), mask=weft.tensor([True, False, True])).item()
5.0
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._core import dtype as Dtype

__all__ = [
    "sum", "prod", "amax", "amin", "argmax", "argmin", "mean", "median", "logsumexp", "logaddexp", "norm", "var", "std",
    "cumsum", "cumprod", "softmax", "log_softmax", "softmin", "normalize",
]  # fmt: skip

Dims = int | Sequence[int] | None


def _dims(dim: Dims, ndim: int) -> list[int]:
    """Distinct dimensions in order; none given, or (), means all."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    found = []
    for d in given:
        if not -builtins.max(ndim, 1) <= d < builtins.max(ndim, 1):
            raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {d})")
        d %= builtins.max(ndim, 1)
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        found.append(d)
    return sorted(found)


def _fitted(input: Tensor, mask: Tensor) -> Tensor:
    """The mask as bool in the shape of input."""
    if mask.dim() > input.dim():
        raise IndexError(f"mask has {mask.dim()} dimensions, expected at most the {input.dim()} of input")
    return mask.broadcast_to(input.shape).to(weft.bool)


def _filled(input: Tensor, mask: Tensor | None, value: Any) -> Tensor:
    """input with value where the mask is False."""
    if mask is None:
        return input
    return weft.where(_fitted(input, mask), input, weft.tensor(value, dtype=input.dtype))


def _lowest(input: Tensor) -> Any:
    return -weft.inf if input.is_floating_point() or input.is_complex() else weft.iinfo(input.dtype).min


def _highest(input: Tensor) -> Any:
    return weft.inf if input.is_floating_point() else weft.iinfo(input.dtype).max


def _summed_dtype(input: Tensor, dtype: Dtype | None) -> Dtype:
    if dtype is not None:
        return dtype
    inexact = input.is_floating_point() or input.is_complex()
    return input.dtype if inexact else weft.int64


def sum(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The sum over dimensions, all by default."""
    dims = _dims(dim, input.dim())
    return _filled(input, mask, 0).sum(dims, keepdim, dtype=_summed_dtype(input, dtype))


def prod(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The product over dimensions, all by default."""
    result = _filled(input, mask, 1).to(_summed_dtype(input, dtype))
    for d in reversed(_dims(dim, input.dim())):
        result = result.prod(d, keepdim)
    return result


def cumsum(input: Tensor, dim: int, *, dtype: Dtype | None = None, mask: Tensor | None = None) -> Tensor:
    """Sums of all elements so far along dim."""
    dtype = dtype if dtype is not None else input.dtype
    return _filled(input, mask, 0).cumsum(_dims(dim, input.dim())[0], dtype=dtype)


def cumprod(input: Tensor, dim: int, *, dtype: Dtype | None = None, mask: Tensor | None = None) -> Tensor:
    """Products of all elements so far along dim."""
    dtype = dtype if dtype is not None else input.dtype
    return _filled(input, mask, 1).cumprod(_dims(dim, input.dim())[0], dtype=dtype)


def amax(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The largest element over dimensions, all by default."""
    result = _filled(input, mask, _lowest(input)).amax(_dims(dim, input.dim()), keepdim)
    return result.to(dtype if dtype is not None else input.dtype)


def amin(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The smallest element over dimensions, all by default."""
    result = _filled(input, mask, _highest(input)).amin(_dims(dim, input.dim()), keepdim)
    return result.to(dtype if dtype is not None else input.dtype)


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the largest element stands, in the dtype of input."""
    found = _filled(input, mask, _lowest(input)).argmax(dim, keepdim)
    return found.to(dtype if dtype is not None else input.dtype)


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the smallest element stands, in the dtype of input."""
    found = _filled(input, mask, _highest(input)).argmin(dim, keepdim)
    return found.to(dtype if dtype is not None else input.dtype)


def _count(input: Tensor, dim: Dims, keepdim: bool, mask: Tensor | None) -> Tensor:
    counted = weft.ones(input.shape, dtype=weft.int64) if mask is None else _fitted(input, mask)
    return counted.sum(_dims(dim, input.dim()), keepdim)


def mean(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The mean over dimensions, all by default; nan where everything is masked out."""
    wanted = dtype if dtype is not None else input.dtype
    if not (wanted.is_floating_point or wanted.is_complex):
        source = "Input" if dtype is None else "Optional"
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating point or complex dtype. "
            f"Got: {wanted}"
        )
    return sum(input, dim, keepdim=keepdim, dtype=wanted, mask=mask) / _count(input, dim, keepdim, mask)


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """The median along dim; nan where everything is masked out."""
    exact = not input.is_floating_point()
    numbers = input.to(weft.float32) if exact else input
    result = _filled(numbers, mask, weft.nan).nanmedian(_dims(dim, input.dim())[0], keepdim).values
    if not exact:
        return result
    if bool(result.isnan().any()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return result.to(dtype if dtype is not None else input.dtype)


def logsumexp(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """log(sum(exp(input))) over dimensions, all by default."""
    result = _filled(input, mask, _lowest(input)).logsumexp(_dims(dim, input.dim()), keepdim)
    return result.to(dtype if dtype is not None else input.dtype)


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: Dtype | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """log(exp(input) + exp(other)), element by element."""
    a, b = _filled(input, input_mask, _lowest(input)), _filled(other, other_mask, _lowest(other))
    return weft.logaddexp(a, b).to(dtype if dtype is not None else input.dtype)


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The vector norm over dimensions, all by default."""
    order = 2.0 if ord is None else ord
    numbers = _filled(input, mask, weft.inf if order == -weft.inf else 0)
    dtype = dtype if dtype is not None else input.dtype
    return weft.linalg.vector_norm(numbers, order, _dims(dim, input.dim()), keepdim, dtype=dtype)


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The variance over dimensions, all by default."""
    if unbiased is not None and correction is not None:
        raise AssertionError("var: only one of unbiased and correction may be given")
    taken = (1.0 if unbiased is None else float(unbiased)) if correction is None else float(correction)
    wanted = dtype if dtype is not None else input.dtype if _inexact(input.dtype) else weft.float32
    compute = wanted if _inexact(wanted) else weft.float32
    centre = sum(input, dim, keepdim=True, dtype=wanted, mask=mask) / _count(input, dim, True, mask)
    apart = input - centre
    total = sum(apart * apart.conj(), dim, keepdim=keepdim, dtype=compute, mask=mask)
    count = _count(input, dim, keepdim, mask)
    if taken != 0:
        real = total.real.dtype if compute.is_complex else compute
        count = (count.to(real) - taken).clamp_min(0)
    return (total / count).to(wanted)


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The standard deviation over dimensions, all by default."""
    found = var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask)
    return found.sqrt()


def _inexact(dtype: Dtype) -> bool:
    return bool(dtype.is_floating_point or dtype.is_complex)


def softmax(input: Tensor, dim: int, *, dtype: Dtype | None = None, mask: Tensor | None = None) -> Tensor:
    """Softmax along dim over what the mask leaves."""
    dtype = dtype if dtype is not None else input.dtype
    return weft.softmax(_filled(input, mask, _lowest(input)), _dims(dim, input.dim())[0], dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: Dtype | None = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of softmax along dim over what the mask leaves."""
    dtype = dtype if dtype is not None else input.dtype
    return weft.log_softmax(_filled(input, mask, _lowest(input)), _dims(dim, input.dim())[0], dtype=dtype)


def softmin(input: Tensor, dim: int, *, dtype: Dtype | None = None, mask: Tensor | None = None) -> Tensor:
    """Softmax of -input along dim over what the mask leaves."""
    dtype = dtype if dtype is not None else input.dtype
    return weft.softmax(-_filled(input, mask, _highest(input)), _dims(dim, input.dim())[0], dtype=dtype)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: Dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """input divided by its norm along dim, or by eps where that is larger."""
    dtype = dtype if dtype is not None else input.dtype
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _filled(input, mask, 0) / length.clamp_min(eps)
