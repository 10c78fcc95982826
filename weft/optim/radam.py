"""RAdam: Adam that waits for its variance."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_betas, check_differentiable, check_lr, check_not_negative

__all__ = ["RAdam"]


class RAdam(FusedOptimizer):
    """Adam that takes plain momentum steps until the variance of its scaling is known well enough.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: factor of the parameter that is added to the gradient.
        decoupled_weight_decay: shrink the parameter instead of changing the gradient.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, 2019.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.RAdam(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "radam"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(epsilon=eps, weight_decay=weight_decay)
        check_betas(betas)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return "exp_avg", "exp_avg_sq"

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        correction2 = 1 - beta2**step
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * step * beta2**step / correction2
        rectified = 0.0  # too few steps to know the spread: as momentum
        if rho > 5.0:
            rectified = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
        return lr / (1 - beta1**step), beta1, beta2, group["eps"], rectified * correction2**0.5
