"""Convolutions and transposed convolutions over one to three spatial dimensions."""

from __future__ import annotations

from typing import Any

from ops.table import Op, estimated

_SIZES = (
    "stride: list[int], padding: list[int], dilation: list[int], transposed: bool, output_padding: list[int],"
    " groups: int"
)

Op(
    f"convolution(input: Tensor, weight: Tensor, bias: Tensor | None, {_SIZES}) -> Tensor",
    """What conv1d to conv_transpose3d are made of.

    Args:
        input: shape (batch, in_channels, *spatial), with one to three spatial dimensions.
        weight: shape (out_channels, in_channels // groups, *kernel); when transposed,
            (in_channels, out_channels // groups, *kernel).
        bias: shape (out_channels,).
        output_padding: elements added to one side of the result; transposed only.

    The result has its channels last when the input or the weight has.

    >>> x, w = weft.ones(1, 1, 3), weft.ones(1, 1, 3)
    >>> weft.convolution(x, w, None, [1], [1], [1], False, [0], 1).view(3).tolist()
    [2.0, 3.0, 2.0]
    """,
    autocast="lower",
    cost=estimated("convolution"),
    holomorphic=True,
    vjp={
        "input": lambda g, input, weight, stride, padding, dilation, transposed, output_padding, groups: (
            convolution_input(g, weight, input.sizes, stride, padding, dilation, transposed, output_padding, groups)
        ),
        "weight": lambda g, input, weight, stride, padding, dilation, transposed, output_padding, groups: (
            convolution_weight(g, input, weight.sizes, stride, padding, dilation, transposed, output_padding, groups)
        ),
        "bias": lambda g: channel_sum(g),
    },
    samples=[
        ((2, 3, 7), (4, 3, 3), (4,), [1], [1], [1], False, [0], 1),
        ((2, 4, 5, 6), (6, 2, 3, 2), (6,), [2, 1], [1, 0], [1, 2], False, [0, 0], 2),
        ((1, 2, 3, 4, 3), (2, 2, 2, 2, 2), None, [1, 1, 1], [0, 1, 1], [1, 1, 1], False, [0, 0, 0], 1),
        ((2, 4, 3, 4), (4, 3, 3, 2), (6,), [2, 3], [1, 0], [1, 2], True, [1, 1], 2),
        ((2, 3, 4), (3, 1, 3), (3,), [1], [1], [1], False, [0], 3),
    ],
)
Op(
    f"convolution_input(grad: Tensor, weight: Tensor, sizes: list[int], {_SIZES}) -> Tensor",
    "The gradient of convolution for its input, of shape `sizes`.",
    namespace="_",
    cost=estimated("convolution_input"),
    holomorphic=True,
    vjp={
        "grad": lambda g, weight, stride, padding, dilation, transposed, output_padding, groups: convolution(
            g, weight, None, stride, padding, dilation, transposed, output_padding, groups
        ),
        "weight": lambda g, grad, weight, stride, padding, dilation, transposed, output_padding, groups: (
            convolution_weight(grad, g, weight.sizes, stride, padding, dilation, transposed, output_padding, groups)
        ),
    },
)
Op(
    f"convolution_weight(grad: Tensor, input: Tensor, sizes: list[int], {_SIZES}) -> Tensor",
    "The gradient of convolution for its weight, of shape `sizes`.",
    namespace="_",
    cost=estimated("convolution_weight"),
    holomorphic=True,
    vjp={
        "grad": lambda g, input, stride, padding, dilation, transposed, output_padding, groups: convolution(
            input, g, None, stride, padding, dilation, transposed, output_padding, groups
        ),
        "input": lambda g, grad, input, stride, padding, dilation, transposed, output_padding, groups: (
            convolution_input(grad, g, input.sizes, stride, padding, dilation, transposed, output_padding, groups)
        ),
    },
)
Op(
    "channel_sum(g: Tensor) -> Tensor",
    "The sum over all dimensions but the second.",
    namespace="_",
    composite=True,
)


