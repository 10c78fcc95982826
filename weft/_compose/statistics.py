"""Sums that pass over nan, covariance, histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(out_casts=True, ref="numpy.nansum", samples=[((2, 3),), ((2, 3), 1), ((), None)])
def nansum(
    input: Tensor,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """The sum over dimensions, all by default, with nan counted as zero.

    >>> weft.nansum(weft.tensor([1.0, weft.nan])).item()
    1.0
    """
    numbers = weft.where(input.isnan(), 0, input) if input.is_floating_point() else input
    return numbers.sum(dim, keepdim, dtype=dtype) if dim is not None or keepdim else numbers.sum(dtype=dtype)


@composite(out_casts=True, ref="numpy.nanmean", samples=[((2, 3),), ((2, 3), 1)])
def nanmean(
    input: Tensor,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Tensor | None = None,
) -> Tensor:
    """The mean over dimensions, all by default, of what is not nan.

    >>> weft.nanmean(weft.tensor([1.0, weft.nan, 3.0])).item()
    2.0
    """
    if not input.is_floating_point():
        raise RuntimeError(f"nanmean(): expected input to have floating point dtype but got {input.dtype}")
    count = input.isnan().logical_not()
    return nansum(input, dim, keepdim, dtype=dtype) / (
        count.sum(dim, keepdim) if dim is not None or keepdim else count.sum()
    )


@composite(samples=[((2, 4),), ((4,),), ((2, 4), {"correction": 0})])
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables in rows and observations in columns, shape (V, N) or (N).

    Args:
        correction: what is taken from the number of observations: 1 for the unbiased estimate.
        fweights: how often each observation was made, integers, shape (N).
        aweights: how much each observation counts, shape (N).

    >>> weft.cov(weft.tensor([[0.0, 2.0], [0.0, 4.0]])).tolist()
    [[2.0, 4.0], [4.0, 8.0]]
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    if input.dtype == weft.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.dim() == 2 else input.reshape(1, -1)
    if not x.is_floating_point():
        x = x.to(weft.get_default_dtype())
    weights: Tensor | None = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.dim() > 1 or given.numel() != x.size(1):
            raise RuntimeError(f"cov(): expected {name} to have one number for each of the {x.size(1)} observations")
        if given.is_floating_point() == (name == "fweights"):
            kind = "integral" if name == "fweights" else "floating point"
            raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {given.dtype} dtype")
        if bool((given < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
        weights = given.to(x.dtype) if weights is None else weights * given
    if weights is None:
        total: Any = x.size(1)
        centred = x - x.mean(1, True)
        scaled = centred
        norm = total - correction
    else:
        total = weights.sum()
        if float(total) == 0:
            raise ZeroDivisionError("cov(): weights sum to zero, can't be normalized")
        centred = x - (x * weights).sum(1, True) / total
        scaled = centred * weights
        if aweights is None:
            norm = total - correction
        else:
            squares = weights * aweights
            norm = total - correction * squares.sum() / total
    product = weft.mm(scaled, centred.t().conj())
    norm = max(norm, 0) if isinstance(norm, int | float) else norm.clamp_min(0)
    return (product / norm).squeeze()


@composite(ref="numpy.corrcoef", samples=[((2, 4),), ((3, 4),)])
def corrcoef(input: Tensor) -> Tensor:
    """The matrix of correlation coefficients of variables in rows and observations in columns.

    >>> weft.corrcoef(weft.tensor([[0.0, 2.0], [0.0, 4.0]])).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    c = cov(input)
    if c.dim() == 0:
        return c / c
    deviation = c.diagonal().sqrt()
    return (c / deviation.unsqueeze(-1) / deviation.unsqueeze(0)).clamp(-1, 1)


@composite(samples=[((20,), 5), ((3, 4), 4, -2, 2)])
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None) -> Tensor:
    """How many elements fall into each of `bins` equal intervals from min to max; elements outside do not count.

    Equal bounds stand for the smallest and the largest element. The last interval includes its end.

    >>> weft.histc(weft.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3).tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    x = input.detach().reshape(-1)
    low, high = float(min), float(max)
    whole = low == high
    if whole and x.numel():
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (abs(low) < weft.inf and abs(high) < weft.inf):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    if not whole:
        x = x[(x >= low) & (x <= high)]
    position = (x - low).mul_(bins / (high - low)).to(weft.int64)
    counts = weft.bincount(position, minlength=bins)
    if counts.numel() > bins:
        counts[bins - 1] += counts[bins:].sum()
    return counts[:bins].to(input.dtype)
