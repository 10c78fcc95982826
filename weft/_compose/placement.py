"""Values put at places: by flat index, by index along a dimension, a fixed number of nonzero places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(inplace=True, samples=[((2, 3), weft.tensor([0, 5]), (2,))])
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """input with the elements of source at places counted through all dimensions.

    >>> weft.zeros(2, 2).put(weft.tensor([1, 3]), weft.tensor([5.0, 6.0])).tolist()
    [[0.0, 5.0], [0.0, 6.0]]
    """
    if index.dtype not in (weft.int64, weft.int32):
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source.dtype != input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {input.dtype} and "
            f"source.dtype = {source.dtype}"
        )
    if index.numel() != source.numel():
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{source.numel()}, index.numel() = {index.numel()}"
        )
    if input.numel() == 0 and index.numel():
        raise IndexError("put_(): Expected self to be non-empty when index is not")
    flat = input.reshape(-1).index_put((index.reshape(-1),), source.reshape(-1), accumulate)
    return flat.reshape(input.shape)


@composite(inplace=True, samples=[((3, 2), 0, weft.tensor([0, 2, 0]), (3, 2), "amax")])
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """Slices of source reduced into the slices of input along dim that index names.

    Args:
        reduce: "prod", "mean", "amax" or "amin".
        include_self: whether the old values of the slices take part.

    >>> weft.ones(3).index_reduce(0, weft.tensor([0, 0]), weft.tensor([2.0, 3.0]), "prod").tolist()
    [6.0, 1.0, 1.0]
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    if index.dim() > 1:
        raise RuntimeError(f"index_reduce(): Index is supposed to be a vector, got {index.dim()} dimensions")
    if input.dtype != source.dtype:
        raise RuntimeError(f"index_reduce(): self {input.dtype} and source {source.dtype} must have the same dtype")
    if input.dim() == 0:
        return index_reduce(
            input.reshape(1), 0, index.reshape(-1), source.reshape(-1), reduce, include_self=include_self
        ).reshape(())
    d = dim if dim >= 0 else dim + input.dim()
    if source.dim() != input.dim() or source.size(d) != index.numel():
        raise RuntimeError(
            f"index_reduce(): Number of indices ({index.numel()}) should be equal to source.size(dim), got source of "
            f"shape {list(source.shape)}"
        )
    shape = [1] * source.dim()
    shape[d] = -1
    places = index.reshape(shape).expand(source.shape).to(weft.int64)
    return input.scatter_reduce(d, places, source, reduce, include_self=include_self)


@composite(samples=[])
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None) -> Tensor:
    """The first `size` places of nonzero elements, a row for each; rows that are left over hold fill_value.

    >>> weft.nonzero_static(weft.tensor([0, 1, 1]), size=3).tolist()
    [[1], [2], [-1]]
    """
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = input.nonzero()[:size]
    rest = weft.full((size - found.size(0), input.dim()), fill_value, dtype=weft.int64)
    return weft.cat([found, rest])


@composite(samples=[((4,), 2), ((5, 2), 3, 0)])
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """chunk(chunks, dim)."""
    return tuple(input.chunk(chunks, dim))


@composite(samples=[((4,), 2), ((5, 2), 3, 0)])
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> tuple[Tensor, ...]:
    """split(split_size, dim)."""
    return tuple(input.split(split_size, dim))


@composite(samples=[((4,), [1, 3])])
def unsafe_split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """split_with_sizes(split_sizes, dim)."""
    return tuple(input.split_with_sizes(split_sizes, dim))


@composite(function=False)
def new_empty_strided(input: Tensor, size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    """A tensor of undefined elements with the given sizes and strides, in the dtype of input."""
    options["dtype"] = options.get("dtype") or input.dtype
    return weft.empty_strided(size, stride, **options)


@composite(method=False)
def empty_permuted(size: Sequence[int], physical_layout: Sequence[int], **options: Any) -> Tensor:
    """A tensor of undefined elements whose dimensions stand in memory in the given order, outermost first.

    >>> weft.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    ndim = len(size)
    if sorted(physical_layout) != list(range(ndim)):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {ndim} "
            f"and {list(physical_layout)} is not a permutation of its dimensions"
        )
    memory = weft.empty([size[d] for d in physical_layout], **options)
    return memory.permute([list(physical_layout).index(d) for d in range(ndim)])
