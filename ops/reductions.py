"""Reductions over dimensions."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "sum(self: Tensor, *, dtype: dtype | None = None) -> Tensor",
    """The sum of all elements; integers add up to int64.

    >>> weft.ones(2, 3).sum().item()
    6.0
    """,
    composite=True,
    cost=pointwise(0.1),
)
Op(
    "sum.dim(self: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor",
    "The sum over the given dimensions, all when None or empty.",
    cost=pointwise(0.1),
    out=True,
    vjp={"self": lambda g, self, dim, keepdim: unreduced(g, self.sizes, dim, keepdim)},
)
Op(
    "unreduced(g: Tensor, sizes: list[int], dim: list[int] | None, keepdim: bool) -> Tensor",
    "Spreads the gradient of a sum over the dimensions it summed.",
    namespace="_",
    composite=True,
)
