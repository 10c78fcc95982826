"""Losses: how far predictions are from their targets, as one number or one per sample."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import weft
from weft import Tensor, _core
from weft._arguments import expects_tensors
from weft._autocast import in_float32
from weft._core import internal
from weft.nn import _native as native
from weft.nn._functional._arguments import check_reduction, legacy_reduction, reduced
from weft.nn._functional.activation import logsigmoid
from weft.nn._functional.distance import pairwise_distance

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "ctc_loss",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _paired_loss(
    loss: Callable[..., Tensor],
    total: Callable[..., Tensor] | None,
    input: Tensor,
    target: Tensor,
    reduction: str,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    options: tuple[float, ...] = (),
) -> Tensor:
    """``loss(input, target, *options)``, element by element, times the weights and reduced; the mean is over the weights.

    ``total`` is the sum without weights in one pass, divided by a further argument. Shapes that differ are broadcast, with PyTorch's warning. One function, for small losses are mostly calls.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce, reduction, stacklevel=4)
    if not target.is_same_size(input):
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )
        input, target = weft.broadcast_tensors(input, target)
    if weight is None and total is not None and reduction in ("mean", "sum"):
        divisor = input.numel() if reduction == "mean" else 1
        return total(input, target, *options, divisor) if options else total(input, target, divisor)
    losses = loss(input, target, *options)
    if weight is None:
        return reduced(losses, reduction)
    if weight.size() != losses.size():
        raise ValueError("Weights and input must have the same size.")
    if reduction == "mean":
        return (losses * weight).sum() / weight.sum()
    return reduced(losses * weight, reduction)


def _absolute_difference(input: Tensor, target: Tensor) -> Tensor:
    return (input - target).abs()


