"""SparseAdam: Adam for sparse gradients."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import PerTensorOptimizer
from weft.optim.optimizer import ParamsT, check_betas, check_lr

__all__ = ["SparseAdam"]


class SparseAdam(PerTensorOptimizer):
    """Adam whose running means, and parameters, move only where a sparse gradient has elements.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        maximize: go up instead of down.

    Example:
        >>> import weft
        >>> table = weft.nn.Embedding(10, 3, sparse=True)
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
        if not isinstance(grad, weft.sparse.CooTensor):
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        beta1, beta2 = group["betas"]
        step, present = state["step"], grad.coalesce()
        values = present.values()
        mean, square = (state[name].sparse_mask(present).values() for name in ("exp_avg", "exp_avg_sq"))
        mean_step, square_step = (values - mean) * (1 - beta1), (values * values - square) * (1 - beta2)
        state["exp_avg"].add_(present._with(mean_step))
        state["exp_avg_sq"].add_(present._with(square_step))
        size = float(group["lr"]) * (1 - beta2**step) ** 0.5 / (1 - beta1**step)
        change = (mean + mean_step) / (square + square_step).sqrt_().add_(group["eps"])
        param.add_(present._with(change), alpha=-size)
