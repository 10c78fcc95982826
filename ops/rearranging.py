"""Copies that move elements about: rolled, flipped, repeated, padded."""

from __future__ import annotations

import numpy as np

from ops.table import Op, pointwise

Op(
    "roll(self: Tensor, shifts: list[int], dims: list[int] = ()) -> Tensor",
    """The elements moved along dimensions; what leaves at one end comes in at the other.

    Without dims the tensor is rolled as if it were flat.

    >>> weft.arange(4).roll(1).tolist()
    [3, 0, 1, 2]
    """,
    cost=pointwise(0.3),
    vjp={"self": lambda g, shifts, dims: roll_back(g, shifts, dims)},
    samples=[((2, 3), 1), ((2, 3), [1, -2], [0, 1]), ((4,), -5, 0), ((), 3), ((0, 2), 1, 0)],
    ref=lambda x, shifts, dims=(): np.roll(x, shifts, dims or None),
)
Op(
    "roll_back(g: Tensor, shifts: list[int], dims: list[int]) -> Tensor",
    "Undoes roll(shifts, dims).",
    namespace="_",
    composite=True,
)
Op(
    "flip(self: Tensor, dims: shape) -> Tensor",
    """A copy with the order along the given dimensions reversed.

    >>> weft.arange(3).flip(0).tolist()
    [2, 1, 0]
    """,
    cost=pointwise(0.5),
    vjp={"self": lambda g, dims: flip(g, dims)},
    samples=[((2, 3), [0]), ((2, 3, 2), [0, -1]), ((), []), ((0, 2), [1])],
    ref=lambda x, dims: np.flip(x, tuple(dims)),
)
Op(
    "repeat(self: Tensor, repeats: shape) -> Tensor",
    """The tensor side by side, `repeats[d]` times along dimension d; more repeats than dimensions add leading ones.

    >>> weft.arange(2).repeat(2, 2).tolist()
    [[0, 1, 0, 1], [0, 1, 0, 1]]
    """,
    function=False,
    cost=pointwise(1.0),
    vjp={"self": lambda g, self, repeats: repeat_backward(g, self.sizes, repeats)},
    samples=[((2, 3), [2, 1]), ((3,), [2, 2]), ((), [3]), ((2,), [0]), ((2, 1), [1, 2, 3])],
    ref=lambda x, repeats: np.tile(x, repeats),
    batch="expand",
)
Op(
    "repeat_backward(g: Tensor, sizes: list[int], repeats: list[int]) -> Tensor",
    "Sums the gradients of all repetitions.",
    namespace="_",
    composite=True,
)
Op(
    "tile(self: Tensor, dims: shape) -> Tensor",
    """repeat(dims) where missing leading repeats count as one, as numpy.tile does.

    >>> weft.zeros(2, 3).tile(2).shape
    weft.Size([2, 6])
    """,
    composite=True,
    cost=pointwise(1.0),
    samples=[((2, 3), [2]), ((3,), [2, 2]), ((), [3])],
    ref=lambda x, dims: np.tile(x, dims),
    batch="expand",
)
Op(
    "repeat_interleave(self: Tensor, repeats: int, dim: int | None = None, *, output_size: int | None = None) -> Tensor",
    """Each element, or each index of a dimension, `repeats` times in a row; the tensor is flat without dim.

    >>> weft.arange(2).repeat_interleave(2).tolist()
    [0, 0, 1, 1]
    """,
    composite=True,
    cost=pointwise(1.0),
    samples=[((2, 3), 2), ((2, 3), 2, 0), ((2, 3), 3, -1), ((), 2), ((2, 0), 2, 1), ((3,), 0)],
    ref=lambda x, repeats, dim=None: np.repeat(x, repeats, dim),
)
Op(
    "interleaved(self: Tensor, repeats: int, dim: int) -> Tensor",
    "repeat_interleave along one dimension.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={"self": lambda g, self, repeats, dim: interleaved_backward(g, self.sizes, repeats, dim)},
)
Op(
    "interleaved_backward(g: Tensor, sizes: list[int], repeats: int, dim: int) -> Tensor",
    "Sums the gradients of all repetitions.",
    namespace="_",
    composite=True,
)
Op(
    "repeat_interleave.each(self: Tensor, repeats: Tensor, dim: int | None = None, *,"
    " output_size: int | None = None) -> Tensor",
    "Index i of a dimension repeats[i] times in a row; one repeat stands for all.",
    composite=True,
    cost=pointwise(2.0),
    samples=[((3, 2), np.array([0, 2, 1]), 0), ((4,), np.array([1, 2, 0, 3])), ((2, 2), np.array([2]), 1)],
    ref=lambda x, repeats, dim=None: np.repeat(x, repeats, dim),
)
Op(
    "repeat_interleave.indices(repeats: Tensor, *, output_size: int | None = None) -> Tensor",
    "The number i repeats[i] times in a row.",
    cost=pointwise(2.0),
    samples=[(np.array([2, 0, 1]),), (np.array([], dtype=np.int64),)],
    big=lambda: [(np.arange(3001) % 40,)],
    ref=lambda repeats: np.repeat(np.arange(len(repeats)), repeats),
)
Op(
    "constant_pad_nd(self: Tensor, pad: list[int], value: Number = 0) -> Tensor",
    """value added at both ends of the last dimensions: pad is (left, right) of the last, then of the one before, ...

    Negative numbers take elements away.

    >>> weft.constant_pad_nd(weft.ones(2), (1, 0)).tolist()
    [0.0, 1.0, 1.0]
    """,
    method=False,
    cost=pointwise(0.3),
    vjp={"self": lambda g, pad: constant_pad_back(g, pad)},
    samples=[((2, 3), [1, 2]), ((2, 3), [1, 0, 0, 2], 1.5), ((4,), [-1, 2]), ((2, 3), [0, 0])],
)
Op(
    "constant_pad_back(g: Tensor, pad: list[int]) -> Tensor",
    "Takes away what constant_pad_nd added, and the reverse.",
    namespace="_",
    composite=True,
)
Op(
    "pad_dim(self: Tensor, dim: int, left: int, right: int, mode: str) -> Tensor",
    'One dimension extended by its own elements; mode is "reflect", "replicate" or "circular".',
    namespace="_",
    cost=pointwise(0.5),
    vjp={"self": lambda g, self, dim, left, right, mode: pad_dim_backward(g, self.sizes, dim, left, right, mode)},
)
Op(
    "pad_dim_backward(g: Tensor, sizes: list[int], dim: int, left: int, right: int, mode: str) -> Tensor",
    "Adds the gradients of the added elements to those they were copied from.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={"g": lambda g, dim, left, right, mode: pad_dim(g, dim, left, right, mode)},
)
Op(
    'pad(self: Tensor, pad: list[int], mode: str = "constant", value: float | None = None) -> Tensor',
    """Elements added at (or with negative numbers taken from) both ends of the last dimensions.

    pad is (left, right) of the last dimension, then of the one before, ...; mode is "constant", which fills with value
    (default 0), "reflect", "replicate" or "circular", which take two dimensions fewer than the input has, or one.

    >>> weft.nn.functional.pad(weft.tensor([[1.0, 2.0]]), (1, 0), mode="replicate")
    tensor([[1., 1., 2.]])
    """,
    namespace="nn",
    method=False,
    composite=True,
    cost=pointwise(0.5),
    samples=[
        ((2, 3), [1, 2]),
        ((1, 2, 4), [2, 1], "reflect"),
        ((1, 2, 4), [1, 3], "replicate"),
        ((1, 2, 4), [1, -1], "circular"),
        ((1, 2, 3, 3), [1, 1, 2, 0], "reflect"),
    ],
)
