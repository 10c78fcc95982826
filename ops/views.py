"""Views: the same storage with another geometry. None of them copies."""

from __future__ import annotations

from ops.table import Op

Op(
    "view(self: Tensor, size: shape) -> Tensor",
    """The same elements in another shape, without a copy.

    One size may be -1. Raises RuntimeError when the strides do not allow it; use reshape then.

    >>> weft.arange(6).view(2, -1).shape
    weft.Size([2, 3])
    """,
    view=True,
    function=False,
    layout_bound=True,
    vjp={"self": lambda g, self: reshape(g, self.sizes)},
    samples=[((2, 3), [3, 2]), ((4,), [2, -1]), ((0, 2), [2, 0]), ((), [1, 1])],
    ref=lambda x, size: x.reshape(size),
    batch="sizes",
)
Op(
    "view.dtype(self: Tensor, dtype: dtype) -> Tensor",
    """The same bytes as elements of another dtype of the same size.""",
    view=True,
    function=False,
    impl="view_as_dtype",
)
Op(
    "reshape(self: Tensor, shape: shape) -> Tensor",
    """The same elements in another shape: a view where the strides allow it, else a copy.

    >>> weft.zeros(2, 3).t().reshape(6).shape
    weft.Size([6])
    """,
    composite=True,
    samples=[((2, 3), [3, 2]), ((2, 3), [-1]), ((1,), [])],
    ref=lambda x, shape: x.reshape(shape),
    batch="sizes",
)
Op(
    "as_strided(self: Tensor, size: list[int], stride: list[int], storage_offset: int | None = None) -> Tensor",
    """A view of the storage with any sizes and strides; elements may overlap.

    >>> weft.arange(4).as_strided((2, 2), (1, 1)).tolist()
    [[0, 1], [1, 2]]
    """,
    view=True,
    layout_bound=True,
    vjp={
        "self": lambda g, self, size, stride, storage_offset: as_strided_backward(
            g, self.sizes, self.strides, self.offset, size, stride, storage_offset
        )
    },
    samples=[((6,), [2, 2], [2, 1], 1)],
)
Op(
    "as_strided_backward(g: Tensor, sizes: list[int], strides: list[int], offset: int, view_size: list[int],"
    " view_stride: list[int], view_offset: int | None) -> Tensor",
    "Adds the elements of a strided view back into zeros of the base's geometry.",
    namespace="_",
    vjp={
        "g": lambda g, sizes, strides, view_size, view_stride, view_offset, offset: as_strided(
            relaid(g, sizes, strides), view_size, view_stride, relative_offset(view_offset, offset)
        )
    },
)
Op(
    "relaid(self: Tensor, sizes: list[int], strides: list[int]) -> Tensor",
    "A copy with the given strides at offset 0.",
    namespace="_",
    vjp={"self": lambda g: g},
)
Op(
    "relative_offset(view_offset: int | None, offset: int) -> int",
    "The storage offset of a view from its base's first element.",
    namespace="_",
)
Op(
    "as_strided_scatter(self: Tensor, src: Tensor, size: list[int], stride: list[int],"
    " storage_offset: int | None = None) -> Tensor",
    "A copy of self whose strided view of these sizes and strides holds src.",
    layout_bound=True,
    vjp={
        "self": lambda g, self, size, stride, storage_offset: as_strided_scatter(
            relaid(g, self.sizes, self.strides),
            zeros(size, g.dtype),
            size,
            stride,
            relative_offset(storage_offset, self.offset),
        ),
        "src": lambda g, self, size, stride, storage_offset: as_strided(
            relaid(g, self.sizes, self.strides), size, stride, relative_offset(storage_offset, self.offset)
        ),
    },
    samples=[((6,), (2, 2), [2, 2], [2, 1], 1)],
)
Op(
    "permute(self: Tensor, dims: shape) -> Tensor",
    """The view with dimensions in the given order.

    >>> weft.zeros(2, 3, 4).permute(2, 0, 1).shape
    weft.Size([4, 2, 3])
    """,
    view=True,
    vjp={"self": lambda g, dims: permute_inverse(g, dims)},
    samples=[((2, 3, 4), [2, 0, 1]), ((2, 3), [-1, 0]), ((), [])],
    ref=lambda x, dims: x.transpose(dims),
    batch="permute",
)
Op(
    "permute_inverse(g: Tensor, dims: list[int]) -> Tensor",
    "Undoes permute(dims).",
    namespace="_",
    composite=True,
)
Op(
    "transpose(self: Tensor, dim0: int, dim1: int) -> Tensor",
    """The view with two dimensions exchanged.

    >>> weft.zeros(2, 3).transpose(0, 1).shape
    weft.Size([3, 2])
    """,
    view=True,
    aliases=("swapaxes", "swapdims"),
    vjp={"self": lambda g, dim0, dim1: transpose(g, dim0, dim1)},
    samples=[((2, 3), 0, 1), ((2, 3, 4), -1, 0), ((), 0, -1)],
    ref=lambda x, a, b: x.swapaxes(a, b) if x.ndim else x,
)
Op(
    "t(self: Tensor) -> Tensor",
    """The transpose of a matrix; tensors of fewer dimensions as they are.

    >>> weft.zeros(2, 3).t().shape
    weft.Size([3, 2])
    """,
    composite=True,
    samples=[((2, 3),), ((2,),), ((),)],
    ref=lambda x: x.T,
)
Op(
    "expand(self: Tensor, size: shape, *, implicit: bool = False) -> Tensor",
    """The view in which dimensions of size one are repeated, and new ones added in front. -1 keeps a size.

    >>> weft.zeros(3, 1).expand(2, 3, 4).shape
    weft.Size([2, 3, 4])
    """,
    view=True,
    function=False,
    vjp={"self": lambda g, self: sum_to(g, self.sizes)},
    samples=[((3, 1), [3, 4]), ((3, 1), [2, -1, 4]), ((), [2])],
    batch="expand",
)
Op(
    "sum_to(g: Tensor, sizes: list[int]) -> Tensor",
    "Sums over broadcast dimensions.",
    namespace="_",
    composite=True,
)
Op(
    "unsqueeze(self: Tensor, dim: int) -> Tensor",
    """The view with a dimension of size one inserted at dim.

    >>> weft.zeros(3).unsqueeze(-1).shape
    weft.Size([3, 1])
    """,
    view=True,
    vjp={"self": lambda g, dim: squeeze_dim(g, dim)},
    samples=[((3,), 0), ((2, 3), -1), ((), 0)],
    ref="numpy.expand_dims",
)
Op(
    "squeeze(self: Tensor) -> Tensor",
    """The view without the dimensions of size one.

    >>> weft.zeros(1, 3, 1).squeeze().shape
    weft.Size([3])
    """,
    view=True,
    vjp={"self": lambda g, self: reshape(g, self.sizes)},
    samples=[((1, 3, 1),), ((2,),), ((),)],
    ref="numpy.squeeze",
    batch="squeeze",
)
Op(
    "squeeze.dim(self: Tensor, dim: list[int]) -> Tensor",
    "The view without those of the given dimensions that have size one.",
    view=True,
    vjp={"self": lambda g, self: reshape(g, self.sizes)},
    samples=[((1, 3, 1), [0]), ((1, 3, 1), [1]), ((1, 3, 1), [0, 2])],
)
Op(
    "select(self: Tensor, dim: int, index: int) -> Tensor",
    """The view at one index of a dimension, which disappears.

    >>> weft.arange(6).view(2, 3).select(0, 1).tolist()
    [3, 4, 5]
    """,
    view=True,
    vjp={"self": lambda g, self, dim, index: select_backward(g, self.sizes, dim, index)},
    samples=[((2, 3), 0, 1), ((2, 3), -1, -1)],
    ref=lambda x, dim, index: x.take(index, axis=dim),
)
Op(
    "select_backward(g: Tensor, sizes: list[int], dim: int, index: int) -> Tensor",
    "Zeros of the given shape with g at one index of a dimension.",
    namespace="_",
    vjp={"g": lambda g, dim, index: select(g, dim, index)},
)
Op(
    "slice(self: Tensor, dim: int, start: int, end: int, step: int) -> Tensor",
    "The view of every step-th index from start up to end of a dimension; bounds already in range.",
    namespace="_",
    view=True,
    vjp={"self": lambda g, self, dim, start, end, step: slice_backward(g, self.sizes, dim, start, end, step)},
)
Op(
    "slice_backward(g: Tensor, sizes: list[int], dim: int, start: int, end: int, step: int) -> Tensor",
    "Zeros of the given shape with g in a slice.",
    namespace="_",
    vjp={"g": lambda g, dim, start, end, step: slice(g, dim, start, end, step)},  # type: ignore[call-overload]  # the operator
)
Op(
    "narrow(self: Tensor, dim: int, start: int, length: int) -> Tensor",
    """The view of length indices of a dimension, beginning at start.

    >>> weft.arange(5).narrow(0, 1, 3).tolist()
    [1, 2, 3]
    """,
    composite=True,
    samples=[((5, 2), 0, 1, 3), ((3,), 0, -2, 2)],
)
Op(
    "narrow.tensor(self: Tensor, dim: int, start: Tensor, length: int) -> Tensor",
    "The view that begins where a 0-dim integer tensor says.",
    composite=True,
)
Op(
    "diagonal(self: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor",
    """The view of a diagonal of two dimensions, as the last dimension.

    >>> weft.arange(9).view(3, 3).diagonal().tolist()
    [0, 4, 8]
    """,
    view=True,
    vjp={"self": lambda g, self, offset, dim1, dim2: diagonal_backward(g, self.sizes, offset, dim1, dim2)},
    samples=[((3, 3), 0, 0, 1), ((3, 4), 1, 0, 1), ((2, 3, 4), -1, 1, 2)],
    ref="numpy.diagonal",
)
Op(
    "diagonal_backward(g: Tensor, sizes: list[int], offset: int, dim1: int, dim2: int) -> Tensor",
    "Zeros of the given shape with g on a diagonal.",
    namespace="_",
    vjp={"g": lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2)},
)
Op(
    "unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor",
    """The view of sliding windows of a dimension; the window is the new last dimension.

    >>> weft.arange(5).unfold(0, 3, 1).shape
    weft.Size([3, 3])
    """,
    view=True,
    function=False,
    vjp={"self": lambda g, self, dimension, size, step: unfold_backward(g, self.sizes, dimension, size, step)},
    samples=[((5,), 0, 3, 1), ((2, 6), 1, 2, 2)],
)
Op(
    "unfold_backward(g: Tensor, sizes: list[int], dim: int, size: int, step: int) -> Tensor",
    "Adds windows back into zeros of the given shape.",
    namespace="_",
    vjp={"g": lambda g, dim, size, step: unfold(g, dim, size, step)},
)
Op(
    "view_alias(self: Tensor) -> Tensor",
    "Another view of the same elements.",
    namespace="_",
    view=True,
    vjp={"self": lambda g: g},
    batch="leading",
)
Op(
    "detach(self: Tensor) -> Tensor",
    """The same memory without a history: gradients stop here.

    >>> weft.ones(2, requires_grad=True).detach().requires_grad
    False
    """,
    samples=[((2, 3),)],
    ref="numpy.copy",
    batch="leading",
)
Op(
    "split(self: Tensor, split_size: int, dim: int = 0) -> list[Tensor]",
    """Views of split_size indices each along a dimension; the last may be shorter.

    >>> [t.tolist() for t in weft.arange(5).split(2)]
    [[0, 1], [2, 3], [4]]
    """,
    composite=True,
    samples=[((5, 2), 2, 0), ((2, 4), 3, -1)],
)
Op(
    "split.sizes(self: Tensor, split_size: list[int], dim: int = 0) -> list[Tensor]",
    "Views of the given lengths along a dimension, which they must fill.",
    aliases=("split_with_sizes",),
    view=True,
    vjp={"self": lambda grads, self, split_size, dim: split_backward(grads, self.sizes, self.dtype, split_size, dim)},
    samples=[((5, 2), [2, 3], 0)],
)
Op(
    "split_backward(grads: list[Tensor | None], sizes: list[int], dtype: dtype, lengths: list[int], dim: int) -> Tensor",
    "The pieces' gradients side by side, zeros where none came.",
    namespace="_",
    composite=True,
)
Op(
    "chunk(self: Tensor, chunks: int, dim: int = 0) -> list[Tensor]",
    """At most `chunks` views of equal length along a dimension; the last may be shorter.

    >>> [t.tolist() for t in weft.arange(5).chunk(2)]
    [[0, 1, 2], [3, 4]]
    """,
    composite=True,
    samples=[((5, 2), 2, 0), ((2, 7), 3, 1)],
)
Op(
    "unbind(self: Tensor, dim: int = 0) -> list[Tensor]",
    """The views at every index of a dimension.

    >>> [t.tolist() for t in weft.eye(2).unbind()]
    [[1.0, 0.0], [0.0, 1.0]]
    """,
    view=True,
    vjp={"self": lambda grads, self, dim: unbind_backward(grads, self.sizes, self.dtype, dim)},
    samples=[((2, 3), 0), ((2, 3), -1)],
)
Op(
    "unbind_backward(grads: list[Tensor | None], sizes: list[int], dtype: dtype, dim: int) -> Tensor",
    "The slices' gradients stacked, zeros where none came.",
    namespace="_",
    composite=True,
)
