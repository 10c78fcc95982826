"""Exponentials and roots, element by element."""

from __future__ import annotations

from ops.table import FLOAT, Op, pointwise

Op(
    "exp(self: Tensor) -> Tensor",
    "e to the power of self.",
    rule=FLOAT,
    cost=pointwise(0.25),
    vjp={"self": lambda g, out: g * out},
    ref="numpy.exp",
)
Op(
    "rsqrt(self: Tensor) -> Tensor",
    "1 / sqrt(self).",
    rule=FLOAT,
    cost=pointwise(0.3),
    vjp={"self": lambda g, out: g * (out * out * out) * -0.5},
    ref=lambda x: x**-0.5,
    domain=(0.1, 5.0),
)
