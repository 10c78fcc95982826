"""Muon: momentum steps of matrices, made orthogonal."""

from __future__ import annotations

import math
from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import PerTensorOptimizer
from weft.optim.optimizer import ParamsT, check_lr, check_not_negative

__all__ = ["Muon"]


class Muon(PerTensorOptimizer):
    """Momentum whose step, for each matrix, is replaced by the nearest orthogonal matrix.

    Args:
        params: matrices only; give the rest to AdamW.
        lr: learning rate.
        weight_decay: how much parameters shrink, times ``lr``.
        momentum: how much of the running mean of gradients is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the quintic Newton-Schulz iteration.
        eps: smallest norm to divide by.
        ns_steps: iterations.
        adjust_lr_fn: "original" scales by ``sqrt(max(1, rows / cols))``, "match_rms_adamw" to AdamW's step sizes.

    Source: Jordan, Muon: An optimizer for hidden layers in neural networks, 2024.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 2, bias=False)
        >>> optimizer = weft.optim.Muon(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _decays_gradient = False
    _counts_steps = False

    def __init__(
        self,
        params: ParamsT,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        check_not_negative(momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {param.size()}"
                    )

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["momentum_buffer"] = weft.zeros_like(param, memory_format=weft.preserve_format)

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if param.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        lr, momentum, buffer = float(group["lr"]), group["momentum"], state["momentum_buffer"]
        buffer.lerp_(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, cols = param.shape
        if group["adjust_lr_fn"] == "match_rms_adamw":
            ratio = 0.2 * math.sqrt(max(rows, cols))
        else:
            ratio = math.sqrt(max(1, rows / cols))
        param.mul_(1 - lr * group["weight_decay"])
        param.add_(update.to(param.dtype), alpha=-lr * ratio)


def _orthogonal(matrix: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """The orthogonal factor of ``matrix``, roughly, by Newton-Schulz iteration; bfloat16 is exact enough."""
    a, b, c = coefficients
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.bfloat16()
    if tall:
        x = x.t()
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.t()
        update = weft.addmm(gram, gram, gram, beta=b, alpha=c)
        x = weft.addmm(x, update, x, beta=a)
    return x.t() if tall else x
