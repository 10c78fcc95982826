"""Adam: adaptive moment estimation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor, _core
from weft.optim._steps import GroupedOptimizer, zeros_of
from weft.optim.optimizer import (
    ParamsT,
    check_betas,
    check_differentiable,
    check_lr,
    check_not_negative,
    new_step,
)

__all__ = ["Adam"]


class Adam(GroupedOptimizer):
    """Adam: each weight's step is scaled by running means of its gradient and of its square.

    Args:
        params: what to optimize.
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: factor of the parameter that is added to the gradient.
        amsgrad: divide by the largest mean square so far.
        maximize: go up instead of down.
        decoupled_weight_decay: shrink the parameter instead of changing the gradient: AdamW.
        foreach, capturable, fused: kept for programs that set them; every step is one native call.
        differentiable: must be False.

    Source: Kingma, Ba, Adam: A Method for Stochastic Optimization, 2014.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Adam(model.parameters(), lr=1e-3)
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # saved by older versions of PyTorch
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("decoupled_weight_decay", False)
        for param_state in self.state.values():
            if param_state and not isinstance(param_state["step"], Tensor):
                param_state["step"] = weft.tensor(float(param_state["step"]), dtype=weft.float32)

    def _states(self, params: Sequence[Any], amsgrad: bool) -> list[dict[str, Any]]:
        """The state of each parameter, made where there is none."""
        states = [self.state[param] for param in params]
        for param, state in zip(params, states, strict=True):
            if not state:
                state["step"] = new_step()
                names = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if amsgrad else ("exp_avg", "exp_avg_sq")
                for name in names:
                    state[name] = zeros_of(param)
        return states

    def _step_together(self, group: dict[str, Any], params: Sequence[Any]) -> None:
        amsgrad = group["amsgrad"]
        states = self._states(params, amsgrad)
        _core.internal._fused_adam(
            params,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if amsgrad else [],
            [state["step"] for state in states],
            lr=float(group["lr"]),
            beta1=float(group["betas"][0]),
            beta2=float(group["betas"][1]),
            weight_decay=float(group["weight_decay"]),
            eps=group["eps"],
            amsgrad=amsgrad,
            maximize=group["maximize"],
            decoupled=group["decoupled_weight_decay"],
        )
