"""Functions of ``torch`` that are the layer below ``torch.nn.functional``: other argument orders, reductions as numbers.

Programs call them seldom and by habit; each is a line over the function that does the work.

>>> import weft
>>> weft.kl_div(weft.zeros(2), weft.ones(2), 2)
tensor(0.)
"""

from __future__ import annotations

from builtins import range as _count
from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor
from weft.nn import functional as F

__all__ = [
    "_batch_norm_with_update",
    "_native_batch_norm_legit",
    "_safe_softmax",
    "_softmax_backward_data",
    "_upsample_bilinear2d_aa",
    "adaptive_max_pool1d",
    "affine_grid_generator",
    "alpha_dropout_",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "ctc_loss",
    "dropout_",
    "embedding",
    "feature_alpha_dropout_",
    "feature_dropout",
    "feature_dropout_",
    "grid_sampler",
    "grid_sampler_2d",
    "grid_sampler_3d",
    "hinge_embedding_loss",
    "instance_norm",
    "kl_div",
    "margin_ranking_loss",
    "native_batch_norm",
    "native_channel_shuffle",
    "native_layer_norm",
    "norm_except_dim",
    "numel",
    "poisson_nll_loss",
    "range",
    "rrelu_",
    "triplet_margin_loss",
]

Outputs = tuple[Tensor, Tensor, Tensor]


def _reduction(number: int) -> str:
    """The name of a reduction. That of PyTorch's functions is 0 by default, though their schemas say mean."""
    if number not in (0, 1, 2):
        raise ValueError(f"expected reduction 0 (none), 1 (mean) or 2 (sum), got {number!r}")
    return ("none", "mean", "sum")[number]


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """:func:`weft.nn.functional.batch_norm`, also of one value per channel."""
    return weft.nn._native.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """:func:`weft.nn.functional.instance_norm`."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> Outputs:
    """Batch norm, the means of the channels and the inverses of their deviations; these two are empty in evaluation."""
    output = batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, False)
    if not training:
        return output, input.new_empty(0), input.new_empty(0)
    with weft.no_grad():
        dims = [d for d in _count(input.dim()) if d != 1]
        var, mean = weft.var_mean(input, dims, correction=0)
        return output, mean, (var + eps).rsqrt()


def _native_batch_norm_legit(input: Tensor, weight: Tensor | None, bias: Tensor | None, *args: Any) -> Outputs:
    """:func:`native_batch_norm`; the two running statistics may be left out."""
    running = args[:2] if len(args) == 5 else (None, None)
    return native_batch_norm(input, weight, bias, running[0], running[1], *args[-3:])


def _batch_norm_with_update(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """:func:`native_batch_norm` in training, and an empty tensor of bytes."""
    found = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return *found, weft.empty(0, dtype=weft.uint8)


def native_layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> Outputs:
    """Layer norm, the means, and the inverses of the deviations."""
    output = F.layer_norm(input, list(normalized_shape), weight, bias, eps)
    with weft.no_grad():
        var, mean = weft.var_mean(input, list(_count(-len(normalized_shape), 0)), correction=0, keepdim=True)
        return output, mean, (var + eps).rsqrt()


def native_channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """:func:`weft.nn.functional.channel_shuffle`."""
    return F.channel_shuffle(input, groups)


def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norm of each slice of v along dim, with all dimensions kept; of everything for dim -1.

    >>> import weft
    >>> weft.norm_except_dim(weft.tensor([[3.0, 4.0], [0.0, 2.0]])).tolist()
    [[5.0], [2.0]]
    """
    if dim == -1:
        return v.norm(pow)
    if not 0 <= dim < v.dim():
        raise IndexError(f"norm_except_dim(): expected dim between -1 and {v.dim() - 1}, got {dim}")
    return weft.linalg.vector_norm(v, pow, [d for d in _count(v.dim()) if d != dim], keepdim=True)


def _softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int, input_dtype: weft.dtype) -> Tensor:
    """The gradient of softmax's input, from that of its output and the output.

    >>> import weft
    >>> y = weft.tensor([0.5, 0.5])
    >>> weft._softmax_backward_data(weft.tensor([1.0, 0.0]), y, 0, weft.float32).tolist()
    [0.25, -0.25]
    """
    weighted = grad_output * output
    return (weighted - output * weighted.sum(dim, keepdim=True)).to(input_dtype)


def _safe_softmax(self: Tensor, dim: int, dtype: weft.dtype | None = None) -> Tensor:
    """Softmax that is 0, not nan, where all of a row is -inf.

    >>> import weft
    >>> weft._safe_softmax(weft.full((2,), -weft.inf), 0).tolist()
    [0.0, 0.0]
    """
    masked = (self == -weft.inf).all(dim, keepdim=True)
    result = weft.softmax(weft.where(masked, weft.zeros_like(self), self), dim, dtype=dtype)
    return weft.where(masked, weft.zeros_like(result), result)


