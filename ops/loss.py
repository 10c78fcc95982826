"""Losses: cross entropy and negative log likelihood of class indices, and those that are one formula per element."""

from __future__ import annotations

from typing import Any

from ops.table import FLOAT, Formula, Op, pointwise


def _classes(values: Any) -> Any:
    """Targets of samples; NumPy is needed by the tests only."""
    import numpy

    return numpy.array(values)


Op(
    "cross_entropy(self: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,"
    " reduction: str = 'mean', label_smoothing: float = 0.0) -> Tensor",
    """The negative log likelihood of target under softmax(self).

    Args: self of shape (N, C, ...) or (C); target either class indices of shape (N, ...) or probabilities of self's
    shape. Raises IndexError for a target that is no class.
    """,
    namespace="nn",
    composite=True,
    method=False,
    cost=pointwise(1.0),
    samples=lambda: [
        ((3, 4), _classes([0, 3, 1])),
        ((3, 4), _classes([0, -100, 1])),
        ((2, 4, 2), _classes([[0, 1], [2, 3]]), None, -100, "sum"),
        ((3, 4), _classes([0, 3, 1]), None, -100, "none", 0.1),
        ((3, 4), (3, 4)),
    ],
    domain=(0.1, 3.0),
    ulps=32.0,
)
Op(
    "_cross_entropy(self: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str,"
    " label_smoothing: float) -> (out: Tensor, *, lse: Tensor, total_weight: Tensor)",
    "Cross entropy with class indices.",
    namespace="_",
    impl="cross_entropy_of_classes",
    cost=pointwise(1.0),
    vjp={
        "self": lambda g, self, target, weight, ignore_index, reduction, label_smoothing, lse, total_weight: (
            _cross_entropy_backward(
                g, self, target, weight, ignore_index, reduction, label_smoothing, lse, total_weight
            )
        ),
    },
    backward_name="CrossEntropy",
)
Op(
    "_cross_entropy_backward(grad: Tensor, logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int,"
    " reduction: str, label_smoothing: float, lse: Tensor, total_weight: Tensor) -> Tensor",
    "The gradient of cross entropy; a fused kernel unless its own derivative is wanted.",
    namespace="_",
    impl="cross_entropy_of_classes_backward",
    composite=True,
)
Op(
    "nll_loss(self: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,"
    " reduction: str = 'mean') -> (out: Tensor, *, total_weight: Tensor)",
    """-weight[target] * self[target], of log-probabilities of shape (N, C, ...) or (C).

    Raises IndexError for a target that is no class.
    """,
    namespace="nn",
    method=False,
    cost=pointwise(0.2),
    vjp={
        "self": lambda g, self, target, weight, ignore_index, reduction, total_weight: nll_loss_backward(
            g, self.sizes, target, weight, ignore_index, reduction, total_weight
        ),
    },
    samples=lambda: [((3, 4), _classes([0, 3, 1])), ((3, 4), _classes([0, -100, 1]), None, -100, "sum")],
    big=lambda: [((3001, 40), _classes([i * 7 % 40 for i in range(3001)]), (40,))],
    domain=(0.1, 3.0),
    ulps=32.0,
)
Op(
    "nll_loss_backward(grad: Tensor, sizes: list[int], target: Tensor, weight: Tensor | None, ignore_index: int,"
    " reduction: str, total_weight: Tensor) -> Tensor",
    "The gradient of nll_loss.",
    namespace="_",
    cost=pointwise(0.2),
    vjp={
        "grad": lambda g, target, weight, ignore_index, reduction: nll_loss(g, target, weight, ignore_index, reduction)
    },
)
Op(
    "_ctc_loss(log_probs: Tensor, targets: Tensor, input_lengths: list[int], target_lengths: list[int], blank: int,"
    " zero_infinity: bool) -> (loss: Tensor, *, log_alpha: Tensor)",
    """Minus the log probability of all alignments of each target; (T, N, C) in, (N,) out.

    targets are rows of shape (N, S), or all of them one after the other.
    Source: Graves et al., Connectionist Temporal Classification, 2006.
    """,
    namespace="_",
    impl="ctc_loss",
    cost=pointwise(30.0),
    vjp={
        "log_probs": lambda g, log_probs, targets, input_lengths, target_lengths, blank, zero_infinity, log_alpha: (
            _ctc_loss_backward(g, log_probs, targets, input_lengths, target_lengths, log_alpha, blank, zero_infinity)
        ),
    },
    backward_name="CtcLoss",
)
Op(
    "_ctc_loss_backward(grad: Tensor, log_probs: Tensor, targets: Tensor, input_lengths: list[int],"
    " target_lengths: list[int], log_alpha: Tensor, blank: int, zero_infinity: bool) -> Tensor",
    """The gradient of _ctc_loss, as PyTorch has it: of the scores that log_softmax made log_probs of.

    It is the same through log_softmax, and only then the gradient of a function; so it has no derivative.
    """,
    namespace="_",
    impl="ctc_loss_backward",
    cost=pointwise(60.0),
    vjp={"grad": lambda g: _no_derivative(g, "_ctc_loss_backward")},
)
Op(
    "_no_derivative(self: Tensor, name: str) -> Tensor",
    "Raises: the operator has no derivative.",
    namespace="_",
    impl="no_derivative",
    composite=True,
    method=False,
)
Op(
    "squared_difference(self: Tensor, target: Tensor) -> Tensor",
    "(self - target)^2.",
    rule=FLOAT,
    autocast="float32",
    namespace="_",
    inplace=False,
    cost=pointwise(0.1),
    vjp={
        "self": lambda g, self, target: squared_difference_backward(g, self, target),
        "target": lambda g, self, target: squared_difference_backward(g, target, self),
    },
)
Op(
    "squared_difference_backward(grad: Tensor, self: Tensor, target: Tensor) -> Tensor",
    "grad times the derivative of squared_difference by self.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.1),
    vjp={
        "grad": lambda g, self, target: squared_difference_backward(g, self, target),
        "self": lambda g, grad: g * grad * 2,
        "target": lambda g, grad: g * grad * -2,
    },
)
Op(
    "absolute_difference(self: Tensor, target: Tensor) -> Tensor",
    "|self - target|.",
    rule=FLOAT,
    autocast="float32",
    namespace="_",
    inplace=False,
    cost=pointwise(0.1),
    vjp={
        "self": lambda g, self, target: absolute_difference_backward(g, self, target),
        "target": lambda g, self, target: absolute_difference_backward(g, target, self),
    },
)
Op(
    "absolute_difference_backward(grad: Tensor, self: Tensor, target: Tensor) -> Tensor",
    "grad times the derivative of absolute_difference by self; the second is zero.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.1),
    vjp={"grad": lambda g, self, target: absolute_difference_backward(g, self, target)},
)
Op(
    "sigmoid_cross_entropy(self: Tensor, target: Tensor) -> Tensor",
    "(1 - target) self - log(sigmoid(self)), without overflow.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.8),
    vjp={
        "self": lambda g, self, target: sigmoid_cross_entropy_backward(g, self, target),
        "target": lambda g, self, target: -(g * self),
    },
)
Op(
    "sigmoid_cross_entropy_backward(grad: Tensor, self: Tensor, target: Tensor) -> Tensor",
    "grad times the derivative of sigmoid_cross_entropy by self.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.5),
    vjp={
        "grad": lambda g, self, target: sigmoid_cross_entropy_backward(g, self, target),
        "self": lambda g, grad, self, target: g * grad * sigmoid(self) * sigmoid(-self),
        "target": lambda g, grad: -(g * grad),
    },
)
Op(
    "huber(self: Tensor, target: Tensor, delta: float, divisor: float) -> Tensor",
    "d^2 / 2 below delta for d = |self - target|, delta (d - delta / 2) above; divided by divisor.",
    rule=FLOAT,
    autocast="float32",
    namespace="_",
    inplace=False,
    cost=pointwise(0.2),
    vjp={
        "self": lambda g, self, target, delta, divisor: huber_backward(g, self, target, delta, divisor),
        "target": lambda g, self, target, delta, divisor: huber_backward(g, target, self, delta, divisor),
    },
)
Op(
    "huber_backward(grad: Tensor, self: Tensor, target: Tensor, delta: float, divisor: float) -> Tensor",
    "grad times the derivative of huber by self.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.2),
    vjp={
        "grad": lambda g, self, target, delta, divisor: huber_backward(g, self, target, delta, divisor),
        "self": lambda g, grad, self, target, delta, divisor: huber_curvature(g * grad, self, target, delta, divisor),
        "target": lambda g, grad, self, target, delta, divisor: (
            -huber_curvature(g * grad, self, target, delta, divisor)
        ),
    },
)
Op(
    "huber_curvature(grad: Tensor, self: Tensor, target: Tensor, delta: float, divisor: float) -> Tensor",
    "grad times the second derivative of huber; the third is zero.",
    rule=FLOAT,
    namespace="_",
    inplace=False,
    cost=pointwise(0.2),
    vjp={"grad": lambda g, self, target, delta, divisor: huber_curvature(g, self, target, delta, divisor)},
)

