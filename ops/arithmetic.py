"""Arithmetic, element by element."""

from __future__ import annotations

from ops.table import FLOAT, PROMOTE, Op, pointwise

Op(
    "add(self: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor",
    """self + alpha * other.

    >>> weft.tensor([1, 2]).add(1)
    tensor([2, 3])
    """,
    rule=PROMOTE,
    types="fdlb",
    cost=pointwise(0.15),
    operator=("add",),
    vjp={"self": lambda g: g, "other": lambda g, alpha: g * alpha},
    ref="numpy.add",
)
Op(
    "sub(self: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor",
    "self - alpha * other.",
    rule=PROMOTE,
    cost=pointwise(0.15),
    operator=("sub",),
    aliases=("subtract",),
    checks="no_bool_subtraction",
    vjp={"self": lambda g: g, "other": lambda g, alpha: -(g * alpha)},
    ref="numpy.subtract",
)
Op(
    "mul(self: Tensor, other: Tensor | Number) -> Tensor",
    "self * other.",
    rule=PROMOTE,
    types="fdlb",
    cost=pointwise(0.15),
    operator=("mul",),
    aliases=("multiply",),
    vjp={"self": lambda g, other: g * other, "other": lambda g, self: g * self},
    ref="numpy.multiply",
)
Op(
    "div(self: Tensor, other: Tensor | Number) -> Tensor",
    "self / other, in floating point.",
    rule=FLOAT,
    cost=pointwise(0.2),
    operator=("truediv",),
    aliases=("divide", "true_divide"),
    vjp={"self": lambda g, other: g / other, "other": lambda g, out, other: -(g * out) / other},
    ref="numpy.divide",
)
Op(
    "neg(self: Tensor) -> Tensor",
    "-self.",
    rule=PROMOTE,
    cost=pointwise(0.1),
    operator=("neg",),
    aliases=("negative",),
    vjp={"self": lambda g: -g},
    ref="numpy.negative",
)