def _upsample_bilinear2d_aa(
    input: Tensor,
    output_size: Sequence[int] | None,
    align_corners: bool,
    scale_factors: Sequence[float] | None = None,
) -> Tensor:
    """:func:`weft.nn.functional.interpolate`, bilinear, filtered."""
    return F.interpolate(input, output_size, scale_factors, "bilinear", align_corners, antialias=True)


def embedding(
    weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
) -> Tensor:
    """:func:`weft.nn.functional.embedding`; a padding_idx of -1 is none."""
    padding = None if padding_idx == -1 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 0,
) -> Tensor:
    """:func:`weft.nn.functional.binary_cross_entropy_with_logits`."""
    chosen = _reduction(reduction)
    return F.binary_cross_entropy_with_logits(input, target, weight, reduction=chosen, pos_weight=pos_weight)


def kl_div(input: Tensor, target: Tensor, reduction: int = 0, *, log_target: bool = False) -> Tensor:
    """:func:`weft.nn.functional.kl_div`."""
    loss = F.kl_div(input, target, reduction="none", log_target=log_target)
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[_reduction(reduction)]


def poisson_nll_loss(input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: int) -> Tensor:
    """:func:`weft.nn.functional.poisson_nll_loss`."""
    chosen = _reduction(reduction)
    return F.poisson_nll_loss(input, target, log_input=log_input, full=full, eps=eps, reduction=chosen)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """:func:`weft.nn.functional.cosine_embedding_loss`."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: int = 0) -> Tensor:
    """:func:`weft.nn.functional.hinge_embedding_loss`."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: int = 0
) -> Tensor:
    """:func:`weft.nn.functional.margin_ranking_loss`."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = 0,
) -> Tensor:
    """:func:`weft.nn.functional.triplet_margin_loss`."""
    chosen = _reduction(reduction)
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=chosen)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """:func:`weft.nn.functional.ctc_loss`."""
    chosen = _reduction(reduction)
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, chosen, zero_infinity)


def grid_sampler(
    input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Tensor:
    """:func:`weft.nn.functional.grid_sample` with modes as numbers: bilinear, nearest, bicubic; zeros, border, reflection."""
    if interpolation_mode not in (0, 1, 2) or padding_mode not in (0, 1, 2):
        raise ValueError(
            f"grid_sampler: expected modes between 0 and 2, got {interpolation_mode!r} and {padding_mode!r}"
        )
    mode = ("bilinear", "nearest", "bicubic")[interpolation_mode]
    return F.grid_sample(input, grid, mode, ("zeros", "border", "reflection")[padding_mode], align_corners)


grid_sampler_2d = grid_sampler_3d = grid_sampler


def affine_grid_generator(theta: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """:func:`weft.nn.functional.affine_grid`."""
    return F.affine_grid(theta, list(size), align_corners)


def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """The maxima and their indices: :func:`weft.nn.functional.adaptive_max_pool1d`."""
    return F.adaptive_max_pool1d_with_indices(input, output_size)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Zeroes whole channels of input, shape (N, C, ...), and scales the others.

    >>> import weft
    >>> weft.feature_dropout(weft.ones(1, 2, 3), 0.0, True).sum().item()
    6.0
    """
    if p < 0.0 or p > 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not train or p == 0.0:
        return input.clone()
    if input.dim() < 2:
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, got {input.dim()}")
    kept = input.new_empty([*input.shape[:2], *(1 for _ in input.shape[2:])]).bernoulli_(1 - p)
    return input * (kept / (1 - p) if p < 1 else kept)


def _stored(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The form of a function of input, p and train that stores its result in input."""

    def in_place(input: Tensor, p: float, train: bool) -> Tensor:
        return input.copy_(function(input.clone(), p, train))

    in_place.__name__ = in_place.__qualname__ = f"{function.__name__}_"
    in_place.__doc__ = f"{function.__name__}, in place."
    return in_place


dropout_ = _stored(F.dropout)
alpha_dropout_ = _stored(F.alpha_dropout)
feature_dropout_ = _stored(feature_dropout)
feature_alpha_dropout_ = _stored(F.feature_alpha_dropout)
rrelu_ = F.rrelu_


def numel(input: Tensor) -> int:
    """How many elements input has."""
    if not isinstance(input, Tensor):
        raise TypeError(f"numel(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return input.numel()


def range(start: float, end: float | None = None, step: float = 1, **options: Any) -> Tensor:
    """Numbers from start to end, end included, as floats; PyTorch deprecates it for arange.

    >>> import weft
    >>> weft.range(1, 2, 0.5).tolist()
    [1.0, 1.5, 2.0]
    """
    first, last = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("range: step must be nonzero")
    if (last - first) / step < 0:
        raise RuntimeError(
            f"range: upper bound and lower bound inconsistent with step sign, got {first}, {last}, {step}"
        )
    options["dtype"] = options.get("dtype") or weft.get_default_dtype()
    count = int((last - first) / step) + 1
    return weft.arange(count, dtype=weft.float64).mul(step).add(first).to(**options)
