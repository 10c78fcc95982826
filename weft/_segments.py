"""Reductions of runs of elements, and kin of theirs that few programs call."""

from __future__ import annotations

import math
from collections.abc import Sequence

import weft
from weft import Tensor

__all__ = [
    "_chunk_cat", "_segment_reduce", "_unsafe_masked_index", "_unsafe_masked_index_put_accumulate", "segment_reduce",
]  # fmt: skip

# By reduction: that of scatter_reduce, and the value of an empty segment.
_REDUCTIONS = {
    "sum": ("sum", 0.0), "mean": ("sum", 0.0), "prod": ("prod", 1.0), "max": ("amax", -math.inf), "min": ("amin", math.inf),
}  # fmt: skip


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """Reduces consecutive segments of data along axis.

    Args:
        reduce: "sum", "mean", "prod", "max" or "min".
        lengths: of the segments, shape data.shape[:axis] + (n,); or
        offsets: where they begin, and the end of the last one, shape data.shape[:axis] + (n + 1,).
        unsafe: do not check that the segments make up the axis.
        initial: what each reduction begins with.

    >>> import weft
    >>> weft.segment_reduce(weft.tensor([1.0, 2.0, 5.0]), "sum", lengths=weft.tensor([2, 0, 1])).tolist()
    [3.0, 0.0, 5.0]
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"segment_reduce(): expected reduce to be one of {', '.join(_REDUCTIONS)}, got {reduce!r}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): expected lengths or offsets, indices based reduction is not supported")
    if lengths is None:
        if offsets is None:
            raise RuntimeError("segment_reduce(): expected lengths or offsets, got neither")
        lengths = offsets.diff(dim=-1)
    if lengths.dim() != axis + 1:
        raise RuntimeError(f"segment_reduce(): expected lengths of {axis + 1} dimensions, got {lengths.dim()}")
    size, count = data.size(axis), lengths.size(-1)
    ends = lengths.cumsum(-1)
    if offsets is not None:
        ends = ends + offsets[..., :1]
    elif not unsafe and bool(((lengths < 0).any(-1) | (lengths.sum(-1) != size)).any()):
        raise RuntimeError(
            f"segment_reduce(): expected lengths that are not negative and sum to {size} along axis {axis}"
        )
    places = weft.arange(size, dtype=ends.dtype).expand([*data.shape[:axis], size]).contiguous()
    segment = weft.searchsorted(ends, places, right=True)  # `count` is the place of what lies behind the last one
    if offsets is not None:
        segment = segment.masked_fill(places < offsets[..., :1], count)
    beside = (1,) * (data.dim() - axis - 1)
    how, neutral = _REDUCTIONS[reduce]
    start = neutral if initial is None else initial
    shape = [*data.shape[:axis], count + 1, *data.shape[axis + 1 :]]
    index = segment.reshape([*segment.shape, *beside]).expand(data.shape)
    found = (
        weft.full(shape, start, dtype=data.dtype)
        .scatter_reduce(axis, index, data, how)
        .narrow(axis, 0, count)
        .contiguous()
    )
    if reduce != "mean":
        return found
    sizes = lengths.reshape([*lengths.shape, *beside])
    return weft.where(sizes > 0, found / sizes.clamp_min(1), weft.nan if initial is None else found)


_segment_reduce = segment_reduce


def _chunk_cat(tensors: Sequence[Tensor], dim: int, num_chunks: int, *, out: Tensor | None = None) -> Tensor:
    """Pads each tensor with zeros to num_chunks pieces along dim, and puts the pieces of all side by side."""
    if num_chunks < 1:
        raise RuntimeError(f"_chunk_cat(): expected positive num_chunks, got {num_chunks}")
    if not tensors:
        raise RuntimeError("_chunk_cat(): expected a non-empty list of Tensors, got an empty one")
    tensors[0].size(dim)  # raises IndexError when there is no such dimension
    d = dim % max(tensors[0].dim(), 1)
    parts = []
    for tensor in tensors:
        if tensor.numel() == 0:
            raise RuntimeError(f"_chunk_cat(): expected non-empty tensors, got one of shape {tuple(tensor.shape)}")
        if tensor.dim() <= d:
            raise RuntimeError(f"_chunk_cat(): expected dim {d} of all tensors, got one of shape {tuple(tensor.shape)}")
        missing = -tensor.size(d) % num_chunks
        if missing:
            zeros = tensor.new_zeros([*tensor.shape[:d], missing, *tensor.shape[d + 1 :]])
            tensor = weft.cat([tensor, zeros], d)
        parts.append(tensor.reshape([*tensor.shape[:d], num_chunks, -1]))
    joined = weft.cat(parts, d + 1)
    return joined if out is None else out.resize_(joined.shape).copy_(joined)


def _inside(input: Tensor, indices: Sequence[Tensor | None]) -> tuple[Tensor | slice, ...]:
    """Indices moved to the nearest place that is there; None takes a dimension whole."""
    return tuple(
        slice(None) if index is None else index.clamp(-size, size - 1)
        for index, size in zip(indices, input.shape, strict=False)
    )


def _unsafe_masked_index(self: Tensor, mask: Tensor, indices: Sequence[Tensor | None], fill: float) -> Tensor:
    """self at the indices, and fill where mask is False, whatever the indices are there."""
    return self[_inside(self, indices)].masked_fill(~mask, fill)


def _unsafe_masked_index_put_accumulate(
    self: Tensor, mask: Tensor, indices: Sequence[Tensor | None], values: Tensor
) -> Tensor:
    """A copy of self with values added at the indices where mask is True."""
    found = [index for index in _inside(self, indices) if isinstance(index, Tensor)]
    added = values.masked_fill(~mask, 0)
    if len(found) != len(indices):
        raise NotImplementedError(
            "_unsafe_masked_index_put_accumulate(): expected an index for each dimension, got None"
        )
    return self.index_put(found, added, accumulate=True)
