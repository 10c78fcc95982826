"""Products of vectors and matrices."""

from __future__ import annotations

import numpy

from ops.table import Op, estimated

Op(
    "mm(self: Tensor, mat2: Tensor) -> Tensor",
    """The product of two matrices, shapes (n, m) and (m, p).

    >>> weft.mm(weft.ones(2, 3), weft.ones(3, 2)).tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """,
    autocast="lower",
    cost=estimated("product"),
    out=True,
    holomorphic=True,
    vjp={"self": lambda g, mat2: mm(g, t(mat2)), "mat2": lambda g, self: mm(t(self), g)},
    samples=[((2, 3), (3, 4)), ((5, 1), (1, 5)), ((17, 33), (33, 20)), ((2, 0), (0, 3)), ((0, 3), (3, 2))],
    ref="numpy.matmul",
    batch="matmul",
)
Op(
    "bmm(self: Tensor, mat2: Tensor) -> Tensor",
    """Products of matrices in two batches of the same size, shapes (b, n, m) and (b, m, p).

    >>> weft.bmm(weft.ones(4, 2, 3), weft.ones(4, 3, 5)).shape
    weft.Size([4, 2, 5])
    """,
    autocast="lower",
    cost=estimated("batched_product"),
    out=True,
    holomorphic=True,
    vjp={
        "self": lambda g, mat2: bmm(g, transpose(mat2, 1, 2)),
        "mat2": lambda g, self: bmm(transpose(self, 1, 2), g),
    },
    samples=[((3, 2, 4), (3, 4, 5)), ((1, 1, 1), (1, 1, 1)), ((0, 2, 3), (0, 3, 2)), ((2, 2, 0), (2, 0, 3))],
    ref="numpy.matmul",
    batch="matmul",
)
Op(
    "mv(self: Tensor, vec: Tensor) -> Tensor",
    """The product of a matrix, shape (n, m), and a vector, shape (m,).

    >>> weft.mv(weft.ones(2, 3), weft.ones(3)).tolist()
    [3.0, 3.0]
    """,
    cost=estimated("product"),
    out=True,
    holomorphic=True,
    vjp={"self": lambda g, vec: mul(unsqueeze(g, 1), vec), "vec": lambda g, self: mv(t(self), g)},
    samples=[((2, 3), (3,)), ((40, 17), (17,)), ((3, 0), (0,)), ((0, 3), (3,))],
    ref="numpy.matmul",
    batch="matmul",
)
Op(
    "dot(self: Tensor, tensor: Tensor) -> Tensor",
    """The inner product of two vectors of the same length.

    >>> weft.dot(weft.tensor([1.0, 2.0]), weft.tensor([3.0, 4.0])).item()
    11.0
    """,
    cost=estimated("product"),
    out=True,
    holomorphic=True,
    vjp={"self": lambda g, tensor: g * tensor, "tensor": lambda g, self: g * self},
    samples=[((3,), (3,)), ((100,), (100,)), ((0,), (0,))],
    ref="numpy.dot",
    batch="matmul",
)
Op(
    "vdot(self: Tensor, other: Tensor) -> Tensor",
    """The inner product of two vectors of real numbers; the same as dot.

    >>> weft.vdot(weft.tensor([1.0, 2.0]), weft.tensor([3.0, 4.0])).item()
    11.0
    """,
    composite=True,
    cost=estimated("product"),
    out=True,
    samples=[((3,), (3,)), ((0,), (0,))],
    ref="numpy.vdot",
)
Op(
    "outer(self: Tensor, vec2: Tensor) -> Tensor",
    """All products of an element of one vector with one of the other, shape (n, m).

    >>> weft.outer(weft.tensor([1.0, 2.0]), weft.tensor([3.0, 4.0])).tolist()
    [[3.0, 4.0], [6.0, 8.0]]
    """,
    composite=True,
    aliases=("ger",),
    cost=estimated("outer_product"),
    out=True,
    out_casts=True,
    samples=[((3,), (4,)), ((1,), (0,))],
    big=[((301,), (401,))],
    ref="numpy.outer",
)
Op(
    "inner(self: Tensor, other: Tensor) -> Tensor",
    """Inner products along the last dimensions; the plain product when one side has no dimension.

    >>> weft.inner(weft.ones(2, 3), weft.ones(4, 3)).shape
    weft.Size([2, 4])
    """,
    composite=True,
    cost=estimated("product"),
    out=True,
    samples=[((3,), (3,)), ((2, 3), (4, 3)), ((), (2, 3)), ((2, 2, 3), (3,))],
    ref="numpy.inner",
)
Op(
    "matmul(self: Tensor, other: Tensor) -> Tensor",
    """The matrix product of NumPy's matmul: vectors, matrices, and batches of matrices that broadcast.

    A vector on the left counts as a row, on the right as a column; the result is without that
    dimension.

    >>> weft.matmul(weft.ones(5, 2, 3), weft.ones(3, 4)).shape
    weft.Size([5, 2, 4])
    """,
    composite=True,
    operator=("matmul",),
    autocast="lower",
    also=("linalg.matmul",),
    cost=estimated("product"),
    out=True,
    samples=[
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3,)),
        ((5, 2, 3), (3, 4)),
        ((3,), (5, 3, 4)),
        ((2, 3), (5, 3, 4)),
        ((2, 1, 2, 3), (4, 3, 2)),
        ((2, 0, 3), (2, 3, 4)),
    ],
    ref="numpy.matmul",
    batch="matmul",
)
Op(
    "addmm(self: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor",
    """beta * self + alpha * (mat1 @ mat2); self broadcasts to the product. With beta 0, self is not read.

    >>> weft.addmm(weft.ones(2), weft.ones(2, 3), weft.ones(3, 2), beta=2).tolist()
    [[5.0, 5.0], [5.0, 5.0]]
    """,
    inplace=True,
    out=True,
    autocast="lower",
    cost=estimated("added_product"),
    holomorphic=True,
    vjp={
        "self": lambda g, beta: scaled(g, beta),
        "mat1": lambda g, mat2, alpha: scaled(mm(g, t(mat2)), alpha),
        "mat2": lambda g, mat1, alpha: scaled(mm(t(mat1), g), alpha),
    },
    samples=[
        ((4,), (2, 3), (3, 4)),
        ((2, 4), (2, 3), (3, 4), {"beta": 0.5, "alpha": -2.0}),
        ((2, 1), (2, 3), (3, 4), {"beta": 2}),
        ((), (2, 0), (0, 3)),
    ],
    ref=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
)
Op(
    "baddbmm(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor",
    """beta * self + alpha * bmm(batch1, batch2); self broadcasts. With beta 0, self is not read.

    >>> weft.baddbmm(weft.ones(1), weft.ones(2, 1, 3), weft.ones(2, 3, 1)).view(2).tolist()
    [4.0, 4.0]
    """,
    inplace=True,
    out=True,
    autocast="lower",
    cost=estimated("added_batched_product"),
    holomorphic=True,
    vjp={
        "self": lambda g, beta: scaled(g, beta),
        "batch1": lambda g, batch2, alpha: scaled(bmm(g, transpose(batch2, 1, 2)), alpha),
        "batch2": lambda g, batch1, alpha: scaled(bmm(transpose(batch1, 1, 2), g), alpha),
    },
    samples=[
        ((2, 2, 4), (2, 2, 3), (2, 3, 4)),
        ((4,), (2, 2, 3), (2, 3, 4), {"beta": 0.5, "alpha": -2.0}),
        ((2, 1, 1), (2, 2, 3), (2, 3, 4), {"alpha": 3}),
    ],
    ref=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
)
Op(
    "addbmm(self: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor",
    """beta * self + alpha * the sum of bmm(batch1, batch2) over the batch.

    >>> weft.addbmm(weft.ones(1, 1), weft.ones(2, 1, 3), weft.ones(2, 3, 1)).item()
    7.0
    """,
    composite=True,
    inplace=True,
    out=True,
    autocast="lower",
    cost=estimated("added_batched_product"),
    samples=[((2, 4), (3, 2, 3), (3, 3, 4)), ((2, 4), (3, 2, 3), (3, 3, 4), {"beta": 0.5, "alpha": 2})],
    ref=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b).sum(0),
)
Op(
    "addmv(self: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor",
    """beta * self + alpha * (mat @ vec).

    >>> weft.addmv(weft.ones(2), weft.ones(2, 3), weft.ones(3)).tolist()
    [4.0, 4.0]
    """,
    inplace=True,
    out=True,
    cost=estimated("added_product"),
    inplace_function=True,
    holomorphic=True,
    vjp={
        "self": lambda g, beta: scaled(g, beta),
        "mat": lambda g, vec, alpha: scaled(mul(unsqueeze(g, 1), vec), alpha),
        "vec": lambda g, mat, alpha: scaled(mv(t(mat), g), alpha),
    },
    samples=[((2,), (2, 3), (3,)), ((1,), (2, 3), (3,), {"beta": 0.5, "alpha": -2.0})],
    ref=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * (a @ b),
)
Op(
    "addr(self: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor",
    """beta * self + alpha * outer(vec1, vec2). With beta 0, self is not read.

    >>> weft.addr(weft.ones(1, 1), weft.ones(2), weft.ones(3)).shape
    weft.Size([2, 3])
    """,
    inplace=True,
    out=True,
    out_casts=True,
    cost=estimated("added_outer_product"),
    holomorphic=True,
    vjp={
        "self": lambda g, beta: scaled(g, beta),
        "vec1": lambda g, vec2, alpha: scaled(mv(g, vec2), alpha),
        "vec2": lambda g, vec1, alpha: scaled(mv(t(g), vec1), alpha),
    },
    samples=[((2, 3), (2,), (3,)), ((2, 3), (2,), (3,), {"beta": 0.5, "alpha": 2})],
    ref=lambda c, a, b, beta=1, alpha=1: beta * c + alpha * numpy.outer(a, b),
)
Op(
    "linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor",
    """input @ weight.T + bias.

    Args:
        input: shape (*, in_features).
        weight: shape (out_features, in_features), or (in_features,).
        bias: shape (out_features,), or ().

    >>> weft._core.nn.linear(weft.ones(2, 3), weft.ones(4, 3), weft.ones(4)).tolist()
    [[4.0, 4.0, 4.0, 4.0], [4.0, 4.0, 4.0, 4.0]]
    """,
    namespace="nn",
    autocast="lower",
    cost=estimated("linear"),
    holomorphic=True,
    vjp={
        "input": lambda g, weight: linear_input(g, weight),
        "weight": lambda g, input, weight: linear_weight(g, input, weight.dim),
        "bias": lambda g: g,
    },
    samples=[
        ((2, 3), (4, 3), (4,)),
        ((2, 3), (4, 3), None),
        ((2, 5, 3), (4, 3), (4,)),
        ((3,), (4, 3), (4,)),
        ((2, 3), (3,), ()),
        ((0, 3), (4, 3), (4,)),
    ],
    ref=lambda x, w, b=None: x @ w.T + (0 if b is None else b),
    batch="linear",
    out=True,
)
Op(
    "linear_input(g: Tensor, weight: Tensor) -> Tensor",
    "The gradient of linear for its input.",
    namespace="_",
    composite=True,
)
Op(
    "linear_weight(g: Tensor, input: Tensor, dim: int) -> Tensor",
    "The gradient of linear for its weight, which has `dim` dimensions.",
    namespace="_",
    composite=True,
)
Op(
    "scaled(self: Tensor, factor: Number) -> Tensor",
    "self * factor; self itself when factor is one.",
    namespace="_",
    composite=True,
)
