"""Rows of a table looked up by integers, and integers as rows of zeros and a one."""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

Op(
    "embedding(indices: Tensor, weight: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False,"
    " sparse: bool = False) -> Tensor",
    """The rows of weight that indices name: shape (*indices.shape, *weight.shape[1:]).

    The row padding_idx receives no gradient. Raises IndexError for an index out of range.
    """,
    namespace="nn",
    cost=pointwise(0.3),
    vjp={
        "weight": lambda g, indices, weight, padding_idx, scale_grad_by_freq: embedding_backward(
            g, indices, weight.sizes, padding_idx, scale_grad_by_freq
        ),
    },
    samples=lambda: [
        (np.array([[0, 2], [2, 1]]), (4, 3)),
        (np.array([2, 2, 0]), (4, 3), 1),
        (np.array([1, 0]), (2, 3), -1, True),
    ],
    big=lambda: [(np.array([i * 7 % 50 for i in range(3001)]), (50, 40))],
    ref=lambda indices, weight, *_: weight[indices],
    batch="embedding",
)
Op(
    "embedding_backward(grad: Tensor, indices: Tensor, sizes: list[int], padding_idx: int, scale_grad_by_freq: bool)"
    " -> Tensor",
    "Adds the gradient of each row that was looked up.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={
        "grad": lambda g, indices, padding_idx, scale_grad_by_freq: embedding_backward_backward(
            g, indices, padding_idx, scale_grad_by_freq
        ),
    },
)
Op(
    "embedding_backward_backward(grad: Tensor, indices: Tensor, padding_idx: int, scale_grad_by_freq: bool) -> Tensor",
    "The rows that a change of the gradient reaches, weighted as embedding_backward does.",
    namespace="_",
    composite=True,
)
Op(
    "embedding_bag_rows(indices: Tensor, weight: Tensor, mean: bool) -> Tensor",
    """The sum or mean of the rows of weight that each row of indices names, in float32 or float64: shape (B, D).

    Raises IndexError for an index out of range.
    """,
    namespace="_",
    cost=pointwise(0.1),
    vjp={
        "weight": lambda g, indices, weight, mean: embedding_bag_rows_backward(g, indices, weight.sizes, mean),
    },
    samples=lambda: [
        (np.array([[0, 2], [2, 1], [3, 3]]), (4, 3), False),
        (np.array([[2, 2, 0]]), (3, 70), True),
    ],
    big=lambda: [(np.array([[(i + j * 7) % 50 for j in range(31)] for i in range(301)]), (50, 40), True)],
    ref=lambda indices, weight, mean: weight[indices].mean(1) if mean else weight[indices].sum(1),
)
Op(
    "embedding_bag_rows_backward(grad: Tensor, indices: Tensor, sizes: list[int], mean: bool) -> Tensor",
    "Adds the gradient of each bag to the rows that were looked up.",
    namespace="_",
    composite=True,
)
Op(
    "one_hot(self: Tensor, num_classes: int = -1) -> Tensor",
    """Zeros with a one at the class of each element: shape (*, num_classes).

    >>> weft._core.nn.one_hot(weft.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """,
    namespace="nn",
    method=False,
    cost=pointwise(2.0),
    samples=lambda: [(np.array([0, 2, 1]),), (np.array([[1]]), 4)],
    big=lambda: [(np.array([i % 9 for i in range(30_001)]),)],
    ref=lambda x, num_classes=-1: np.eye(num_classes if num_classes > 0 else x.max() + 1, dtype=np.int64)[x],
)
