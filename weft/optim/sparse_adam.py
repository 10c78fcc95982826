"""SparseAdam: Adam for gradients in which most rows are zero."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import PerTensorOptimizer
from weft.optim.optimizer import ParamsT, check_betas, check_lr

__all__ = ["SparseAdam"]


class SparseAdam(PerTensorOptimizer):
    """Adam whose running means move only where the gradient is not zero.

    Gradients are dense here; a zero element counts as absent.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        maximize: go up instead of down.

    Example:
        >>> import weft
        >>> table = weft.nn.Embedding(10, 3)
        >>> optimizer = weft.optim.SparseAdam(table.parameters())
        >>> table(weft.tensor([1])).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not eps > 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for param in (param for group in self.param_groups for param in group["params"]):
            if param.is_sparse:
                raise ValueError("SparseAdam requires dense parameter tensors")
            if param.is_complex():
                raise ValueError("SparseAdam does not support complex parameters")

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        state["step"] = 0
        state["exp_avg"] = weft.zeros_like(param, memory_format=weft.preserve_format)
        state["exp_avg_sq"] = weft.zeros_like(param, memory_format=weft.preserve_format)

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        exp_avg, exp_avg_sq, step = state["exp_avg"], state["exp_avg_sq"], state["step"]
        present = grad != 0
        exp_avg.add_((grad - exp_avg).mul_(1 - beta1).mul_(present))
        exp_avg_sq.add_((grad.square() - exp_avg_sq).mul_(1 - beta2).mul_(present))
        size = float(group["lr"]) * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        param.add_(exp_avg.div(exp_avg_sq.sqrt().add_(group["eps"])).mul_(present), alpha=-size)
