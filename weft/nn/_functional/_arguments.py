"""Reading the arguments that many functions share: sizes, reductions, probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import weft
from weft import Tensor


def ntuple(value: Any, n: int) -> tuple[int, ...]:
    """``value`` for each of ``n`` dimensions: an integer is repeated, a sequence of one too."""
    if isinstance(value, int):
        return (value,) * n
    values = tuple(value)
    return values * n if len(values) == 1 else values


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str, stacklevel: int = 3) -> str:
    """The reduction that the two deprecated arguments of the losses ask for."""
    if size_average is None and reduce is None:
        return reduction
    name = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{name}' instead.",
        stacklevel=stacklevel,
    )
    return name


def check_reduction(reduction: str) -> None:
    """Raise unless ``reduction`` is "none", "mean" or "sum"."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction, expected none, mean or sum")


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """``loss`` summed or averaged as ``reduction`` says."""
    if reduction == "mean":
        return loss.mean()
    check_reduction(reduction)
    return loss.sum() if reduction == "sum" else loss


def check_probability(p: float) -> None:
    """Raise unless ``p`` is a probability."""
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def maybe_inplace(fn: Callable[[Tensor], Tensor], input: Tensor, inplace: bool) -> Tensor:
    """``fn(input)``, stored back into ``input`` if ``inplace``."""
    if not inplace:
        return fn(input)
    if not isinstance(input, Tensor):
        raise TypeError(f"argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    # The backward pass of fn may read its input, so it gets a copy that the store below does not change.
    source = input.clone() if weft.is_grad_enabled() and input.requires_grad else input
    return input.copy_(fn(source))
