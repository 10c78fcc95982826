"""Optimizer steps over whole lists of parameters, each one parallel region."""

from __future__ import annotations

from ops.table import Op, estimated

Op(
    "_fused_sgd(params: list[Tensor], momentum_buffers: list[Tensor], *, lr: float,"
    " weight_decay: float, maximize: bool, momentum: float = 0, dampening: float = 0, nesterov: bool = False,"
    " is_first_step: bool = False)"
    " -> None",
    "One step of SGD in place; momentum_buffers is empty without momentum.",
    namespace="_",
    method=False,
    impl="fused_sgd",
    cost=estimated("fused_sgd"),
)
Op(
    "_fused_adam(params: list[Tensor], exp_avgs: list[Tensor], exp_avg_sqs: list[Tensor],"
    " max_exp_avg_sqs: list[Tensor], steps: list[Tensor], *, lr: float, beta1: float, beta2: float,"
    " weight_decay: float, eps: float, amsgrad: bool, maximize: bool, decoupled: bool) -> None",
    "One step of Adam, or of AdamW when decoupled, in place; every tensor of steps counts one up.",
    namespace="_",
    method=False,
    impl="fused_adam",
    cost=estimated("fused_adam"),
)
Op(
    "_fused_update(rule: str, params: list[Tensor], first: list[Tensor], second: list[Tensor],"
    " third: list[Tensor], numbers: list[float] | None) -> None",
    """One step of the optimizer `rule` in place: rmsprop, adagrad, adadelta, adamax, nadam, radam, asgd or rprop.

    first, second, third hold the rule's states, and are empty where it has none; numbers are as many for each
    parameter, see core/kernels/optimizer.h.
    """,
    namespace="_",
    method=False,
    impl="fused_update",
    cost=estimated("fused_update"),
)
