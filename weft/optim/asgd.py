"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr, check_not_negative

__all__ = ["ASGD"]


class ASGD(FusedOptimizer):
    """Stochastic gradient descent that also keeps the average of the parameters, in ``state[param]["ax"]``.

    Args:
        lr: learning rate.
        lambd: decay of the parameters.
        alpha: power with which the learning rate falls.
        t0: step after which averaging begins.
        weight_decay: factor of the parameter that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Polyak, Juditsky, Acceleration of stochastic approximation by averaging, 1992.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.ASGD(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "asgd"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("ax",)

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["eta"] = weft.tensor(float(group["lr"]), dtype=weft.float32)
        state["mu"] = weft.ones((), dtype=weft.float32)
        super()._init_state(param, state, group)

    def _shrink(self, state: dict[str, Any], group: dict[str, Any], lr: float) -> float:
        return 1.0 - group["lambd"] * state["eta"].item()

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        lambd, eta, mu = group["lambd"], state["eta"].item(), state["mu"].item()
        # Through the default dtype, as in PyTorch, even where a loaded state has another.
        state["eta"].copy_(weft.tensor(lr / (1 + lambd * lr * step) ** group["alpha"]))
        state["mu"].copy_(weft.tensor(1 / max(1, step - group["t0"])))
        return eta, mu
