"""Dropout as modules."""

from __future__ import annotations

from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    """The probability and the in-place flag that all of them have."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, sets each element to zero with probability ``p`` and scales the others by ``1 / (1 - p)``.

    Example:
        >>> import weft
        >>> tuple(weft.nn.Dropout(p=0.2)(weft.ones(3)).shape)
        (3,)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of signals, shape (N, C, L) or (C, L).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Dropout1d(p=0.2)(weft.ones(2, 3, 4)).shape)
        (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of images, shape (N, C, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Dropout2d(p=0.2)(weft.ones(2, 3, 4, 4)).shape)
        (2, 3, 4, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of volumes, shape (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Dropout3d(p=0.2)(weft.ones(2, 3, 2, 2, 2)).shape)
        (2, 3, 2, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps the mean and variance of SELU activations.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AlphaDropout(p=0.2)(weft.ones(3)).shape)
        (3,)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels, shape (N, C, ...).

    Example:
        >>> import weft
        >>> tuple(weft.nn.FeatureAlphaDropout(p=0.2)(weft.ones(2, 3, 4)).shape)
        (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.feature_alpha_dropout(input, self.p, self.training)
