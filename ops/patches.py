"""Patches of images as columns, and back."""

from __future__ import annotations

from ops.table import Op, pointwise

_PATCHES = "kernel_size: ints[2], dilation: ints[2] = 1, padding: ints[2] = 0, stride: ints[2] = 1"

Op(
    f"unfold.im2col(self: Tensor, {_PATCHES}) -> Tensor",
    """The patches of images, shape (N, C, H, W) or (C, H, W), as columns: shape (N, C * kH * kW, L), L the number of patches.

    >>> weft.nn.functional.unfold(weft.ones(1, 3, 4, 4), 2).shape
    weft.Size([1, 12, 9])
    """,
    namespace="nn",
    method=False,
    composite=True,
    cost=pointwise(4.0),
    samples=[((1, 2, 4, 5), 2), ((2, 1, 5, 5), [3, 2], 2, 1, [1, 2]), ((2, 4, 4), 3, 1, 1)],
)
Op(
    f"fold.col2im(self: Tensor, output_size: ints[2], {_PATCHES}) -> Tensor",
    """Columns, shape (N, C * kH * kW, L), added up as patches of images, shape (N, C, H, W).

    >>> weft.nn.functional.fold(weft.ones(1, 12, 9), (4, 4), 2).shape
    weft.Size([1, 3, 4, 4])
    """,
    namespace="nn",
    method=False,
    composite=True,
    cost=pointwise(2.0),
    samples=[((1, 8, 12), [4, 5], 2), ((4, 9), [4, 4], 2)],
    big=[((8, 64, 400), [21, 21], 2)],
)
Op(
    f"im2col(self: Tensor, {_PATCHES}) -> Tensor",
    "unfold of a batch.",
    namespace="_",
    cost=pointwise(4.0),
    vjp={
        "self": lambda g, self, kernel_size, dilation, padding, stride: col2im(
            g, self.sizes, kernel_size, dilation, padding, stride
        )
    },
)
Op(
    f"col2im(self: Tensor, sizes: list[int], {_PATCHES}) -> Tensor",
    "fold of a batch into the last two of the given sizes.",
    namespace="_",
    cost=pointwise(2.0),
    vjp={"self": lambda g, kernel_size, dilation, padding, stride: im2col(g, kernel_size, dilation, padding, stride)},
)
