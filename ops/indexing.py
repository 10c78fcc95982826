"""Advanced indexing: elements picked by tensors of indices and by masks."""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

Op(
    "index(self: Tensor, indices: list[Tensor | None]) -> Tensor",
    "self[indices]: index tensors broadcast together; None takes a whole dimension.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={"self": lambda g, self, indices: index_put(zeros(self.sizes, g.dtype), indices, g, True)},
)
Op(
    "index_put(self: Tensor, indices: list[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor",
    """A copy of self with self[indices] = values, or += values; values broadcast to the selection.

    Duplicate indices: additions all count, and the last write wins, at any thread count.

    >>> weft.zeros(3).index_put((weft.tensor([0, 2]),), weft.ones(2)).tolist()
    [1.0, 0.0, 1.0]
    """,
    mutates=True,
    cost=pointwise(1.0),
    inplace_function=True,
    vjp={
        "self": lambda g, indices, accumulate, values: index_put_self_backward(g, indices, accumulate),
        "values": lambda g, indices, values: sum_to(index(g, indices), values.sizes),
    },
    samples=lambda: [((3, 4), [np.array([0, 2])], (4,)), ((3, 4), [np.array([0, 0]), np.array([1, 1])], (2,), True)],
    big=lambda: [((50, 401), [np.array([i % 50 for i in range(301)])], (301, 401), True)],
)
Op(
    "index_put_self_backward(g: Tensor, indices: list[Tensor | None], accumulate: bool) -> Tensor",
    "What of a gradient reaches the old value: all of it when adding, else what was not overwritten.",
    namespace="_",
    composite=True,
)
Op(
    "nonzero(self: Tensor) -> Tensor",
    "The indices of all elements that are not zero, one row each: shape (count, ndim), int64.",
    namespace="_",
    cost=pointwise(1.0),
    samples=[((2, 3),), ((4,),), ((),), ((0,),)],
    big=[((300_001,),)],
)