# 0 log 0 is 0, in the gradients too.
Op(
    "divergence(self: Tensor, target: Tensor) -> Tensor",
    "target (log(target) - self), 0 log(0) being 0.",
    rule=FLOAT,
    autocast="float32",
    namespace="_",
    inplace=False,
    domain=(0.1, 3.0),
    cost=pointwise(0.4),
    vjp={
        "self": lambda g, target: -(g * target),
        "target": lambda g, self, target: (
            g * (where(eq(target, 0), 0, log(where(eq(target, 0), 1, target)) + 1) - self)
        ),
    },
)
Op(
    "log_divergence(self: Tensor, target: Tensor) -> Tensor",
    "exp(target) (target - self).",
    rule=FLOAT,
    autocast="float32",
    namespace="_",
    inplace=False,
    cost=pointwise(0.4),
    vjp={
        "self": lambda g, target: -(g * exp(target)),
        "target": lambda g, self, target: g * exp(target) * (target - self + 1),
    },
)


def _total(
    name: str, self: Formula, target: Formula, cost: float, options: str = "", autocast: str = "float32"
) -> None:
    """The sum of a loss over all elements, divided: of one pass, for none of the losses is stored."""
    Op(
        f"{name}_total(self: Tensor, target: Tensor,{options} divisor: float) -> Tensor",
        f"The sum of {name}(self, target) over all elements, divided by divisor.",
        namespace="_",
        autocast=autocast,
        cost=pointwise(cost),
        vjp={"self": self, "target": target},
        batch="total",
    )


