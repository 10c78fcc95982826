"""Tensors put together."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "cat(tensors: list[Tensor], dim: int = 0) -> Tensor",
    """The tensors one after the other along a dimension; all other sizes must agree.

    >>> weft.cat([weft.zeros(1), weft.ones(2)]).tolist()
    [0.0, 1.0, 1.0]
    """,
    aliases=("concat", "concatenate"),
    autocast="widest",
    cost=pointwise(0.3),
    out=True,
    apart=("tensors",),
    out_casts=True,
    vjp={"tensors": lambda g, tensors, dim: cat_backward(g, tensors.sizes, dim)},
    samples=[([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1)], -1), ([(2,)], 0)],
    ref=lambda tensors, dim: __import__("numpy").concatenate(tensors, dim),
    batch="list",
)
Op(
    "cat_backward(g: Tensor, sizes: list[Dims], dim: int) -> list[Tensor]",
    "The slices of a gradient that belong to each of the joined tensors.",
    namespace="_",
    composite=True,
)
Op(
    "stack(tensors: list[Tensor], dim: int = 0) -> Tensor",
    """Tensors of one shape as slices of a new dimension.

    >>> weft.stack([weft.zeros(2), weft.ones(2)]).shape
    weft.Size([2, 2])
    """,
    autocast="widest",
    cost=pointwise(0.3),
    out=True,
    out_casts=True,
    vjp={"tensors": lambda g, dim: unbind(g, dim)},
    samples=[([(2, 3), (2, 3)], 0), ([(2,), (2,)], -1), ([(), ()], 0)],
    ref=lambda tensors, dim: __import__("numpy").stack(tensors, dim),
    batch="list",
)
