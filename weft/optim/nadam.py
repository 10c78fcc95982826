"""NAdam: Adam with Nesterov momentum."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_betas, check_differentiable, check_lr, check_not_negative

__all__ = ["NAdam"]


class NAdam(FusedOptimizer):
    """Adam with Nesterov momentum.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: factor of the parameter that is added to the gradient.
        momentum_decay: how fast the momentum grows to its final value.
        decoupled_weight_decay: shrink the parameter instead of changing the gradient.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Dozat, Incorporating Nesterov Momentum into Adam, 2016.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.NAdam(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "nadam"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(epsilon=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return "exp_avg", "exp_avg_sq"

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["mu_product"] = weft.tensor(1.0, dtype=weft.float32)
        super()._init_state(param, state, group)

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * group["momentum_decay"]))
        state["mu_product"] *= mu
        mu_product = state["mu_product"].item()
        of_grad = lr * (1.0 - mu) / (1.0 - mu_product)
        of_mean = lr * mu_next / (1.0 - mu_product * mu_next)
        return of_grad, of_mean, beta1, beta2, group["eps"], (1 - beta2**step) ** 0.5
