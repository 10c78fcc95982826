"""Softmax and log-softmax."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "softmax(self: Tensor, dim: int, dtype: dtype | None = None) -> Tensor",
    """exp(x) divided by its sum along dim.

    With dtype, self is converted first. Raises IndexError for a dimension that is not there.

    >>> weft.tensor([0.0, 0.0]).softmax(0)
    tensor([0.5000, 0.5000])
    """,
    composite=True,
    out=True,
    also=("special.softmax",),
    cost=pointwise(1.0),
    samples=[((3, 4), 1), ((3, 4), 0), ((2, 0), 0), ((), 0)],
    ref="scipy.special.softmax",
    ulps=16.0,
)
Op(
    "log_softmax(self: Tensor, dim: int, dtype: dtype | None = None) -> Tensor",
    """The logarithm of softmax, without its loss of accuracy.

    >>> weft.tensor([0.0, 0.0]).log_softmax(0)
    tensor([-0.6931, -0.6931])
    """,
    composite=True,
    out=True,
    also=("special.log_softmax",),
    cost=pointwise(1.0),
    samples=[((3, 4), 1), ((3, 4), 0), ((2, 0), 0), ((), 0)],
    ref="scipy.special.log_softmax",
    ulps=16.0,
)
Op(
    "_softmax(self: Tensor, dim: int) -> Tensor",
    "Softmax of a floating-point tensor.",
    namespace="_",
    impl="softmax_lines",
    cost=pointwise(1.0),
    vjp={"self": lambda g, out, dim: _softmax_backward(g, out, dim)},
)
Op(
    "_log_softmax(self: Tensor, dim: int) -> Tensor",
    "Log-softmax of a floating-point tensor.",
    namespace="_",
    impl="log_softmax_lines",
    cost=pointwise(1.0),
    vjp={"self": lambda g, out, dim: _log_softmax_backward(g, out, dim)},
)
Op(
    "_softmax_backward(grad: Tensor, output: Tensor, dim: int) -> Tensor",
    "output * (grad - sum(grad * output)).",
    namespace="_",
    impl="softmax_lines_backward",
    cost=pointwise(0.5),
    vjp={
        "grad": lambda g, output, dim: _softmax_backward(g, output, dim),
        "output": lambda g, grad, output, dim: (
            g * (grad - sum_dim(grad * output, (dim,), True)) - grad * sum_dim(g * output, (dim,), True)
        ),
    },
)
Op(
    "_log_softmax_backward(grad: Tensor, output: Tensor, dim: int) -> Tensor",
    "grad - exp(output) * sum(grad).",
    namespace="_",
    impl="log_softmax_lines_backward",
    cost=pointwise(0.8),
    vjp={
        "grad": lambda g, output, dim: g - sum_dim(g * exp(output), (dim,), True),
        "output": lambda g, grad, output, dim: -g * exp(output) * sum_dim(grad, (dim,), True),
    },
)
