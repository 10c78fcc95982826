"""Other words for reshape, permute and expand, and the in-place changes of a tensor's own geometry."""

from __future__ import annotations

import numpy as np

from ops.table import Op

Op(
    "flatten(self: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor",
    """The dimensions from start_dim to end_dim as one; a 0-dim tensor becomes 1-dim.

    >>> weft.zeros(2, 3, 4).flatten(1).shape
    weft.Size([2, 12])
    """,
    composite=True,
    samples=[((2, 3, 4),), ((2, 3, 4), 1), ((2, 3, 4), 0, -2), ((),), ((0, 3),)],
)
Op(
    "unflatten(self: Tensor, dim: int, sizes: list[int]) -> Tensor",
    """One dimension as several; one of the sizes may be -1.

    >>> weft.zeros(6, 2).unflatten(0, (2, -1)).shape
    weft.Size([2, 3, 2])
    """,
    composite=True,
    samples=[((6, 2), 0, [2, 3]), ((2, 6), -1, [-1, 2])],
)
Op(
    "ravel(self: Tensor) -> Tensor",
    """The elements in one dimension: a view where possible.

    >>> weft.zeros(2, 3).ravel().shape
    weft.Size([6])
    """,
    composite=True,
    samples=[((2, 3),), ((),)],
    ref="numpy.ravel",
)
Op(
    "movedim(self: Tensor, source: list[int], destination: list[int]) -> Tensor",
    """The view with dimensions moved to other places; the rest keep their order.

    >>> weft.zeros(2, 3, 4).movedim(0, -1).shape
    weft.Size([3, 4, 2])
    """,
    aliases=("moveaxis",),
    composite=True,
    samples=[((2, 3, 4), 0, -1), ((2, 3, 4), [0, 1], [2, 0]), ((2, 3), [], [])],
    ref="numpy.moveaxis",
)
Op(
    "expand_as(self: Tensor, other: Tensor) -> Tensor",
    """expand(other.size()).

    >>> weft.zeros(3, 1).expand_as(weft.zeros(3, 4)).shape
    weft.Size([3, 4])
    """,
    function=False,
    composite=True,
    samples=[((3, 1), (2, 3, 4))],
    ref=lambda x, other: np.broadcast_to(x, other.shape),
)
Op(
    "broadcast_to(self: Tensor, size: shape) -> Tensor",
    """expand(size).

    >>> weft.zeros(3, 1).broadcast_to((3, 4)).shape
    weft.Size([3, 4])
    """,
    composite=True,
    samples=[((3, 1), [2, 3, 4]), ((), [2])],
    ref="numpy.broadcast_to",
    batch="expand",
)
Op(
    "view_as(self: Tensor, other: Tensor) -> Tensor",
    """view(other.size()).

    >>> weft.zeros(6).view_as(weft.zeros(2, 3)).shape
    weft.Size([2, 3])
    """,
    function=False,
    composite=True,
    samples=[((6,), (2, 3))],
    ref=lambda x, other: x.reshape(other.shape),
)
Op(
    "reshape_as(self: Tensor, other: Tensor) -> Tensor",
    """reshape(other.size()).

    >>> weft.zeros(6).reshape_as(weft.zeros(2, 3)).shape
    weft.Size([2, 3])
    """,
    function=False,
    composite=True,
    samples=[((6,), (2, 3))],
    ref=lambda x, other: x.reshape(other.shape),
)

Op(
    "as_strided_(self: Tensor, size: list[int], stride: list[int], storage_offset: int | None = None) -> Tensor",
    "as_strided, of the tensor itself.",
    composite=True,
    layout_bound=True,
    samples=[((6,), [2, 2], [2, 1], 1)],
    ref=lambda x, size, stride, offset: x.ravel()[offset:][: size[0] * size[1]].reshape(size),
)
Op(
    "unsqueeze_(self: Tensor, dim: int) -> Tensor",
    "unsqueeze, of the tensor itself.",
    composite=True,
    function=False,
    samples=[((2, 3), 1), ((), 0)],
    ref="numpy.expand_dims",
)
Op(
    "squeeze_(self: Tensor, dim: list[int] | None = None) -> Tensor",
    "squeeze, of the tensor itself.",
    composite=True,
    function=False,
    samples=[((1, 3, 1),), ((1, 3, 1), [0])],
    ref=lambda x, dim=None: np.squeeze(x, None if dim is None else tuple(dim)),
)
Op(
    "t_(self: Tensor) -> Tensor",
    "t, of the tensor itself.",
    composite=True,
    function=False,
    samples=[((2, 3),), ((3,),)],
    ref="numpy.transpose",
)
Op(
    "transpose_(self: Tensor, dim0: int, dim1: int) -> Tensor",
    "transpose, of the tensor itself.",
    aliases=("swapaxes_", "swapdims_"),
    composite=True,
    function=False,
    samples=[((2, 3, 4), 0, 2), ((2, 3), -1, 0)],
    ref="numpy.swapaxes",
)
Op(
    "resize_(self: Tensor, size: shape, *, memory_format: memory_format | None = None) -> Tensor",
    """Gives self another shape, in row-major order over the same memory, which grows when it must.

    New elements hold whatever memory held. Raises RuntimeError for a tensor that wants gradients.

    >>> weft.zeros(2).resize_(1, 2).tolist()
    [[0.0, 0.0]]
    """,
    composite=True,
    function=False,
)
Op(
    "resize_as_(self: Tensor, the_template: Tensor, *, memory_format: memory_format | None = None) -> Tensor",
    "resize_(the_template.size()).",
    composite=True,
    function=False,
)
Op(
    "set_(self: Tensor, source: Tensor) -> Tensor",
    "Makes self look at the memory of source, with its shape and strides.",
    composite=True,
    function=False,
)
