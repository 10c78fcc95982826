"""Convolutions and transposed convolutions of signals, images and volumes."""

from __future__ import annotations

import math
from typing import Any

import weft
from weft import Tensor
from weft.nn import functional as F
from weft.nn import init
from weft.nn.modules.module import Module
from weft.nn.modules.utils import _ntuple, _reverse_repeat_tuple
from weft.nn.parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class _ConvNd(Module):
    """The numbers and parameters of every convolution."""

    _dims: int
    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(
                "padding_mode must be one of {'zeros', 'reflect', 'replicate', 'circular'}, but got "
                f"padding_mode='{padding_mode}'"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        # What `pad` gets, for the padding modes that the convolution itself does not know.
        if isinstance(padding, str):
            both: list[int] = []
            for d, k in zip(reversed(dilation), reversed(kernel_size), strict=True):
                total = d * (k - 1) if padding == "same" else 0
                both += [total // 2, total - total // 2]
            self._reversed_padding_repeated_twice: Any = both
        else:
            self._reversed_padding_repeated_twice = _reverse_repeat_tuple(padding, 2)
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(weft.empty((first, second // groups, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(weft.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from the uniform distribution over +-1/sqrt(inputs of one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the defaults."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        n = len(self.kernel_size)
        if self.padding != (0,) * n:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * n:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * n:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")


class _Conv(_ConvNd):
    """A convolution; the subclasses say of how many dimensions."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        as_tuple = _ntuple(self._dims)
        super().__init__(
            in_channels,
            out_channels,
            as_tuple(kernel_size),
            as_tuple(stride),
            padding if isinstance(padding, str) else as_tuple(padding),
            as_tuple(dilation),
            False,
            as_tuple(0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        conv = (F.conv1d, F.conv2d, F.conv3d)[self._dims - 1]
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self._dims
        return conv(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, out_channels, ...), without N if the input has none."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Convolution of signals.

    Args:
        in_channels, out_channels: numbers of channels, both divisible by ``groups``.
        kernel_size, stride, padding, dilation: integers, or tuples of one; ``padding`` also "same" or
            "valid".
        groups: how many separate convolutions share the channels.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shape:
        (N, in_channels, L) or (in_channels, L) to (N, out_channels, L') or (out_channels, L');
        ``weight`` is (out_channels, in_channels // groups, kernel_size).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Conv1d(16, 33, 3, stride=2)(weft.zeros(20, 16, 50)).shape)
        (20, 33, 24)
    """

    _dims = 1


class Conv2d(_Conv):
    """Convolution of images.

    Args:
        in_channels, out_channels: numbers of channels, both divisible by ``groups``.
        kernel_size, stride, padding, dilation: integers or pairs; ``padding`` also "same" or "valid".
        groups: how many separate convolutions share the channels.
        padding_mode: "zeros", "reflect", "replicate" or "circular".

    Shape:
        (N, in_channels, H, W) or (in_channels, H, W) to (N, out_channels, H', W') or (out_channels, H', W');
        ``weight`` is (out_channels, in_channels // groups, kH, kW).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Conv2d(16, 33, (3, 5), padding=(4, 2))(weft.zeros(2, 16, 50, 100)).shape)
        (2, 33, 56, 100)
    """

    _dims = 2


class Conv3d(_Conv):
    """Convolution of volumes; the arguments are those of :class:`Conv2d` with triples.

    Shape:
        (N, in_channels, D, H, W) to (N, out_channels, D', H', W').

    Example:
        >>> import weft
        >>> tuple(weft.nn.Conv3d(2, 3, 3)(weft.zeros(1, 2, 5, 5, 5)).shape)
        (1, 3, 3, 3, 3)
    """

    _dims = 3


class _ConvTransposeNd(_ConvNd):
    """A transposed convolution; the subclasses say of how many dimensions."""

    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        as_tuple = _ntuple(self._dims)
        super().__init__(
            in_channels,
            out_channels,
            as_tuple(kernel_size),
            as_tuple(stride),
            as_tuple(padding),
            as_tuple(dilation),
            True,
            as_tuple(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding with which the output has ``output_size``."""
        if output_size is None:
            return self.output_padding
        n = self._dims
        spatial = list(output_size)
        extra = input.dim() - n
        if len(spatial) == n + extra:
            spatial = spatial[extra:]
        if len(spatial) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {n + extra} "
                f"elements (got {len(output_size)})"
            )
        smallest = [
            (input.size(d + extra) - 1) * self.stride[d]
            - 2 * self.padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(n)
        ]
        largest = [size + self.stride[d] - 1 for d, size in enumerate(smallest)]
        if any(not low <= size <= high for low, size, high in zip(smallest, spatial, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {smallest} to "
                f"{largest} (for an input of {input.size()[2:]})"
            )
        return tuple(size - low for size, low in zip(spatial, smallest, strict=True))

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Shape (N, out_channels, ...); ``output_size`` chooses among the sizes that a stride allows."""
        conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._dims - 1]
        output_padding = self._output_padding(input, output_size)
        return conv(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            output_padding,
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """The gradient of :class:`Conv1d` with respect to its input, as a layer.

    Shape:
        (N, in_channels, L) to (N, out_channels, L'); ``weight`` is (in_channels, out_channels // groups, k).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConvTranspose1d(4, 2, 3, stride=2)(weft.zeros(1, 4, 5)).shape)
        (1, 2, 11)
    """

    _dims = 1


class ConvTranspose2d(_ConvTransposeNd):
    """The gradient of :class:`Conv2d` with respect to its input, as a layer.

    Args:
        output_padding: size added to one side of the output.

    Shape:
        (N, in_channels, H, W) to (N, out_channels, H', W').

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConvTranspose2d(4, 2, 3, stride=2)(weft.zeros(1, 4, 5, 5)).shape)
        (1, 2, 11, 11)
    """

    _dims = 2


class ConvTranspose3d(_ConvTransposeNd):
    """The gradient of :class:`Conv3d` with respect to its input, as a layer.

    Shape:
        (N, in_channels, D, H, W) to (N, out_channels, D', H', W').

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConvTranspose3d(2, 1, 2)(weft.zeros(1, 2, 3, 3, 3)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3
