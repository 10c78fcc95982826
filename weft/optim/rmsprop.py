"""RMSprop: steps divided by the running root mean square of the gradient."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim.optimizer import ParamsT, PerTensorOptimizer, check_lr, check_not_negative

__all__ = ["RMSprop"]


class RMSprop(PerTensorOptimizer):
    """RMSprop: each weight's step is divided by the running root mean square of its gradient.

    Args:
        lr: learning rate.
        alpha: how much of the running mean square is kept.
        eps: added to the root.
        weight_decay: factor of the parameter that is added to the gradient.
        momentum: how much of the last step is kept.
        centered: divide by the running deviation instead.
        maximize: go up instead of down.
        foreach, capturable, differentiable: kept for programs that set them.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6, 2012.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.RMSprop(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

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

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["square_avg"] = weft.zeros_like(param, memory_format=weft.preserve_format)
        if group["momentum"] > 0:
            state["momentum_buffer"] = weft.zeros_like(param, memory_format=weft.preserve_format)
        if group["centered"]:
            state["grad_avg"] = weft.zeros_like(param, memory_format=weft.preserve_format)

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        lr, alpha, eps = float(group["lr"]), group["alpha"], group["eps"]
        square_avg = state["square_avg"]
        square_avg.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            grad_avg = state["grad_avg"]
            grad_avg.lerp_(grad, 1 - alpha)
            root = square_avg.addcmul(grad_avg, grad_avg, value=-1).sqrt_().add_(eps)
        else:
            root = square_avg.sqrt().add_(eps)
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-lr)
        else:
            param.addcdiv_(grad, root, value=-lr)
