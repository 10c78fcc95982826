"""Rprop: only the signs of the gradients count."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import FusedOptimizer, zeros_of
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr

__all__ = ["Rprop"]


class Rprop(FusedOptimizer):
    """Resilient backpropagation: each weight has a step of its own that grows while its gradient keeps its sign.

    Args:
        lr: the first step.
        etas: factors of the step when the sign changes, and when it stays.
        step_sizes: smallest and largest step.
        maximize: go up instead of down.
        foreach, capturable: kept for programs that set them.
        differentiable: must be False.

    Source: Riedmiller, Braun, A direct adaptive method for faster backpropagation learning, 1993.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Rprop(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _rule = "rprop"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        return "prev", "step_size"

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["prev"] = zeros_of(param)
        state["step_size"] = weft.full_like(param, float(group["lr"]), memory_format=weft.preserve_format)

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        return *group["etas"], *group["step_sizes"]
