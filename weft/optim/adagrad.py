"""Adagrad: steps divided by the root of the sum of squared gradients."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import FusedOptimizer
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr, check_not_negative, new_step

__all__ = ["Adagrad"]


class Adagrad(FusedOptimizer):
    """Adagrad: each weight's step is divided by the root of the sum of its squared gradients.

    Args:
        lr: learning rate.
        lr_decay: how fast the learning rate falls with the steps.
        weight_decay: factor of the parameter that is added to the gradient.
        initial_accumulator_value: what the sum begins with.
        eps: added to the root.
        maximize: go up instead of down.
        foreach, fused: kept for programs that set them.
        differentiable: must be False.

    Source: Duchi, Hazan, Singer, Adaptive Subgradient Methods, 2011.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Adagrad(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "adagrad"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        check_not_negative(
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            epsilon=eps,
        )
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        # The state exists from the start, as in PyTorch, where it may be shared between processes.
        with weft.no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    self.state[param]["step"] = new_step()
                    self._init_state(param, self.state[param], group)

    def share_memory(self) -> None:
        """Move the sums to shared memory."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()

    def _sparse_step(self, group: dict[str, Any], param: Tensor, grad: Any) -> None:
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        state = self.state[param]
        state["step"] += 1
        rate, eps = self._numbers(state, group, float(group["lr"]), state["step"].item())
        grad = (-grad if group["maximize"] else grad).coalesce()
        state["sum"].add_(grad.pow(2))
        deviation = state["sum"].sparse_mask(grad).values().sqrt().add_(eps)
        param.add_(grad._with(grad.values() / deviation), alpha=-rate)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return ("sum",)

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["sum"] = weft.full_like(param, group["initial_accumulator_value"], memory_format=weft.preserve_format)

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        return lr / (1 + (step - 1) * group["lr_decay"]), group["eps"]
