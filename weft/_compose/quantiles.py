"""Quantiles, membership, and extremes in pairs."""

from __future__ import annotations

from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._compose._registry import composite

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


class aminmax_result(NamedTuple):  # as PyTorch's return types are named
    """What aminmax returns."""

    min: Tensor
    max: Tensor


@composite(samples=[((2, 3),), ((2, 3), {"dim": 1}), ((2, 3), {"dim": 0, "keepdim": True}), ((),)])
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> aminmax_result:
    """The smallest and the largest element, of all or along a dimension; equal ones share the gradient.

    >>> [t.item() for t in weft.aminmax(weft.tensor([3, 1, 2]))]
    [1, 3]
    """
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError("aminmax(): cannot compute aminmax over an empty dimension as it has no identity")
        return aminmax_result(input.amin((), keepdim), input.amax((), keepdim))
    return aminmax_result(input.amin(dim, keepdim), input.amax(dim, keepdim))


@composite(method=False)
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False, out: Tensor | None = None
) -> Tensor:
    """Whether each element is one of test_elements (or, with invert, is none of them).

    >>> weft.isin(weft.tensor([1, 2, 3]), weft.tensor([3, 1])).tolist()
    [True, False, True]
    """
    x = elements if isinstance(elements, Tensor) else weft.tensor(elements)
    among = (test_elements if isinstance(test_elements, Tensor) else weft.tensor(test_elements)).reshape(-1)
    if among.numel() == 0:
        found = weft.zeros(x.shape, dtype=weft.bool)
    elif among.numel() <= 8:
        found = (x.unsqueeze(-1) == among).any(-1)
    else:
        dtype = weft.promote_types(x.dtype, among.dtype)
        x, ordered = x.to(dtype), among.to(dtype).sort()[0]
        found = ordered[weft.searchsorted(ordered, x.contiguous()).clamp_max(ordered.numel() - 1)] == x
    return found.logical_not() if invert else found


def _quantile(
    name: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    if input.dtype not in (weft.float32, weft.float64):
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    wanted = q if isinstance(q, Tensor) else weft.tensor(float(q), dtype=input.dtype)
    if wanted.dim() > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if wanted.dtype != input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not bool(((wanted >= 0) & (wanted <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(_INTERPOLATIONS)}, but got {interpolation}"
        )
    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    ndim = input.dim()
    lines = input.reshape(-1) if dim is None or ndim == 0 else input.movedim(dim, -1)
    ordered = lines.sort(-1)[0]  # nan last
    nans = ordered.isnan()
    size = ordered.size(-1)
    if skip_nan:
        last = (size - 1 - nans.sum(-1, keepdim=True)).clamp_min(0)
    else:
        last = weft.full([*ordered.shape[:-1], 1], size - 1)
        ordered = ordered.masked_fill(nans.any(-1, keepdim=True), weft.nan)
    position = wanted.reshape(-1) * last.to(input.dtype)
    if interpolation == "nearest":
        position = position.round()
    below = position.floor() if interpolation != "higher" else position.ceil()
    result = ordered.gather(-1, below.to(weft.int64))
    if interpolation in ("linear", "midpoint"):
        above = ordered.gather(-1, position.ceil().to(weft.int64))
        weight = position - below if interpolation == "linear" else (position > below).to(input.dtype) * 0.5
        result = weft.lerp(result, above, weight)
    # (..., quantiles) to (quantiles, ...) or (...).
    result = result.movedim(-1, 0)
    if keepdim:
        result = (
            result.reshape([-1] + [1] * ndim)
            if dim is None
            else result.unsqueeze(1 + dim % max(ndim, 1))
            if ndim
            else result
        )
    return result.squeeze(0) if wanted.dim() == 0 else result


@composite(samples=[((5,), 0.4), ((2, 5), 0.5, 1), ((2, 5), 0.3, 0, True)])
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """The q-quantiles of all elements or along a dimension; nan where there is one.

    Args:
        input: float32 or float64.
        q: from 0 to 1, a number or a 1-dim tensor, whose dimension then comes first in the result.
        interpolation: between the two nearest elements: "linear", "lower", "higher", "midpoint" or "nearest".

    >>> weft.quantile(weft.tensor([1.0, 2.0, 3.0, 4.0]), 0.5).item()
    2.5
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, skip_nan=False)


@composite(samples=[((5,), 0.4), ((2, 5), 0.5, 1)])
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """quantile() of what is not nan.

    >>> weft.nanquantile(weft.tensor([1.0, weft.nan, 3.0]), 0.5).item()
    2.0
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, skip_nan=True)
