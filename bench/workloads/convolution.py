"""Convolutions in one, two and three dimensions, forward and both backward passes; pooling."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, backward, family, leaf

add = family("convolution")


def laid_out(lib: Lib, tensor: Any, layout: str) -> Any:
    return tensor.contiguous(memory_format=lib.channels_last) if layout == "NHWC" else tensor


def conv2d(
    batch: int,
    channels: int,
    size: int,
    outputs: int,
    kernel: int,
    layouts: tuple[str, ...] = ("NCHW", "NHWC"),
    passes: tuple[str, ...] = ("forward", "backward-input", "backward-weight"),
    quick: bool = False,
    declare: Any = add,
    **options: Any,
) -> None:
    """`outputs` filters over `channels` planes of `size` squared; padding keeps the size unless told."""
    options.setdefault("padding", kernel // 2)
    groups = options.get("groups", 1)
    reach = options.get("dilation", 1) * (kernel - 1) + 1
    places = ((size + 2 * options["padding"] - reach) // options.get("stride", 1) + 1) ** 2
    flops = 2.0 * batch * places * outputs * (channels // groups) * kernel * kernel
    extras = "".join(f", {name} {value}" for name, value in options.items() if name not in ("padding", "groups"))
    if groups > 1:
        extras += ", depthwise" if groups == channels else f", {groups} groups"

    for layout in layouts:
        title = f"{layout} {batch}x{channels}@{size}, {outputs} of {kernel}x{kernel}{extras}"

        def forward(lib: Lib, layout: str = layout) -> Any:
            x = laid_out(lib, lib.randn(batch, channels, size, size), layout)
            weight = laid_out(lib, lib.randn(outputs, channels // groups, kernel, kernel), layout)
            return lambda: lib.nn.functional.conv2d(x, weight, **options)

        def backwards(lib: Lib, layout: str, wanted: int) -> Any:
            x = laid_out(lib, lib.randn(batch, channels, size, size), layout)
            weight = laid_out(lib, lib.randn(outputs, channels // groups, kernel, kernel), layout)
            subject = (x, weight)[wanted].requires_grad_()
            return backward(lib, lib.nn.functional.conv2d(x, weight, **options), subject)

        if "forward" in passes:
            declare(f"{title} forward", forward, flops=flops, quick=quick)
        for wanted, title_of in enumerate(("backward-input", "backward-weight")):
            if title_of in passes:
                declare(
                    f"{title} {title_of}",
                    lambda lib, layout=layout, wanted=wanted: backwards(lib, layout, wanted),
                    flops=flops,
                    quick=quick,
                )


conv2d(8, 64, 56, 64, 3, quick=True)
conv2d(8, 128, 28, 128, 3)
conv2d(8, 256, 14, 256, 3)
conv2d(4, 512, 7, 512, 3)
conv2d(4, 3, 224, 64, 7, stride=2, padding=3, passes=("forward", "backward-weight"))
conv2d(8, 64, 56, 128, 3, stride=2)
conv2d(8, 256, 28, 256, 1)
conv2d(8, 512, 14, 512, 1, quick=True)
conv2d(1, 64, 56, 64, 3, passes=("forward",))
conv2d(1, 512, 7, 512, 3, passes=("forward",))
conv2d(1, 256, 14, 1024, 1, passes=("forward",))
conv2d(8, 64, 28, 64, 3, dilation=2, padding=2, passes=("forward",))
conv2d(8, 128, 28, 128, 3, groups=32)

separable = family("depthwise convolution")
conv2d(8, 128, 56, 128, 3, groups=128, quick=True, declare=separable)
conv2d(8, 96, 56, 96, 3, groups=96, stride=2, declare=separable)
conv2d(8, 240, 14, 240, 5, groups=240, declare=separable)
conv2d(1, 384, 14, 384, 3, groups=384, passes=("forward",), declare=separable)

others = family("other convolutions")


def general(
    title: str, function: str, input_shape: tuple[int, ...], weight_shape: tuple[int, ...], **options: Any
) -> None:
    """Any function of torch.nn.functional, forward and whole backward pass."""

    def forward(lib: Lib) -> Any:
        x, weight = lib.randn(*input_shape), lib.randn(*weight_shape)
        return lambda: getattr(lib.nn.functional, function)(x, weight, **options)

    def both(lib: Lib) -> Any:
        leaves = leaf(lib, *input_shape), leaf(lib, *weight_shape)
        return backward(lib, getattr(lib.nn.functional, function)(*leaves, **options), *leaves)

    others(f"{title} forward", forward)
    others(f"{title} backward", both)


general("conv1d 8x64@1024, 64 of 3", "conv1d", (8, 64, 1024), (64, 64, 3), padding=1)
general("conv1d 8x128@256, 128 of 7, dilation 2", "conv1d", (8, 128, 256), (128, 128, 7), padding=6, dilation=2)
general("conv3d 2x16@16x56x56, 32 of 3x3x3", "conv3d", (2, 16, 16, 56, 56), (32, 16, 3, 3, 3), padding=1)
general(
    "conv_transpose2d 8x128@14, 64 of 4x4, stride 2",
    "conv_transpose2d",
    (8, 128, 14, 14),
    (128, 64, 4, 4),
    stride=2,
    padding=1,
)
general("conv_transpose2d 8x64@28, 32 of 2x2, stride 2", "conv_transpose2d", (8, 64, 28, 28), (64, 32, 2, 2), stride=2)

pooling = family("pooling")


def pool(title: str, function: str, *arguments: Any, size: int = 56, layout: str = "NCHW", **options: Any) -> None:
    def forward(lib: Lib) -> Any:
        x = laid_out(lib, lib.randn(8, 64, size, size), layout)
        return lambda: getattr(lib.nn.functional, function)(x, *arguments, **options)

    def back(lib: Lib) -> Any:
        x = laid_out(lib, lib.randn(8, 64, size, size), layout).requires_grad_()
        return backward(lib, getattr(lib.nn.functional, function)(x, *arguments, **options), x)

    pooling(f"{title} {layout} forward", forward, quick=function == "max_pool2d")
    pooling(f"{title} {layout} backward", back)


for layout in ("NCHW", "NHWC"):
    pool("max 3x3 stride 2", "max_pool2d", 3, 2, 1, layout=layout)
    pool("max 2x2", "max_pool2d", 2, layout=layout)
    pool("average 2x2", "avg_pool2d", 2, layout=layout)
    pool("adaptive average to 1x1", "adaptive_avg_pool2d", 1, size=14, layout=layout)
pooling("unfold 3x3 8x64@28", lambda lib: (lib.nn.functional.unfold, lib.randn(8, 64, 28, 28), 3, 1, 1))
pooling("fold 3x3 8x64@28", lambda lib: (lib.nn.functional.fold, lib.randn(8, 576, 784), 28, 3, 1, 1))
pooling(
    "interpolate bilinear x2 8x64@28",
    lambda lib: (lambda x: lib.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), lib.randn(8, 64, 28, 28)),
)
pooling(
    "interpolate nearest x2 8x64@28",
    lambda lib: (lambda x: lib.nn.functional.interpolate(x, scale_factor=2), lib.randn(8, 64, 28, 28)),
)
