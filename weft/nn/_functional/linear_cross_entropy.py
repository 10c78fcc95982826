"""A dense layer and the cross entropy of its outputs in one, so that the logits of all rows need not exist at once."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import weft
from weft import Tensor
from weft.autograd import Function
from weft.nn import _native as native

__all__ = ["LinearCrossEntropyOptions", "linear_cross_entropy"]

_POLICIES = ("accurate", "balanced", "compact", "auto")


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How :func:`linear_cross_entropy` divides the rows.

    Args:
        allow_retain_graph: kept for programs that set it: a graph may always be retained.
        batch_chunk_size: rows whose logits exist at a time. Default: by ``chunking_method``.
        chunking_method: "auto", "aspect_ratio" (logits no larger than the input), "aspect_ratio:n" (an n-th of that),
            or None: all rows at once.
        acc_policy, acc_dtype: kept for programs that set them: sums are of the input's dtype.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None

    def __post_init__(self) -> None:
        if self.batch_chunk_size is not None and self.batch_chunk_size <= 0:
            raise ValueError(f"batch_chunk_size must be a positive integer, got {self.batch_chunk_size}")
        if self.acc_policy not in _POLICIES:
            raise ValueError(f"acc_policy must be one of {_POLICIES}, got {self.acc_policy!r}")
        name, _, factor = (self.chunking_method or "auto").partition(":")
        if name not in ("auto", "aspect_ratio") or (factor and not (factor.isdecimal() and int(factor) > 0)):
            raise ValueError(
                f"chunking_method must be 'auto', 'aspect_ratio[:n]' or None, got {self.chunking_method!r}"
            )

    def rows(self, batch: int, in_features: int, num_classes: int) -> int:
        """How many rows of a batch make a chunk."""
        if self.batch_chunk_size is not None:
            return self.batch_chunk_size
        if self.chunking_method is None:
            return max(batch, 1)
        factor = int(self.chunking_method.partition(":")[2] or 1)
        ratio = math.ceil(num_classes / max(in_features, 1))
        return max(1, math.ceil(batch / max(ratio, 1)) // factor)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """``cross_entropy(linear(input, linear_weight, linear_bias), target)``.

    Args:
        input: shape (N, in_features) or (in_features,).
        linear_weight: shape (C, d1, ..., dk, in_features).
        target: classes of shape (N, d1, ..., dk), or probabilities of the shape of the logits (N, C, d1, ..., dk).
        linear_bias: shape (C, d1, ..., dk).
        weight, reduction, label_smoothing: those of ``cross_entropy``.
        ignore_index: the class that does not count; -100 unless given.
        options: go through the rows in chunks and compute their logits once more in the backward pass, which can not
            itself be differentiated.

    Raises:
        RuntimeError: the shapes do not agree.

    >>> import weft
    >>> weft.nn.functional.linear_cross_entropy(weft.zeros(1, 3), weft.ones(2, 3), weft.tensor([1]))
    tensor(0.6931)
    """
    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    classes, *positions, in_features = linear_weight.shape
    if input.size(-1) != in_features:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {input.size(-1)} and {in_features}, respectively"
        )
    if linear_bias is not None and tuple(linear_bias.shape) != (classes, *positions):
        raise RuntimeError(f"expected linear_bias shape {(classes, *positions)}, got {tuple(linear_bias.shape)}")
    if positions and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {in_features}), got unbatched input with shape {tuple(input.shape)}"
        )
    shape = (*input.shape[:-1], classes, *positions)
    if tuple(target.shape) == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore_index = -100 if ignore_index is None else ignore_index
    if options is not None:
        if not positions and target.dtype == weft.int64 and label_smoothing == 0.0:
            return _chunked(input, linear_weight, linear_bias, target, weight, reduction, ignore_index, options)
        warnings.warn(
            "linear_cross_entropy: options ignored; chunks need class indices, no label smoothing and a weight with "
            f"two dimensions, got target of {target.dtype}, label_smoothing={label_smoothing} and a weight of shape "
            f"{tuple(linear_weight.shape)}",
            stacklevel=2,
        )
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = native.linear(input, linear_weight.reshape(-1, in_features), bias).reshape(shape)
    return native.cross_entropy(logits, target, weight, ignore_index, reduction, label_smoothing)


class _Rows(Function):
    """The losses of some rows; their logits are not kept but computed again."""

    @staticmethod
    def forward(ctx: Any, target: Tensor, options: Any, *tensors: Any) -> Tensor:
        ctx.save_for_backward(target, *tensors)
        ctx.options = options
        return _Rows.losses(target, options, tensors)

    @staticmethod
    def losses(target: Tensor, options: Any, tensors: Any) -> Tensor:
        input, linear_weight, linear_bias, weight = tensors
        return native.cross_entropy(native.linear(input, linear_weight, linear_bias), target, weight, *options)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        target, *tensors = ctx.saved_tensors
        needs = ctx.needs_input_grad[2:]
        copies: list[Any] = [
            t if t is None else t.detach().requires_grad_(need) for t, need in zip(tensors, needs, strict=True)
        ]
        with weft.enable_grad():
            losses = _Rows.losses(target, ctx.options, copies)
        wanted: list[Tensor] = [copy for copy, need in zip(copies, needs, strict=True) if need]
        found = iter(weft.autograd.grad(losses, wanted, grad))
        return None, None, *(next(found) if need else None for need in needs)


def _chunked(
    input: Tensor,
    linear_weight: Tensor,
    linear_bias: Tensor | None,
    target: Tensor,
    weight: Tensor | None,
    reduction: str,
    ignore_index: int,
    options: LinearCrossEntropyOptions,
) -> Tensor:
    rows, labels = input.reshape(-1, input.size(-1)), target.reshape(-1)
    size = options.rows(rows.size(0), rows.size(1), linear_weight.size(0))
    how = (ignore_index, "none" if reduction == "none" else "sum", 0.0)
    losses = [
        _Rows.apply(labels[i : i + size], how, rows[i : i + size], linear_weight, linear_bias, weight)
        for i in range(0, rows.size(0), size)
    ]
    if reduction == "none":
        return weft.cat(losses).reshape(target.shape)
    total = weft.stack(losses).sum()
    if reduction == "sum":
        return total
    counted = labels != ignore_index
    weights = counted if weight is None else weight[labels.masked_fill(~counted, 0)] * counted
    return total / weights.sum().to(total.dtype)
