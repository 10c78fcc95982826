"""Elements and slices picked, written and added by an index along one dimension, and by a mask.

Duplicate indices: additions all count, in order, and the last write wins, at any thread count.
"""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

_SPREAD = np.arange(30_000).reshape(100, 300) * 7 % 401  # indices of large samples; some occur twice in a column

Op(
    "gather(self: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor",
    """out[i][j] = self[index[i][j]][j] for dim = 0, self[i][index[i][j]] for dim = 1.

    Args: index, int64, with as many dimensions as self and no larger than it outside dim.
    Raises RuntimeError for an index out of range.

    >>> weft.tensor([[1, 2], [3, 4]]).gather(1, weft.tensor([[0], [1]])).tolist()
    [[1], [4]]
    """,
    cost=pointwise(1.0),
    out=True,
    apart=("self", "index"),
    vjp={"self": lambda g, self, dim, index: scatter_add(zeros(self.sizes, g.dtype), dim, index, g)},
    samples=lambda: [
        ((3, 4), 1, np.array([[0, 3], [1, 1]])),
        ((3, 4), -2, np.array([[2, 0, 1]])),
        ((), 0, np.array(0)),
    ],
    ref=lambda x, dim, index: x[index, range(index.shape[1])] if dim == -2 else x[[[0], [1]], index] if x.ndim else x,
    batch="indexed",
)
Op(
    "scatter.src(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor",
    """A copy of self with out[index[i][j]][j] = src[i][j] for dim = 0.

    >>> weft.zeros(3).scatter(0, weft.tensor([2]), weft.ones(1)).tolist()
    [0.0, 0.0, 1.0]
    """,
    mutates=True,
    cost=pointwise(1.0),
    vjp={
        "self": lambda g, dim, index: scatter_value(g, dim, index, 0),
        "src": lambda g, dim, index: gather(g, dim, index),
    },
    samples=lambda: [((3, 4), 1, np.array([[0, 3], [1, 0]]), (2, 2)), ((3,), 0, np.array([2]), (1,))],
    big=lambda: [((100, 401), 1, _SPREAD, (100, 300))],
    batch="indexed",
    out=True,
    apart=("src",),
)
Op(
    "scatter.value(self: Tensor, dim: int, index: Tensor, value: Number) -> Tensor",
    "A copy of self with value written at the indices.",
    mutates=True,
    cost=pointwise(1.0),
    vjp={"self": lambda g, dim, index: scatter_value(g, dim, index, 0)},
    samples=lambda: [((3, 4), 0, np.array([[0, 2], [1, 0]]), 1.5), ((3,), -1, np.array([2]), 1.5)],
    batch="indexed",
    out=True,
)
Op(
    "scatter.combining(self: Tensor, dim: int, index: Tensor, src: Tensor | Number, *, reduce: str) -> Tensor",
    "The older spelling of scatter_reduce: reduce is 'add' or 'multiply'. Not differentiable.",
    mutates=True,
    cost=pointwise(1.0),
    samples=lambda: [
        ((3, 4), 1, np.array([[0, 3], [1, 0]]), (2, 2), {"reduce": "add"}),
        ((3,), 0, np.array([2, 2]), (2,), {"reduce": "multiply"}),
    ],
    out=True,
)
Op(
    "scatter_add(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor",
    """A copy of self with src added at the indices.

    >>> weft.zeros(2).scatter_add(0, weft.tensor([1, 1]), weft.ones(2)).tolist()
    [0.0, 2.0]
    """,
    mutates=True,
    cost=pointwise(1.0),
    vjp={"self": lambda g: g, "src": lambda g, dim, index: gather(g, dim, index)},
    samples=lambda: [
        ((3, 4), 1, np.array([[0, 3], [1, 1]]), (2, 2)),
        ((3, 4), 0, np.array([[0, 2], [0, 2]]), (2, 2)),
    ],
    big=lambda: [((100, 401), 1, _SPREAD, (100, 300)), ((401, 300), 0, _SPREAD, (100, 300))],
    batch="indexed",
    out=True,
    apart=("src",),
)
Op(
    "scatter_reduce(self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True)"
    " -> Tensor",
    """Combines src into self at the indices; reduce is 'sum', 'prod', 'mean', 'amax' or 'amin'.

    >>> weft.zeros(2).scatter_reduce(0, weft.tensor([1, 1]), weft.tensor([2.0, 3.0]), "amax").tolist()
    [0.0, 3.0]
    """,
    mutates=True,
    cost=pointwise(1.0),
    vjp={
        ("self", "src"): lambda g, self, dim, index, src, reduce, include_self, out: scatter_reduce_backward(
            g, self, dim, index, src, reduce, include_self, out
        ),
    },
    samples=lambda: [((3, 4), 1, np.array([[0, 3], [1, 1]]), (2, 2), how) for how in ("sum", "mean", "amax", "amin")],
    big=lambda: [((100, 401), 1, _SPREAD, (100, 300), how) for how in ("sum", "mean", "amax", "amin")],
    batch="indexed",
    out=True,
    apart=("src",),
)
Op(
    "scatter_reduce_backward(grad: Tensor, self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str,"
    " include_self: bool, result: Tensor) -> (grad_self: Tensor, grad_src: Tensor)",
    "The gradients of scatter_reduce; equal extremes share theirs.",
    namespace="_",
    composite=True,
    method=False,
)
Op(
    "index_select(self: Tensor, dim: int, index: Tensor) -> Tensor",
    """The slices of self along dim that index names.

    >>> weft.tensor([1, 2, 3]).index_select(0, weft.tensor([2, 0])).tolist()
    [3, 1]
    """,
    cost=pointwise(0.3),
    out=True,
    apart=("self", "index"),
    vjp={"self": lambda g, self, dim, index: index_add(zeros(self.sizes, g.dtype), dim, index, g)},
    samples=lambda: [
        ((3, 4), 0, np.array([2, 0, 2])),
        ((3, 4), -1, np.array([1])),
        ((3, 4), 1, np.array([]).astype(int)),
    ],
    ref=lambda x, dim, index: x.take(index, dim),
    batch="index_select",
)
Op(
    "index_add(self: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor",
    """A copy of self with alpha * source added to the slices that index names.

    >>> weft.zeros(2).index_add(0, weft.tensor([1, 1]), weft.ones(2)).tolist()
    [0.0, 2.0]
    """,
    mutates=True,
    cost=pointwise(0.5),
    holomorphic=True,
    vjp={"self": lambda g: g, "source": lambda g, dim, index, alpha: index_select(g, dim, index) * alpha},
    samples=lambda: [((3, 4), 0, np.array([2, 0, 2]), (3, 4)), ((3, 4), -1, np.array([1]), (3, 1), {"alpha": 2})],
    out=True,
    apart=("source",),
)
Op(
    "index_copy(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor",
    "A copy of self with source written to the slices that index names.",
    mutates=True,
    autocast="widest",
    cost=pointwise(0.5),
    vjp={
        "self": lambda g, dim, index: index_fill(g, dim, index, 0),
        "source": lambda g, dim, index: index_select(g, dim, index),
    },
    samples=lambda: [((3, 4), 0, np.array([2, 0]), (2, 4)), ((3, 4), -1, np.array([1]), (3, 1))],
    out=True,
    apart=("source",),
)
Op(
    "index_fill(self: Tensor, dim: int, index: Tensor, value: Tensor | Number) -> Tensor",
    "A copy of self with value, a number or a 0-dim tensor, in the slices that index names.",
    mutates=True,
    cost=pointwise(0.5),
    vjp={
        "self": lambda g, dim, index: index_fill(g, dim, index, 0),
        # Not the sum over index_select: an index may name a slice twice.
        "value": lambda g, dim, index: sum(where(ne(index_fill(zeros_like(g), dim, index, 1), 0), g, 0)),
    },
    samples=lambda: [((3, 4), 0, np.array([2, 0]), 1.5), ((3, 4), -1, np.array([1]), 1.5)],
)
Op(
    "take(self: Tensor, index: Tensor) -> Tensor",
    """The elements of self, seen as one dimension, at the indices; shaped as index.

    >>> weft.tensor([[1, 2], [3, 4]]).take(weft.tensor([3, -4])).tolist()
    [4, 1]
    """,
    cost=pointwise(1.0),
    out=True,
    apart=("self", "index"),
    vjp={"self": lambda g, self, index: take_backward(g, self.sizes, index)},
    samples=lambda: [((3, 4), np.array([[0, -1], [5, 5]])), ((4,), np.array(2))],
    ref="numpy.take",
)
Op(
    "take_backward(grad: Tensor, sizes: list[int], index: Tensor) -> Tensor",
    "Adds the gradient of take back into zeros.",
    namespace="_",
    composite=True,
)
Op(
    "take_along_dim(self: Tensor, indices: Tensor, dim: int | None = None) -> Tensor",
    "gather with broadcasting; without dim, of self seen as one dimension.",
    composite=True,
    cost=pointwise(1.0),
    samples=lambda: [((3, 4), np.array([[0], [3], [1]]), 1), ((3, 4), np.array([5, 0]))],
    ref=lambda x, index, dim=None: x.ravel()[index] if dim is None else x[[[0], [1], [2]], index],
    batch="indexed",
    out=True,
    apart=("self", "indices"),
)
Op(
    "masked_select(self: Tensor, mask: Tensor) -> Tensor",
    """The elements where mask is True, as one dimension; self and mask broadcast.

    >>> weft.tensor([1, 2, 3]).masked_select(weft.tensor([True, False, True])).tolist()
    [1, 3]
    """,
    cost=pointwise(1.0),
    out=True,
    apart=("self", "mask"),
    vjp={"self": lambda g, self, mask: masked_select_backward(g, self.sizes, mask)},
    samples=lambda: [
        ((3,), np.array([True, False, True])),
        ((2, 3), np.array([True, False, True])),
        ((0,), np.array([]) > 0),
    ],
    big=lambda: [((300, 401), np.arange(401) % 3 == 0)],
    ref=lambda x, mask: x[..., mask].ravel() if x.ndim > 1 else x[mask],
)
Op(
    "masked_select_backward(grad: Tensor, sizes: list[int], mask: Tensor) -> Tensor",
    "Writes the gradient of masked_select back into zeros.",
    namespace="_",
    composite=True,
)
Op(
    "masked_scatter(self: Tensor, mask: Tensor, source: Tensor) -> Tensor",
    "self with its elements where mask is True from source, in order. mask and self are broadcast against each other.",
    cost=pointwise(1.0),
    vjp={
        "self": lambda g, mask: masked_scatter(g, mask, zeros_like(g)),
        "source": lambda g, mask, source: masked_scatter_source_backward(g, mask, source.sizes),
    },
    samples=lambda: [
        ((3,), np.array([True, False, True]), (2,)),
        ((2, 2), np.array([[True, False], [True, True]]), (4,)),
    ],
    big=lambda: [((300, 401), np.arange(401) % 3 == 0, (300, 401))],
)
Op(
    "masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor",
    "Sets the elements where mask is True to those of source, in order. mask is broadcast.",
    function=False,
    cost=pointwise(1.0),
    vjp={
        "self": lambda g, mask: masked_scatter(g, mask, zeros_like(g)),
        "source": lambda g, mask, source: masked_scatter_source_backward(g, mask, source.sizes),
    },
    samples=lambda: [((2, 2), np.array([True, False]), (2,))],
    big=lambda: [((300, 401), np.arange(401) % 3 == 0, (300, 401))],
)
Op(
    "masked_scatter_source_backward(grad: Tensor, mask: Tensor, sizes: list[int]) -> Tensor",
    "What of the gradient belongs to each element of the source.",
    namespace="_",
    composite=True,
)
Op(
    "mix_lines(self: Tensor, index: Tensor, weight: Tensor, dim: int) -> Tensor",
    """Every line along dim a weighted sum of lines of self: weight[0, j] * self[index[0, j]] + ... for line j.

    Args: index, int64, and weight, float64: shape (taps, n). Weights have no derivative.
    Raises IndexError for an index out of range.
    """,
    namespace="_",
    cost=pointwise(0.5),
    vjp={
        "self": lambda g, self, index, weight, dim: mix_lines_back(g, index, weight, dim, self.sizes),
        "weight": lambda g: _no_derivative(g, "mix_lines: weight"),
    },
    samples=lambda: [
        ((3, 4), np.array([[0, 3], [1, 1]]), np.array([[0.5, 2.0], [1.0, -1.0]]), 1),
        ((3, 4), np.array([[2, 0, 1, 1]]), np.array([[0.5, 2.0, 1.0, 0.25]]), -2),
    ],
    big=lambda: [
        ((100, 401), np.array([[(k * 7 + t) % 401 for k in range(300)] for t in (0, 1)]), np.ones((2, 300)), 1)
    ],
    ref=lambda x, index, weight, dim: sum(
        np.moveaxis(np.moveaxis(x, dim, -1)[..., i] * w, -1, dim) for i, w in zip(index, weight, strict=True)
    ),
)
Op(
    "mix_lines_back(grad: Tensor, index: Tensor, weight: Tensor, dim: int, sizes: list[int]) -> Tensor",
    "Adds the gradient of each line to those it was mixed from.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={
        "grad": lambda g, index, weight, dim: mix_lines(g, index, weight, dim),
        "weight": lambda g: _no_derivative(g, "mix_lines_back: weight"),
    },
)