_total(
    "squared_difference",
    lambda g, self, target, divisor: squared_difference_backward(g / divisor, self, target),
    lambda g, self, target, divisor: squared_difference_backward(g / divisor, target, self),
    cost=0.2,
)
_total(
    "absolute_difference",
    lambda g, self, target, divisor: absolute_difference_backward(g / divisor, self, target),
    lambda g, self, target, divisor: absolute_difference_backward(g / divisor, target, self),
    cost=0.2,
)
_total(
    "sigmoid_cross_entropy",
    lambda g, self, target, divisor: sigmoid_cross_entropy_backward(g / divisor, self, target),
    lambda g, self, divisor: -(g / divisor) * self,
    cost=0.9,
    autocast="",
)
_total(
    "huber",
    lambda g, self, target, delta, scale, divisor: huber_backward(g / divisor, self, target, delta, scale),
    lambda g, self, target, delta, scale, divisor: huber_backward(g / divisor, target, self, delta, scale),
    cost=0.3,
    options=" delta: float, scale: float,",
)
_total(
    "divergence",
    lambda g, target, divisor: -(g / divisor) * target,
    lambda g, self, target, divisor: (
        (g / divisor) * (where(eq(target, 0), 0, log(where(eq(target, 0), 1, target)) + 1) - self)
    ),
    cost=0.5,
)
_total(
    "log_divergence",
    lambda g, target, divisor: -(g / divisor) * exp(target),
    lambda g, self, target, divisor: (g / divisor) * exp(target) * (target - self + 1),
    cost=0.5,
)
