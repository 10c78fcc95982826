"""Distinct values and coordinates of nonzero elements: results whose number depends on options."""

from __future__ import annotations

from typing import Any

from weft._compose._registry import composite
from weft._core import Tensor, internal


def _chosen(results: Any, return_inverse: bool, return_counts: bool) -> Any:
    values, inverse, counts = results
    picked = [values]
    if return_inverse:
        picked.append(inverse)
    if return_counts:
        picked.append(counts)
    return picked[0] if len(picked) == 1 else tuple(picked)


@composite()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct values in ascending order, or the distinct slices along dim.

    Args:
        sorted: kept for PyTorch's sake; the result is always in order.
        return_inverse: also give, for each element, where its value is in the result.
        return_counts: also give how often each occurs.

    >>> weft.unique(weft.tensor([3, 1, 3])).tolist()
    [1, 3]
    """
    if dim is None:
        return _chosen(internal._unique(input, return_inverse, return_counts), return_inverse, return_counts)
    return _chosen(internal._unique_dim(input, dim, False), return_inverse, return_counts)


@composite()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The first of every run of equal values, or of equal slices along dim.

    >>> weft.unique_consecutive(weft.tensor([1, 1, 2, 1])).tolist()
    [1, 2, 1]
    """
    if dim is None:
        return _chosen(
            internal._unique_consecutive(input, return_inverse, return_counts), return_inverse, return_counts
        )
    return _chosen(internal._unique_dim(input, dim, True), return_inverse, return_counts)


@composite()
def nonzero(input: Tensor, *, as_tuple: bool = False, out: Any = None) -> Any:
    """The indices of all elements that are not zero: a row each, or with as_tuple a tensor for each dimension.

    >>> weft.nonzero(weft.tensor([0, 5]), as_tuple=True)
    (tensor([1]),)
    """
    rows = internal.nonzero(input if not as_tuple or input.dim() > 0 else input.unsqueeze(0))
    return tuple(rows.unbind(1)) if as_tuple else rows


@composite()
def argwhere(input: Tensor) -> Tensor:
    """The indices of all elements that are not zero, a row each.

    >>> weft.argwhere(weft.tensor([0, 5])).tolist()
    [[1]]
    """
    return internal.nonzero(input)