def _forward(n: int, samples: list[Any]) -> None:
    spatial = ("L", "H, W", "D, H, W")[n - 1]
    kernel = ("k", "kH, kW", "kD, kH, kW")[n - 1]
    ones = ", ".join(["3"] * n)
    shape = ", ".join(["1"] * n)
    doc = f"""A convolution (cross-correlation) over {n} spatial dimension{"s" if n > 1 else ""}.

    Args:
        input: shape (batch, in_channels, {spatial}), or without the batch.
        weight: shape (out_channels, in_channels // groups, {kernel}).
        bias: shape (out_channels,).
        padding: zeros on both sides; "valid" for none, "same" for a result of the input's size (stride 1).

    >>> weft.conv{n}d(weft.ones(1, 2, {ones}), weft.ones(4, 2, {ones})).shape
    weft.Size([1, 4, {shape}])
    """
    Op(
        f"conv{n}d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: ints[{n}] = 1,"
        f" padding: ints[{n}] = 0, dilation: ints[{n}] = 1, groups: int = 1) -> Tensor",
        doc,
        composite=True,
        autocast="lower",
        batch="convolution",
        cost=estimated("conv"),
        samples=samples,
    )
    Op(
        f"conv{n}d.padding(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: ints[{n}] = 1,"
        f" padding: str = 'valid', dilation: ints[{n}] = 1, groups: int = 1) -> Tensor",
        doc,
        composite=True,
        autocast="lower",
        batch="convolution",
        cost=estimated("conv_padding"),
    )


def _transposed(n: int, samples: list[Any]) -> None:
    spatial = ("L", "H, W", "D, H, W")[n - 1]
    kernel = ("k", "kH, kW", "kD, kH, kW")[n - 1]
    two = ", ".join(["2"] * n)
    four = ", ".join(["4"] * n)
    Op(
        f"conv_transpose{n}d(input: Tensor, weight: Tensor, bias: Tensor | None = None,"
        f" stride: ints[{n}] = 1, padding: ints[{n}] = 0, output_padding: ints[{n}] = 0,"
        f" groups: int = 1, dilation: ints[{n}] = 1) -> Tensor",
        f"""The gradient of conv{n}d for its input, as a layer of its own.

    Args:
        input: shape (batch, in_channels, {spatial}), or without the batch.
        weight: shape (in_channels, out_channels // groups, {kernel}).
        bias: shape (out_channels,).
        output_padding: added to one side of the result; less than stride or dilation.

    >>> weft.conv_transpose{n}d(weft.ones(1, 2, {two}), weft.ones(2, 3, {two}), stride=2).shape
    weft.Size([1, 3, {four}])
    """,
        composite=True,
        autocast="lower",
        cost=estimated("conv_transpose"),
        samples=samples,
    )


_forward(
    1,
    [
        ((2, 3, 9), (4, 3, 3), (4,), [2], [1]),
        ((3, 9), (4, 3, 3)),
        ((2, 3, 5), (3, 1, 2), None, [1], [2], [2], 3),
    ],
)
_forward(
    2,
    [
        ((2, 3, 5, 6), (4, 3, 3, 3), (4,), [1, 2], [1, 1]),
        ((3, 5, 6), (4, 3, 1, 1)),
        ((0, 3, 5, 6), (4, 3, 3, 3)),
    ],
)
_forward(3, [((1, 2, 3, 4, 5), (3, 2, 2, 2, 2), (3,)), ((2, 3, 3, 3), (2, 1, 2, 2, 2), None, [1], [1], [1], 2)])
_transposed(1, [((2, 3, 4), (3, 2, 3), (2,), [2], [1], [1]), ((3, 4), (3, 2, 3))])
_transposed(2, [((2, 4, 3, 3), (4, 1, 3, 2), (2,), [2, 1], [1, 0], [1, 0], 2), ((0, 3, 2, 2), (3, 2, 2, 2))])
_transposed(3, [((1, 2, 2, 3, 2), (2, 3, 2, 2, 2), (3,), [2], [0], [1], 1, [1])])
