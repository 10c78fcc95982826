"""Copies: between dtypes, layouts and tensors."""

from __future__ import annotations

import numpy

from ops.table import Op, pointwise

Op(
    "clone(self: Tensor, *, memory_format: memory_format | None = None) -> Tensor",
    """A copy, through which gradients flow.

    >>> x = weft.ones(2); x.clone().zero_(); x.tolist()
    tensor([0., 0.])
    [1.0, 1.0]
    """,
    cost=pointwise(0.3),
    vjp={"self": lambda g: g},
    samples=[((2, 3),), ((),), ((0,),)],
    ref="numpy.copy",
    batch="leading",
)
Op(
    "contiguous(self: Tensor, memory_format: memory_format = 'contiguous') -> Tensor",
    "self if it has the layout, else a copy that has.",
    function=False,
    composite=True,
    cost=pointwise(0.3),
    samples=[((2, 3),), ((0,),)],
    big=[((300, 1001),)],
    ref="numpy.copy",
    batch="leading",
)
Op(
    "to_copy(self: Tensor, dtype: dtype, copy: bool, memory_format: memory_format | None) -> Tensor",
    "A copy in another dtype or layout.",
    namespace="_",
    cost=pointwise(0.4),
    vjp={"self": lambda g, self: to(g, self.dtype)},
)
Op(
    "to(self: Tensor, dtype: dtype, non_blocking: bool = False, copy: bool = False, *,"
    " memory_format: memory_format | None = None) -> Tensor",
    """The tensor in another dtype: itself when nothing changes and no copy is asked for.

    >>> weft.arange(2).to(weft.float32).dtype
    weft.float32
    """,
    function=False,
    composite=True,
    cost=pointwise(0.4),
    samples=[],
    batch="leading",
)
Op(
    "copy_(self: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor",
    """Copies src, broadcast and converted, into self.

    >>> weft.zeros(2).copy_(weft.ones(1)).tolist()
    [1.0, 1.0]
    """,
    function=False,
    cost=pointwise(0.3),
    vjp={"self": lambda g: zeros_like(g), "src": lambda g: g},
    samples=[((2, 3), (2, 3)), ((2, 3), (3,)), ((), ())],
    big=[((300, 1001), (300, 1001))],
    ref=lambda x, src: numpy.broadcast_to(src, x.shape),
    batch="pointwise",
)
