"""Adadelta: steps scaled by the running sizes of gradients and of earlier steps."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr, check_not_negative

__all__ = ["Adadelta"]


class Adadelta(FusedOptimizer):
    """Adadelta: each weight's step has the running size of its earlier steps.

    Args:
        lr: factor of the step.
        rho: how much of the running means is kept.
        eps: added to both.
        weight_decay: factor of the parameter that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method, 2012.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Adadelta(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "adadelta"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative(epsilon=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return "square_avg", "acc_delta"

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        return lr, group["rho"], group["eps"]
