"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_betas, check_differentiable, check_lr, check_not_negative

__all__ = ["Adamax"]


class Adamax(FusedOptimizer):
    """Adam with a decaying maximum of the gradient in place of the mean of its square.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: factor of the parameter that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2014, section 7.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Adamax(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "adamax"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
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
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return "exp_avg", "exp_inf"

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        beta1, beta2 = group["betas"]
        return lr / (1 - beta1**step), beta1, beta2, group["eps"]
