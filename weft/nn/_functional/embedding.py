"""Tables of vectors looked up by index, and indices as one-hot vectors."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft._core import internal
from weft.autograd import Function
from weft.nn import _native as native

__all__ = ["embedding", "embedding_bag", "one_hot"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` that ``input`` names.

    Args:
        input: integers of any shape.
        weight: shape (V, D).
        padding_idx: this row gets no gradient.
        max_norm: first shrink, in place, the rows that are longer than this.
        scale_grad_by_freq: divide gradients by how often the index occurs.
        sparse: the gradient of ``weight`` is a sparse tensor of the rows looked up.

    Returns:
        Shape (*input.shape, D).

    >>> import weft
    >>> weft.nn.functional.embedding(weft.tensor([1, 0]), weft.tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    padding_idx = _row(padding_idx, weight)
    if max_norm is not None:
        _renorm(weight, input, max_norm, norm_type)
    padding = -1 if padding_idx is None else padding_idx
    if sparse and weight.requires_grad and weft.is_grad_enabled():
        if scale_grad_by_freq:
            raise RuntimeError("embedding: scale_grad_by_freq is not supported with sparse gradients")
        return _SparseEmbedding.apply(input, weight, padding)
    return native.embedding(input, weight, padding, scale_grad_by_freq, sparse)


class _SparseEmbedding(Function):
    """Rows of a table, whose gradient holds just the rows that were looked up."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, padding: int) -> Tensor:
        ctx.index, ctx.shape, ctx.padding = input.detach().clone().reshape(-1).to(weft.int64), weight.shape, padding
        return native.embedding(input, weight, padding, False, True)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor, None]:
        index, rows = ctx.index, grads[0].reshape(-1, *ctx.shape[1:])
        if ctx.padding >= 0:
            kept = (index != ctx.padding).nonzero().reshape(-1)
            index, rows = index.index_select(0, kept), rows.index_select(0, kept)
        return None, weft.sparse.CooTensor.make(index.unsqueeze(0), rows, ctx.shape), None


def _row(padding_idx: int | None, weight: Tensor) -> int | None:
    """``padding_idx`` counted from the front."""
    if padding_idx is None:
        return None
    rows = weight.size(0)
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return padding_idx % rows


def _renorm(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    with weft.no_grad():
        rows = indices.reshape(-1).unique()
        norms = weight[rows].norm(norm_type, dim=1, keepdim=True)
        weight[rows] = weight[rows] * weft.where(norms > max_norm, max_norm / (norms + 1e-7), weft.ones_like(norms))


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of bags of embeddings.

    Args:
        input: bags as rows, shape (B, N); or all indices one after the other, shape (N,), with ``offsets``.
        weight: shape (V, D).
        offsets: where each bag starts, shape (B,); with ``include_last_offset``, also where the last ends.
        mode: "sum", "mean" or "max".
        per_sample_weights: factors, shaped as ``input``, with mode "sum" only.
        padding_idx: this row is left out of the bags.

    Returns:
        Shape (B, D); zeros for an empty bag.

    >>> import weft
    >>> weft.nn.functional.embedding_bag(weft.tensor([[0, 1]]), weft.tensor([[1.0], [2.0]]), mode="sum")
    tensor([[3.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None:
        if input.shape != per_sample_weights.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not None, "
                f"then it must have the same shape as the input ({tuple(input.shape)})"
            )
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
                f"mode='sum' (got mode='{mode}'). Please open a feature request on GitHub."
            )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed "
                f"length sequences. However, found offsets of type {type(offsets)}"
            )
        bags, length = input.shape
        if mode != "max" and padding_idx is None and length > 0:
            plain = not (sparse or scale_grad_by_freq) and max_norm is None and per_sample_weights is None
            if plain and weight.dtype in (weft.float32, weft.float64):
                return internal.embedding_bag_rows(input, weight, mode == "mean")
            vectors = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
            if per_sample_weights is not None:
                vectors = vectors * per_sample_weights.unsqueeze(-1)
            return vectors.sum(1) if mode == "sum" else vectors.mean(1)
        bag_of = weft.arange(bags, device=input.device).repeat_interleave(length)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        starts = offsets[:-1] if include_last_offset else offsets
        bags = starts.numel()
        positions = weft.arange(input.numel(), device=input.device, dtype=offsets.dtype)
        bag_of = weft.searchsorted(starts.contiguous(), positions, right=True) - 1
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")

    flat = input.reshape(-1)
    padding_idx = _row(padding_idx, weight)
    if padding_idx is not None:
        keep = (flat != padding_idx).nonzero().reshape(-1)
        flat, bag_of = flat[keep], bag_of[keep]
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights.reshape(-1)[keep]
    rows = embedding(flat, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    out = weft.zeros([bags, weight.size(1)], dtype=weight.dtype, device=weight.device)
    if mode == "max":
        index = bag_of.unsqueeze(1).expand_as(rows)
        return out.scatter_reduce(0, index, rows, "amax", include_self=False)
    out = out.index_add(0, bag_of, rows)
    if mode == "mean":
        counts = weft.zeros(bags, dtype=weight.dtype, device=weight.device)
        counts = counts.index_add(0, bag_of, weft.ones_like(bag_of, dtype=weight.dtype))
        out = out / counts.clamp_min(1).unsqueeze(1)
    return out


@expects_tensors
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """A vector for each integer, 1 at its position and 0 elsewhere.

    Args:
        tensor: non-negative integers of any shape.
        num_classes: length of the vectors; -1: just long enough.

    Returns:
        int64, shape (*tensor.shape, num_classes).

    >>> import weft
    >>> weft.nn.functional.one_hot(weft.tensor([1, 0]), 3)
    tensor([[0, 1, 0],
            [1, 0, 0]])
    """
    return native.one_hot(tensor, num_classes)