def _absolute_differences(input: Tensor, target: Tensor) -> tuple[Callable[..., Tensor], Callable[..., Tensor] | None]:
    """The loss and its total; of integers it is an integer, and only composed operators know complex numbers."""
    if input.is_complex() or target.is_complex() or not (input.is_floating_point() or target.is_floating_point()):
        return _absolute_difference, None
    return internal.absolute_difference, internal.absolute_difference_total


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Squared differences.

    Args:
        input, target: the same shape.
        reduction: "mean", "sum" or "none".
        weight: factor of each element.

    >>> import weft
    >>> weft.nn.functional.mse_loss(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))
    tensor(2.)
    """
    return _paired_loss(
        internal.squared_difference,
        internal.squared_difference_total,
        input,
        target,
        reduction,
        weight,
        size_average,
        reduce,
    )


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Absolute differences.

    >>> import weft
    >>> weft.nn.functional.l1_loss(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 4.0]))
    tensor(1.)
    """
    loss, total = _absolute_differences(input, target)
    return _paired_loss(loss, total, input, target, reduction, weight, size_average, reduce)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """``0.5 * d ** 2 / beta`` for differences d below ``beta``, ``d - 0.5 * beta`` above.

    >>> import weft
    >>> weft.nn.functional.smooth_l1_loss(weft.tensor([0.0]), weft.tensor([3.0]))
    tensor(2.5000)
    """
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        loss, total = _absolute_differences(input, target)
        return _paired_loss(loss, total, input, target, reduction, None, size_average, reduce)
    return _paired_loss(
        internal.huber, internal.huber_total, input, target, reduction, None, size_average, reduce, (beta, beta)
    )


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """``0.5 * d ** 2`` for differences d below ``delta``, ``delta * (d - 0.5 * delta)`` above.

    >>> import weft
    >>> weft.nn.functional.huber_loss(weft.tensor([0.0]), weft.tensor([3.0]), delta=2.0)
    tensor(4.)
    """
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    return _paired_loss(internal.huber, internal.huber_total, input, target, reduction, weight, options=(delta, 1.0))


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the log probability of the right class, from unnormalized log probabilities.

    Args:
        input: logits, shape (C,), (N, C) or (N, C, d1, ...).
        target: class indices, shape (), (N,) or (N, d1, ...); or class probabilities, shaped as ``input``.
        weight: factor of each class, shape (C,).
        ignore_index: targets with this value count for nothing.
        label_smoothing: how much of the probability is spread over all classes, 0 to 1.

    >>> import weft
    >>> weft.nn.functional.cross_entropy(weft.zeros(1, 2), weft.tensor([0]))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return native.cross_entropy(
        input,
        target,
        weight=weight,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the value of ``input`` at the right class.

    Args:
        input: log probabilities, shape (C,), (N, C) or (N, C, d1, ...).
        target: class indices, shape (), (N,) or (N, d1, ...).
        weight: factor of each class, shape (C,).

    >>> import weft
    >>> weft.nn.functional.nll_loss(weft.tensor([[-0.5, -2.0]]), weft.tensor([1]))
    tensor(2.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return native.nll_loss(input, target, weight=weight, ignore_index=ignore_index, reduction=reduction)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Cross entropy of probabilities; logarithms are held above -100.

    Args:
        input: probabilities, any shape.
        target: numbers between 0 and 1, the same shape.
        weight: factor of each element, broadcast to ``target``.

    >>> import weft
    >>> weft.nn.functional.binary_cross_entropy(weft.tensor([0.5]), weft.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not target.is_same_size(input):
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size."
        )
    if input.numel() and not bool(((input >= 0) & (input <= 1)).all()):
        raise RuntimeError("all elements of input should be between 0 and 1")
    log, log_complement = input.log().clamp_min(-100), (1 - input).log().clamp_min(-100)
    loss = (target - 1) * log_complement - target * log
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Cross entropy of the sigmoid of ``input``, computed without overflow.

    Args:
        input: logits, any shape.
        target: numbers between 0 and 1, the same shape.
        weight: factor of each element, broadcast.
        pos_weight: factor of the positive part, broadcast.

    >>> import weft
    >>> weft.nn.functional.binary_cross_entropy_with_logits(weft.tensor([0.0]), weft.tensor([1.0]))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not target.is_same_size(input):
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    if pos_weight is None:
        if weight is None and reduction in ("mean", "sum"):
            return internal.sigmoid_cross_entropy_total(input, target, input.numel() if reduction == "mean" else 1)
        loss = internal.sigmoid_cross_entropy(input, target)
    else:
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    return reduced(loss if weight is None else loss * weight, reduction)


@expects_tensors
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Kullback-Leibler divergence of the distribution ``target`` from ``input``.

    Args:
        input: log probabilities, any shape.
        target: probabilities, or their logarithms with ``log_target``.
        reduction: also "batchmean", the mathematical definition: the sum divided by the batch size.

    >>> import weft
    >>> p = weft.tensor([[0.5, 0.5]])
    >>> weft.nn.functional.kl_div(p.log(), p, reduction="batchmean")
    tensor(0.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    if reduction == "none":
        return (internal.log_divergence if log_target else internal.divergence)(input, target)
    batches = input.size(0) if input.dim() else 1
    if not target.is_same_size(input):
        input, target = weft.broadcast_tensors(input, target)
    if reduction == "batchmean":
        divisor = batches or 1
    else:
        check_reduction(reduction)
        divisor = input.numel() if reduction == "mean" else 1
    return (internal.log_divergence_total if log_target else internal.divergence_total)(input, target, divisor)


@expects_tensors
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of counts under a Poisson distribution.

    Args:
        input: the rate, or its logarithm with ``log_input``.
        target: counts.
        full: add the Stirling approximation of log(target!).

    >>> import weft
    >>> weft.nn.functional.poisson_nll_loss(weft.tensor([0.0]), weft.tensor([2.0]))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood under normal distributions with mean ``input`` and variance ``var``.

    Args:
        input, target: shape (N, ...).
        var: shaped as ``input``, or with one value for the last dimension; held above ``eps``.
        full: add the constant term.

    >>> import weft
    >>> weft.nn.functional.gaussian_nll_loss(weft.tensor([0.0]), weft.tensor([2.0]), weft.tensor([1.0]))
    tensor(2.)
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * weft.ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif not (
            input.dim() == var.dim()
            and sum(a != b for a, b in zip(input.shape, var.shape, strict=True)) == 1
            and 1 in var.shape
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    with weft.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target).square() / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``input`` where the target is 1, ``max(0, margin - input)`` where it is -1.

    >>> import weft
    >>> weft.nn.functional.hinge_embedding_loss(weft.tensor([0.5, 0.5]), weft.tensor([1.0, -1.0]))
    tensor(0.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    zeros = weft.zeros_like(input)
    loss = weft.where(target == 1, zeros, (margin - input).clamp_min(0)) + weft.where(target == -1, zeros, input)
    return reduced(loss, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, -target * (input1 - input2) + margin)``.

    >>> import weft
    >>> one = weft.ones(1)
    >>> weft.nn.functional.margin_ranking_loss(one, one, one, margin=0.5)
    tensor(0.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``log(1 + exp(-target * input))`` for targets 1 and -1.

    >>> import weft
    >>> weft.nn.functional.soft_margin_loss(weft.zeros(1), weft.ones(1))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return reduced(-logsigmoid(target * input), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross entropy with logits, averaged over the classes.

    Args:
        input: logits, shape (N, C) or (C,).
        target: 0 or 1, the same shape.
        weight: factor of each class, shape (C,).

    >>> import weft
    >>> weft.nn.functional.multilabel_soft_margin_loss(weft.zeros(1, 3), weft.ones(1, 3))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced((loss if weight is None else loss * weight).mean(-1), reduction)


@expects_tensors
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge loss over classes: the mean of ``max(0, margin - input[y] + input[i]) ** p`` over the wrong ones.

    Args:
        input: scores, shape (N, C) or (C,).
        target: class indices, shape (N,) or ().
        p: 1 or 2.
        weight: factor of each class, shape (C,).

    >>> import weft
    >>> weft.nn.functional.multi_margin_loss(weft.tensor([[0.1, 0.2, 0.4, 0.8]]), weft.tensor([3]))
    tensor(0.3250)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    scores = input.reshape(-1, input.size(-1)) if input.dim() else input.reshape(1, 1)
    classes = scores.size(-1)
    if weight is not None and (weight.dim() != 1 or weight.numel() != classes):
        kind = ValueError if weight.dim() != 1 else RuntimeError  # as PyTorch
        raise kind(
            f"multi_margin_loss(): weight must be one-dimensional, of {classes} elements, got {list(weight.shape)}"
        )
    index = target.reshape(-1, 1)
    hinge = (margin - scores.gather(1, index) + scores).clamp_min(0).pow(p)
    if weight is not None:
        hinge = hinge * weight[index]
    hinge = hinge.scatter(1, index, 0.0)
    loss = hinge.sum(1) / classes
    return reduced(loss if input.dim() > 1 else loss.reshape(()), reduction)


@expects_tensors
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Hinge loss of every wrong class against every right one.

    Args:
        input: scores, shape (N, C) or (C,).
        target: the right classes, then -1, shape (N, C) or (C,).

    >>> import weft
    >>> scores, labels = weft.tensor([[0.1, 0.2, 0.4, 0.8]]), weft.tensor([[3, 0, -1, 1]])
    >>> weft.nn.functional.multilabel_margin_loss(scores, labels)
    tensor(0.8500)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    scores = input.reshape(-1, input.size(-1)) if input.dim() else input.reshape(1, 1)
    labels = target.reshape(scores.shape)
    listed = (labels < 0).cumsum(1) == 0  # a label counts up to the first -1
    index = labels.clamp_min(0)
    is_target = weft.zeros_like(labels).scatter_reduce(1, index, listed.to(labels.dtype), "amax") > 0
    # shape (N, labels, classes)
    hinge = (1 - scores.gather(1, index).unsqueeze(2) + scores.unsqueeze(1)).clamp_min(0)
    counted = listed.unsqueeze(2) & ~is_target.unsqueeze(1)
    loss = weft.where(counted, hinge, weft.zeros_like(hinge)).sum((1, 2)) / scores.size(1)
    return reduced(loss if input.dim() > 1 else loss.reshape(()), reduction)


@expects_tensors
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``1 - cos`` for pairs with target 1, ``max(0, cos - margin)`` for pairs with target -1.

    Args:
        input1, input2: shape (N, D) or (D,).
        target: shape (N,) or ().

    >>> import weft
    >>> weft.nn.functional.cosine_embedding_loss(weft.ones(1, 2), weft.ones(1, 2), weft.tensor([-1]))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.dim() + 1 != input1.dim() or target.dim() + 1 != input2.dim():
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs "
            f"with sizes {tuple(input1.shape)} and {tuple(input2.shape)}."
        )
    dots, squares1, squares2 = (input1 * input2).sum(-1), input1.square().sum(-1), input2.square().sum(-1)
    cos = dots / ((squares1 + 1e-12) * (squares2 + 1e-12)).sqrt()
    zeros = weft.zeros_like(cos)
    loss = weft.where(target == 1, 1 - cos, zeros) + weft.where(target == -1, (cos - margin).clamp_min(0), zeros)
    return reduced(loss, reduction)


@expects_tensors
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``max(0, d(anchor, positive) - d(anchor, negative) + margin)`` with d the ``p``-norm distance.

    Args:
        anchor, positive, negative: shape (N, D) or (D,).
        swap: use d(positive, negative) where it is smaller than d(anchor, negative).

    >>> import weft
    >>> a = weft.zeros(1, 2)
    >>> weft.nn.functional.triplet_margin_loss(a, a, a)
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """:func:`triplet_margin_loss` with any distance function (default: the Euclidean distance).

    >>> import weft
    >>> a = weft.zeros(1, 2)
    >>> weft.nn.functional.triplet_margin_with_distance_loss(a, a, a, margin=2.0)
    tensor(2.)
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and negative "
            f"{negative.dim()}D inputs"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = weft.minimum(far, distance(positive, negative))
    return reduced((near - far + margin).clamp_min(0), reduction)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification: minus the log probability of all alignments of the targets.

    Args:
        log_probs: shape (T, N, C) or (T, C).
        targets: shape (N, S), or all targets one after the other.
        input_lengths, target_lengths: shape (N,).
        blank: the class that stands for "no label".
        zero_infinity: count impossible alignments as zero.

    Source: Graves et al., Connectionist Temporal Classification, 2006.

    >>> import weft
    >>> log_probs = weft.zeros(3, 1, 2).log_softmax(2)
    >>> length = weft.tensor([1])
    >>> loss = weft.nn.functional.ctc_loss(log_probs, weft.tensor([[1]]), weft.tensor([3]), length)
    >>> round(loss.item(), 4)
    0.2877
    """
    batched = log_probs if log_probs.dim() == 3 else log_probs.unsqueeze(1)
    target_lens = _lengths(target_lengths)
    lens = _lengths(input_lengths)
    loss = _core.internal._ctc_loss(batched, targets, lens, target_lens, blank, zero_infinity)
    if reduction == "mean":
        return (loss / weft.tensor(target_lens, dtype=loss.dtype).clamp_min(1)).mean()
    if log_probs.dim() == 2:
        loss = loss.squeeze(0)
    return reduced(loss, reduction)


def _lengths(lengths: Any) -> list[int]:
    return [int(n) for n in weft.as_tensor(lengths).reshape(-1).tolist()]


# Under autocast losses compute in float32: sums of many small terms need its precision. Some are told so by the table.
for _name in set(__all__) - {"huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"}:
    globals()[_name] = in_float32(globals()[_name])
