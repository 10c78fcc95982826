"""Patches of images as columns, and back."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.module import Module

__all__ = ["Fold", "Unfold"]


class _Window(Module):
    """The numbers of a sliding window."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def extra_repr(self) -> str:
        """The options."""
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Unfold(_Window):
    """The patches of images as columns: (N, C, H, W) to (N, C * kH * kW, L).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Unfold(2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 12, 9)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C * kH * kW, L)."""
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)


class Fold(_Window):
    """Adds patches up to images: (N, C * kH * kW, L) to (N, C, H, W).

    Args:
        output_size: (H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Fold((4, 4), 2)(weft.zeros(1, 12, 9)).shape)
        (1, 3, 4, 4)
    """

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Shape (N, C, H, W)."""
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        """The options."""
        return f"output_size={self.output_size}, {super().extra_repr()}"
