"""Moving channels to pixels and back, and dealing channels out."""

from __future__ import annotations

from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """Moves channels to pixels: (..., C * r * r, H, W) to (..., C, H * r, W * r).

    Example:
        >>> import weft
        >>> tuple(weft.nn.PixelShuffle(3)(weft.zeros(1, 9, 4, 4)).shape)
        (1, 1, 12, 12)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Shape (..., C, H * r, W * r)."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """The options."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Moves pixels to channels: (..., C, H * r, W * r) to (..., C * r * r, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.PixelUnshuffle(3)(weft.zeros(1, 1, 12, 12)).shape)
        (1, 9, 4, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Shape (..., C * r * r, H, W)."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """The options."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deals the channels of (N, C, ...) out to ``groups`` in turn.

    Example:
        >>> import weft
        >>> weft.nn.ChannelShuffle(2)(weft.arange(4.0).reshape(1, 4, 1)).flatten()
        tensor([0., 2., 1., 3.])
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """The options."""
        return f"groups={self.groups}"
