"""RMSprop: steps divided by the running root mean square of the gradient."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.optim._steps import FusedOptimizer, zeros_of
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr, check_not_negative

__all__ = ["RMSprop"]


class RMSprop(FusedOptimizer):
    """RMSprop: each weight's step is divided by the running root mean square of its gradient.

    Args:
        lr: learning rate.
        alpha: how much of the running mean square is kept.
        eps: added to the root.
        weight_decay: factor of the parameter that is added to the gradient.
        momentum: how much of the last step is kept.
        centered: divide by the running deviation instead.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6, 2012.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.RMSprop(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "rmsprop"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return (
            "square_avg",
            "grad_avg" if group["centered"] else None,
            "momentum_buffer" if group["momentum"] > 0 else None,
        )

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        for name in ("square_avg", "momentum_buffer", "grad_avg"):  # in PyTorch's order
            if name in self._states(group):
                state[name] = zeros_of(param)

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        return lr, group["alpha"], group["eps"], group["momentum"]
