"""Adafactor: Adam's scaling kept as one row and one column for each matrix."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._steps import PerTensorOptimizer
from weft.optim.optimizer import ParamsT, check_lr, check_not_negative

__all__ = ["Adafactor"]


class Adafactor(PerTensorOptimizer):
    """Adam's scaling with the mean squares of a matrix kept as a row and a column.

    Args:
        lr: upper bound of the relative step size.
        beta2_decay: power with which the running means begin to last longer.
        eps: added to the mean squares (default: machine epsilon), and the smallest scale of a parameter.
        d: largest root mean square of a step.
        weight_decay: how much parameters shrink, times ``lr``.
        foreach: kept for programs that set it.
        maximize: go up instead of down.

    Source: Shazeer, Stern, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, 2018.

    Example:
        >>> import weft
        >>> model = weft.nn.Linear(2, 1)
        >>> optimizer = weft.optim.Adafactor(model.parameters())
        >>> model(weft.ones(4, 2)).sum().backward()
        >>> optimizer.step()
    """

    _decays_gradient = False

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not eps[0] >= 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not eps[1] >= 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if param.dim() > 1:
            rows, cols = list(param.shape), list(param.shape)
            rows[-1], cols[-2] = 1, 1
            state["row_var"] = weft.zeros(rows, dtype=param.dtype, device=param.device)
            state["col_var"] = weft.zeros(cols, dtype=param.dtype, device=param.device)
        else:
            state["variance"] = weft.zeros_like(param, memory_format=weft.preserve_format)

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        if param.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        lr, step, (eps1, eps2) = float(group["lr"]), state["step"].item(), group["eps"]
        eps1 = weft.finfo(param.dtype).eps if eps1 is None else eps1
        new = step ** group["beta2_decay"]  # weight of the newest squares
        scale = max(eps2, param.norm(2).item() / param.numel() ** 0.5)
        if group["weight_decay"]:
            param.mul_(1 - lr * group["weight_decay"])
        squares = grad.square()
        if grad.dim() > 1:
            row_var, col_var = state["row_var"], state["col_var"]
            row_var.lerp_(squares.mean(-1, keepdim=True), new)
            col_var.lerp_(squares.mean(-2, keepdim=True), new)
            variance = weft.matmul(row_var, col_var).div_(row_var.mean(-2, keepdim=True).clamp_(min=eps1))
        else:
            state["variance"].lerp_(squares, new)
            variance = state["variance"].clone()
        update = variance.clamp_(min=eps1 * eps1).rsqrt_().mul_(grad)
        denominator = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
        param.add_(update, alpha=-scale * min(lr, 1 / step**0.5) / denominator)
