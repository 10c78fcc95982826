"""Differences, slopes, and areas of sampled functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(
    ref=lambda x, n=1, dim=-1: __import__("numpy").diff(x, n, dim),
    samples=[((4,),), ((2, 4), 2), ((3, 2), 1, 0), ((2, 2), 5)],
)
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The differences of neighbours along a dimension, taken n times.

    >>> weft.tensor([1, 3, 2]).diff().tolist()
    [2, -1]
    """
    if input.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    if n == 0:
        return input.clone()
    ends = [t for t in (prepend, input, append) if t is not None]
    x = weft.cat(ends, dim) if len(ends) > 1 else input
    n = min(n, x.size(dim))
    for _ in range(n):
        length = max(x.size(dim) - 1, 0)
        later, earlier = x.narrow(dim, x.size(dim) - length, length), x.narrow(dim, 0, length)
        x = later ^ earlier if x.dtype == weft.bool else later - earlier
    return x if n else x.clone()


@composite(
    method=False,
    samples=[
        ((5,),),
        ((3, 4),),
        ((3, 4), {"dim": 1}),
        ((3, 4), {"spacing": 2.0, "edge_order": 2}),
        ((4,), {"spacing": [0.5]}),
    ],
)
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The slopes of a sampled function in each dimension, by central differences; one-sided at the edges.

    Args:
        input: samples, floating point.
        spacing: between samples: one number, a number for each dimension, or a 1-dim tensor of coordinates for each.
        dim: the dimensions to differentiate in, all by default.
        edge_order: 1 or 2, the order of the differences at the edges.

    >>> [t.tolist() for t in weft.gradient(weft.tensor([1.0, 2.0, 4.0]))]
    [[1.0, 1.5, 2.0]]
    """
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    places = [d % max(input.dim(), 1) for d in dims]
    for d in places:
        if places.count(d) > 1:
            raise RuntimeError(f"gradient(): dim {d} appears multiple times in the list of dims, {dims}")
    if edge_order not in (1, 2):
        raise RuntimeError(f"gradient only supports edge_order=1 and edge_order=2, but got {edge_order}")
    spacings: Sequence[Any]
    if spacing is None or isinstance(spacing, int | float):
        spacings = [1 if spacing is None else spacing] * len(dims)
    else:
        spacings = list(spacing)
        if len(spacings) != len(dims):
            raise RuntimeError(
                f"gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'dim', but got {len(spacings)} "
                f"spacings for {len(dims)} dimensions"
            )
    if not input.is_floating_point():
        input = input.to(weft.get_default_dtype())
    for d in dims:
        if input.size(d) < edge_order + 1:
            raise RuntimeError("gradient expected each dimension size to be at least edge_order+1")
    return tuple(_slope(input, h, d, edge_order) for h, d in zip(spacings, dims, strict=True))


def _slope(f: Tensor, spacing: Any, dim: int, edge_order: int) -> Tensor:
    n = f.size(dim)

    def at(first: int, count: int) -> Tensor:
        return f.narrow(dim, first, count)

    if isinstance(spacing, Tensor) and spacing.dim() == 1:
        shape = [-1 if d == dim % f.dim() else 1 for d in range(f.dim())]
        steps = diff(spacing.to(f.dtype)).reshape(shape)
    else:
        size = [n - 1 if d == dim % f.dim() else 1 for d in range(f.dim())]
        steps = weft.full(size, float(spacing), dtype=f.dtype)

    def step(first: int, count: int = 1) -> Tensor:
        return steps.narrow(dim, first, count)

    parts = [
        _edge(at(0, 1), at(1, 1), at(2, 1) if edge_order == 2 else None, step(0), step(1) if edge_order == 2 else None)
    ]
    if n > 2:
        left, right = step(0, n - 2), step(1, n - 2)
        total = left + right
        parts.append(
            at(2, n - 2) * (left / (right * total))
            + at(1, n - 2) * ((right - left) / (left * right))
            - at(0, n - 2) * (right / (left * total))
        )
    before, width = (at(n - 3, 1), step(n - 3)) if edge_order == 2 else (None, None)
    parts.append(-_edge(at(n - 1, 1), at(n - 2, 1), before, step(n - 2), width))
    return weft.cat(parts, dim)


def _edge(f0: Tensor, f1: Tensor, f2: Tensor | None, h0: Tensor, h1: Tensor | None) -> Tensor:
    """The one-sided slope at f0, away from the edge."""
    if f2 is None or h1 is None:
        return (f1 - f0) / h0
    total = h0 + h1
    return f1 * (total / (h0 * h1)) - f0 * ((h0 + total) / (h0 * total)) - f2 * (h0 / (h1 * total))


def _areas(y: Tensor, x: Tensor | None, dx: Any, dim: int) -> Tensor:
    """The areas between neighbours."""
    n = y.size(dim)
    heights = y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)
    if x is None:
        return heights * ((1 if dx is None else dx) / 2)
    if x.dim() == 1:
        if x.numel() != n:
            raise RuntimeError(f"There must be one `x` value for each sample point, got {x.numel()} for {n} points")
        x = x.reshape([-1 if d == dim % y.dim() else 1 for d in range(y.dim())])
    return heights * diff(x, 1, dim if x.dim() == y.dim() or dim < 0 else dim - y.dim()) / 2


@composite(
    method=False,
    aliases=("trapz",),
    samples=[((4,),), ((2, 3),), ((2, 3), (3,)), ((2, 3), None, {"dx": 0.5, "dim": 0})],
)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The area under samples y along a dimension, by the trapezoidal rule.

    Args:
        y: values.
        x: where they were taken; else they are dx (default 1) apart.

    >>> weft.trapezoid(weft.tensor([1.0, 5.0, 10.0])).item()
    10.5
    """
    return _checked_areas(y, x, dx, dim, "trapezoid").sum(dim)


@composite(method=False, samples=[((4,),), ((2, 3), (3,)), ((2, 3), None, {"dx": 0.5, "dim": 0})])
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The areas under samples y from the first up to each later one, by the trapezoidal rule.

    >>> weft.cumulative_trapezoid(weft.tensor([1.0, 5.0, 10.0])).tolist()
    [3.0, 10.5]
    """
    return _checked_areas(y, x, dx, dim, "cumulative_trapezoid").cumsum(dim)


def _checked_areas(y: Tensor, x: Tensor | None, dx: Any, dim: int, name: str) -> Tensor:
    if x is not None and dx is not None:
        raise RuntimeError(f"{name}() takes x or dx, not both")
    if y.dim() == 0 or y.size(dim) == 0:
        raise RuntimeError(f"{name}() needs samples along dim {dim}, got y of shape {list(y.shape)}")
    return _areas(y, x, dx, dim)
