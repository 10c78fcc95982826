"""Sorting, selection, distinct values and search. NaN counts as the largest value, and every sort is stable."""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

Op(
    "sort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False)"
    " -> (values: Tensor, indices: Tensor)",
    """The elements along dim in order, and where each was.

    >>> weft.tensor([3, 1, 2]).sort().indices.tolist()
    [1, 2, 0]
    """,
    out=True,
    cost=pointwise(10.0),
    vjp={"self": lambda g_values, self, dim, indices: value_selecting_backward(g_values, self.sizes, dim, indices)},
    samples=[((3, 4),), ((3, 4), 0), ((3, 4), 1, True), ((), 0), ((2, 0),)],
)
Op(
    "value_selecting_backward(grad: Tensor, sizes: list[int], dim: int, indices: Tensor) -> Tensor",
    "Writes the gradient of values picked along dim back to where they came from.",
    namespace="_",
    composite=True,
)
Op(
    "argsort(self: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor",
    """The indices that sort self along dim.

    >>> weft.tensor([3, 1, 2]).argsort().tolist()
    [1, 2, 0]
    """,
    cost=pointwise(10.0),
    samples=[((3, 4),), ((3, 4), 0), ((), 0)],
)
Op(
    "msort(self: Tensor) -> Tensor",
    "The elements along the first dimension in ascending order.",
    composite=True,
    out=True,
    cost=pointwise(10.0),
    samples=[((3, 4),)],
)
Op(
    "topk(self: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True)"
    " -> (values: Tensor, indices: Tensor)",
    """The k largest (or smallest) elements along dim, best first, and where they were.

    Raises RuntimeError when dim has fewer than k elements.

    >>> weft.tensor([3, 1, 2]).topk(2).values.tolist()
    [3, 2]
    """,
    out=True,
    cost=pointwise(3.0),
    vjp={"self": lambda g_values, self, dim, indices: value_selecting_backward(g_values, self.sizes, dim, indices)},
    samples=[((3, 4), 2), ((3, 4), 1, 0), ((3, 4), 2, -1, False), ((), 1)],
)
Op(
    "kthvalue(self: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> (values: Tensor, indices: Tensor)",
    """The k-th smallest element along dim, k from 1, and where it was.

    >>> weft.tensor([3, 1, 2]).kthvalue(2).values.item()
    2
    """,
    out=True,
    apart=("self",),
    cost=pointwise(8.0),
    vjp={
        "self": lambda g_values, self, dim, keepdim, indices: selected_backward(
            g_values, self.sizes, dim, keepdim, indices
        )
    },
    samples=[((3, 4), 2), ((3, 4), 1, 0), ((3, 4), 4, 1, True)],
)
Op(
    "selected_backward(grad: Tensor, sizes: list[int], dim: int, keepdim: bool, indices: Tensor) -> Tensor",
    "The gradient of one value picked from every line along dim.",
    namespace="_",
    composite=True,
)
Op(
    "median(self: Tensor) -> Tensor",
    """The lower median of all elements; NaN if one is NaN.

    >>> weft.tensor([4, 1, 2, 3]).median().item()
    2
    """,
    cost=pointwise(8.0),
    composite=True,
    samples=[((3, 3),), ((4,),)],
    batch="dims",
)
Op(
    "median.dim(self: Tensor, dim: int, keepdim: bool = False) -> (values: Tensor, indices: Tensor)",
    "The lower median along dim and where it was; NaN if one is NaN.",
    out=True,
    cost=pointwise(8.0),
    vjp={
        "self": lambda g_values, self, dim, keepdim, indices: selected_backward(
            g_values, self.sizes, dim, keepdim, indices
        )
    },
    samples=[((3, 4), 1), ((3, 5), 0, True)],
)
Op(
    "nanmedian.dim(self: Tensor, dim: int, keepdim: bool = False) -> (values: Tensor, indices: Tensor)",
    "The lower median along dim of what is not NaN, and where it was.",
    out=True,
    cost=pointwise(8.0),
    vjp={
        "self": lambda g_values, self, dim, keepdim, indices: selected_backward(
            g_values, self.sizes, dim, keepdim, indices
        )
    },
    samples=[((3, 4), 1)],
)
Op(
    "nanmedian(self: Tensor) -> Tensor",
    "The lower median of all elements that are not NaN.",
    cost=pointwise(8.0),
    composite=True,
    samples=[((3, 3),)],
    batch="dims",
)
Op(
    "mode(self: Tensor, dim: int = -1, keepdim: bool = False) -> (values: Tensor, indices: Tensor)",
    """The most frequent value along dim (the smallest of several), and where it is last.

    >>> weft.tensor([1, 2, 2]).mode().values.item()
    2
    """,
    out=True,
    cost=pointwise(15.0),
    vjp={
        "self": lambda g_values, self, dim, keepdim, indices: selected_backward(
            g_values, self.sizes, dim, keepdim, indices
        )
    },
    samples=[((3, 4), 1)],
)
Op(
    "_unique(self: Tensor, return_inverse: bool, return_counts: bool)"
    " -> (values: Tensor, inverse: Tensor, counts: Tensor)",
    "Distinct values in ascending order, where each element went, and how often each occurs.",
    namespace="_",
    impl="unique_values",
    cost=pointwise(15.0),
)
Op(
    "_unique_consecutive(self: Tensor, return_inverse: bool, return_counts: bool)"
    " -> (values: Tensor, inverse: Tensor, counts: Tensor)",
    "The first of every run of equal values, the run of each element, and the lengths.",
    namespace="_",
    impl="unique_runs",
    cost=pointwise(2.0),
)
Op(
    "_unique_dim(self: Tensor, dim: int, consecutive: bool) -> (values: Tensor, inverse: Tensor, counts: Tensor)",
    "Distinct slices along dim, in order unless only runs are joined.",
    namespace="_",
    impl="unique_slices",
    cost=pointwise(20.0),
)
Op(
    "searchsorted(sorted_sequence: Tensor, self: Tensor | Number, *, out_int32: bool = False, right: bool = False,"
    " side: str | None = None, sorter: Tensor | None = None) -> Tensor",
    """Where each value belongs in its row of sorted_sequence: before equal ones, or after them if right.

    Args: sorted_sequence, ascending along its last dimension; self, values with the same other dimensions, or any
    shape when sorted_sequence has one dimension.

    >>> weft.searchsorted(weft.tensor([1, 3, 5]), weft.tensor([3, 6])).tolist()
    [1, 3]
    """,
    method=False,
    out=True,
    cost=pointwise(10.0),
    samples=lambda: [
        (np.array([-1.0, 0.0, 1.0]), (5,)),
        (np.array([0.5]), (2, 3), {"right": True}),
        (np.array([1.0]), (0,)),
    ],
    big=lambda: [(np.array([-1.0, 0.0, 1.0]), (100_001,))],
    ref=lambda rows, x, right=False: np.searchsorted(rows, x, "right" if right else "left"),
)
Op(
    "bucketize(self: Tensor | Number, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor",
    """The bucket of each value between ascending boundaries.

    >>> weft.bucketize(weft.tensor([2, 9]), weft.tensor([1, 3, 5])).tolist()
    [1, 3]
    """,
    method=False,
    out=True,
    cost=pointwise(10.0),
    samples=lambda: [
        ((5,), np.array([-1.0, 0.0, 1.0])),
        ((2, 3), np.array([0.5]), {"right": True}),
        ((0,), np.array([1.0])),
    ],
    big=lambda: [((100_001,), np.array([-1.0, 0.0, 1.0]))],
    ref=lambda x, boundaries, right=False: np.searchsorted(boundaries, x, "right" if right else "left"),
)
Op(
    "bincount(self: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor",
    """How often each non-negative integer occurs, or the sum of its weights.

    >>> weft.tensor([0, 2, 2]).bincount().tolist()
    [1, 0, 2]
    """,
    cost=pointwise(2.0),
    samples=lambda: [(np.array([1, 3, 1]),), (np.array([0, 2]), (2,)), (np.array([1]), None, 5)],
    big=lambda: [(np.array([i * 7 % 13 for i in range(100_001)]), (100_001,))],
    ref=lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
)
