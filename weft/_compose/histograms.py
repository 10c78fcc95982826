"""Counts of elements by interval, in one dimension and in many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._compose._registry import composite


class Histogram(NamedTuple):
    hist: Tensor
    bin_edges: Tensor


class Histogramdd(NamedTuple):
    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def _edges(name: str, column: Tensor, bins: int | Tensor, low_high: Sequence[float] | None) -> Tensor:
    """The bounds of the intervals of one dimension."""
    if isinstance(bins, Tensor):
        if bins.dim() != 1:
            raise RuntimeError(f"{name}(): bins tensor should have one dimension, but got {bins.dim()}")
        if bins.numel() == 0:
            raise RuntimeError(f"{name}(): bins tensor should have at least 1 element, but got 0")
        if bins.dtype != column.dtype:
            raise RuntimeError(f"{name}(): expected bins with dtype {column.dtype} but got {bins.dtype}")
        return bins.clone()
    if bins <= 0:
        raise RuntimeError(f"{name}(): bins must be > 0, but got {bins}")
    low, high = (0.0, 1.0) if low_high is None else (float(low_high[0]), float(low_high[1]))
    if low_high is None and column.numel():
        low, high = float(column.min()), float(column.max())
        if not (abs(low) < weft.inf and abs(high) < weft.inf):
            raise RuntimeError(f"{name}(): dimension's inferred range [{low}, {high}] is not finite")
    if not (abs(low) < weft.inf and abs(high) < weft.inf):
        raise RuntimeError(f"{name}(): range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}(): min should not exceed max, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return weft.linspace(low, high, bins + 1, dtype=column.dtype)


def _counted(name: str, points: Tensor, edges: Sequence[Tensor], weight: Tensor | None, density: bool) -> Tensor:
    """The histogram of points (N, D) over a grid of intervals; the last of each dimension has its end in it."""
    sizes = [e.numel() - 1 for e in edges]
    inside = weft.ones(points.size(0), dtype=weft.bool)
    flat = weft.zeros(points.size(0), dtype=weft.int64)
    for d, e in enumerate(edges):
        column = points[:, d].contiguous()
        position = weft.searchsorted(e, column, right=True) - 1
        position = position - (column == e[-1]).to(weft.int64)
        inside = inside & (column >= e[0]) & (column <= e[-1])
        flat = flat * sizes[d] + position.clamp(0, max(sizes[d] - 1, 0))
    counts = weft.zeros(points.size(0), dtype=points.dtype) + (1 if weight is None else weight.reshape(-1))
    total = 1
    for n in sizes:
        total *= n
    hist = weft.zeros(total, dtype=points.dtype).index_add(0, flat[inside], counts[inside]).reshape(sizes)
    if density:
        hist = hist / hist.sum()
        for d, e in enumerate(edges):
            shape = [1] * len(sizes)
            shape[d] = -1
            hist = hist / e.diff().reshape(shape)
    return hist


def _check(name: str, input: Tensor, weight: Tensor | None, points: Sequence[int]) -> None:
    if not input.is_floating_point():
        raise RuntimeError(f'"{name}" not implemented for {input.dtype}: expected float32 or float64')
    if weight is not None:
        if list(weight.shape) != list(points):
            raise RuntimeError(
                f"{name}(): if weight tensor is provided it should have the same shape as the input tensor excluding "
                f"its innermost dimension, expected {list(points)}, got {list(weight.shape)}"
            )
        if weight.dtype != input.dtype:
            raise RuntimeError(f"{name}(): expected weight with dtype {input.dtype} but got {weight.dtype}")


@composite()
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: Any = None,
) -> Histogram:
    """How many elements, or how much weight, falls into each interval, and the bounds of the intervals.

    Args:
        bins: the number of equal intervals, or their bounds in increasing order.
        range: where equal intervals begin and end: by default the smallest and the largest element.
        weight: what each element counts, of the shape of input.
        density: gives the density instead, whose integral is 1.

    >>> weft.histogram(weft.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist.tolist()
    [0.0, 2.0, 1.0, 0.0]
    """
    _check("histogram", input, weight, list(input.shape))
    x = input.detach().reshape(-1)
    edges = _edges("histogram", x, bins, range)
    return Histogram(_counted("histogram", x.unsqueeze(1), [edges], weight, density), edges)


@composite(method=False)
def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Histogramdd:
    """The histogram of points of D coordinates, shape (..., D), over a grid of intervals.

    Args:
        bins: the number of equal intervals of each dimension, or their bounds.
        range: smallest and largest of each dimension in turn, 2 D numbers.

    >>> points = weft.tensor([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    >>> weft.histogramdd(points, [2, 2]).hist.tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """
    if input.dim() < 2:
        raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, but got {input.dim()}")
    _check("histogramdd", input, weight, list(input.shape[:-1]))
    count = input.size(-1)
    each: list[Any] = [bins] * count if isinstance(bins, int) else list(bins)
    if len(each) != count:
        raise RuntimeError(
            f"histogramdd(): The size of bins must be equal to the innermost dimension of the input: "
            f"expected {count}, got {len(each)}"
        )
    if range is not None and len(range) != 2 * count:
        raise RuntimeError(f"histogramdd(): for a {count}-dimensional histogram range should have {2 * count} elements")
    points = input.detach().reshape(-1, count)
    edges = [
        _edges("histogramdd", points[:, d], each[d], None if range is None else range[2 * d : 2 * d + 2])
        for d in weft.arange(count).tolist()
    ]
    return Histogramdd(_counted("histogramdd", points, edges, weight, density), tuple(edges))
