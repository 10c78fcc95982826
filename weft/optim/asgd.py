"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim.optimizer import ParamsT, PerTensorOptimizer, check_lr, check_not_negative

__all__ = ["ASGD"]


class ASGD(PerTensorOptimizer):
    """Stochastic gradient descent that also keeps the average of the parameters, in ``state[param]["ax"]``.

    Args:
        lr: learning rate.
        lambd: decay of the parameters.
        alpha: power with which the learning rate falls.
        t0: step after which averaging begins.
        weight_decay: factor of the parameter that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable, differentiable: kept for programs that set them.

    Source: Polyak, Juditsky, Acceleration of stochastic approximation by averaging, 1992.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.ASGD(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

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

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["eta"] = weft.tensor(float(group["lr"]), dtype=weft.float32)
        state["mu"] = weft.ones((), dtype=weft.float32)
        state["ax"] = weft.zeros_like(param, memory_format=weft.preserve_format)

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, lambd, step = float(group["lr"]), group["lambd"], state["step"].item()
        eta, mu, average = state["eta"].item(), state["mu"].item(), state["ax"]
        param.mul_(1 - lambd * eta)
        param.add_(grad, alpha=-eta)
        if mu != 1:
            average.add_(param.sub(average).mul_(mu))
        else:
            average.copy_(param)
        state["eta"].fill_(lr / (1 + lambd * lr * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))
