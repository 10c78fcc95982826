"""Triangles and diagonals of matrices."""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

_SAMPLES = [((3, 3),), ((2, 3, 4), 1), ((4, 2), -1), ((0, 3),), ((2, 2), 5), ((3, 2), -7)]

Op(
    "tril(self: Tensor, diagonal: int = 0) -> Tensor",
    """The lower triangle of matrices, shape (..., m, n): zero where column > row + diagonal.

    >>> weft.ones(2, 2).tril().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """,
    mutates=True,
    out=True,
    cost=pointwise(0.4),
    vjp={"self": lambda g, diagonal: tril(g, diagonal)},
    samples=_SAMPLES,
    ref="numpy.tril",
    batch="leading",
)
Op(
    "triu(self: Tensor, diagonal: int = 0) -> Tensor",
    """The upper triangle of matrices, shape (..., m, n): zero where column < row + diagonal.

    >>> weft.ones(2, 2).triu(1).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """,
    mutates=True,
    out=True,
    cost=pointwise(0.4),
    vjp={"self": lambda g, diagonal: triu(g, diagonal)},
    samples=_SAMPLES,
    ref="numpy.triu",
    batch="leading",
)
Op(
    "diag_embed(self: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor",
    """Zeros with the last dimension of self on a diagonal of the new dimensions dim1 and dim2.

    >>> weft.ones(2).diag_embed().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """,
    composite=True,
    cost=pointwise(2.0),
    samples=[((3,),), ((2, 3), 1), ((2, 3), -1, 0, 2)],
    big=[((30, 101),)],
)
Op(
    "diag(self: Tensor, diagonal: int = 0) -> Tensor",
    """The diagonal of a matrix, or the matrix with a 1-dim tensor as its diagonal.

    >>> weft.tensor([1, 2]).diag().tolist()
    [[1, 0], [0, 2]]
    """,
    composite=True,
    out=True,
    cost=pointwise(2.0),
    samples=[((3,),), ((2,), -1), ((3, 4),), ((3, 4), 1), ((2, 2), 3)],
    big=[((401,),), ((300, 401), 1)],
    ref="numpy.diag",
)
Op(
    "diagflat(self: Tensor, offset: int = 0) -> Tensor",
    """The matrix with the elements of self, flattened, as its diagonal.

    >>> weft.tensor([[1], [2]]).diagflat().tolist()
    [[1, 0], [0, 2]]
    """,
    composite=True,
    cost=pointwise(2.0),
    samples=[((3,),), ((2, 2), 1), ((), -1)],
    big=[((301,),)],
    ref="numpy.diagflat",
)
Op(
    "trace(self: Tensor) -> Tensor",
    """The sum of the diagonal of a matrix.

    >>> weft.eye(3).trace().item()
    3.0
    """,
    composite=True,
    samples=[((3, 3),), ((2, 4),), ((0, 2),)],
    ref=lambda x: np.trace(x),
)
