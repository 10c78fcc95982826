"""Stochastic gradient descent, plain or with momentum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import weft
from weft import Tensor
from weft._core import internal
from weft.optim._steps import GroupedOptimizer
from weft.optim.optimizer import ParamsT, check_differentiable, check_lr

__all__ = ["SGD"]


class SGD(GroupedOptimizer):
    """Stochastic gradient descent.

    Args:
        params: what to optimize.
        lr: learning rate.
        momentum: how much of the last step is kept.
        dampening: how much less of the gradient goes into the momentum.
        weight_decay: factor of the parameter that is added to the gradient.
        nesterov: look ahead along the momentum.
        maximize: go up instead of down.
        foreach, fused: kept for programs that set them; every step is one native call.
        differentiable: must be False.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning, 2013.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_differentiable(differentiable)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _sparse_step(self, group: dict[str, Any], param: Tensor, grad: Tensor) -> None:
        if group["maximize"]:
            grad = -grad
        if group["weight_decay"]:
            grad = grad.add(param, alpha=group["weight_decay"])  # refused, as in PyTorch
        if group["momentum"]:
            state = self.state[param]
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.clone()
            else:
                buffer.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer
        param.add_(grad, alpha=-float(group["lr"]))

    def _step_together(self, group: dict[str, Any], params: Sequence[Any]) -> None:
        lr, weight_decay, maximize = float(group["lr"]), float(group["weight_decay"]), group["maximize"]
        if not group["momentum"]:
            internal._fused_sgd(params, (), lr=lr, weight_decay=weight_decay, maximize=maximize)
            return
        for chosen, buffers, first in self._with_buffers(params):
            internal._fused_sgd(
                chosen,
                buffers,
                lr=lr,
                weight_decay=weight_decay,
                maximize=maximize,
                momentum=group["momentum"],
                dampening=group["dampening"],
                nesterov=group["nesterov"],
                is_first_step=first,
            )

    def _with_buffers(self, params: Sequence[Any]) -> Iterator[tuple[Sequence[Any], Sequence[Tensor], bool]]:
        """Parameters that have no momentum yet, which get empty buffers, and those that have; whether it is their first."""
        states = [self.state[param] for param in params]
        new = [state.get("momentum_buffer") is None for state in states]
        for param, state, is_new in zip(params, states, new, strict=True):
            if is_new:
                state["momentum_buffer"] = weft.empty_like(param, memory_format=weft.preserve_format).detach()
        for first in (True, False):
            chosen = [i for i, is_new in enumerate(new) if is_new is first]
            if chosen:
                yield [params[i] for i in chosen], [states[i]["momentum_buffer"] for i in chosen], first
