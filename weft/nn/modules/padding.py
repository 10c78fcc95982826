"""Padding as modules."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.nn import functional as F
from weft.nn._functional._arguments import ntuple
from weft.nn.modules.module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Module):
    """A padding around the last dimensions; the subclasses say of how many and with what."""

    _dims: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        """``input``, larger by the padding."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    """A padding with one value."""

    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """``input``, larger by the padding."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The options."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Adds ``value`` at both ends of the last dimension.

    Args:
        padding: an integer, or (left, right).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConstantPad1d(1, 0.5)(weft.zeros(1, 1, 2)).shape)
        (1, 1, 4)
    """

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Adds ``value`` at both ends of the last 2 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConstantPad2d(1, 0.5)(weft.zeros(1, 1, 2, 2)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Adds ``value`` at both ends of the last 3 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom, front, back).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ConstantPad3d(1, 0.5)(weft.zeros(1, 1, 2, 2, 2)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3


class ZeroPad1d(_ConstantPadNd):
    """Adds zeros at both ends of the last dimension.

    Args:
        padding: an integer, or (left, right).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ZeroPad1d(1)(weft.zeros(1, 1, 2)).shape)
        (1, 1, 4)
    """

    _dims = 1

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.padding}"


class ZeroPad2d(_ConstantPadNd):
    """Adds zeros at both ends of the last 2 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ZeroPad2d(1)(weft.zeros(1, 1, 2, 2)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.padding}"


class ZeroPad3d(_ConstantPadNd):
    """Adds zeros at both ends of the last 3 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom, front, back).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ZeroPad3d(1)(weft.zeros(1, 1, 2, 2, 2)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.padding}"


class ReflectionPad1d(_PadNd):
    """Mirrors the input at the ends of the last dimension.

    Args:
        padding: an integer, or (left, right).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReflectionPad1d(1)(weft.zeros(1, 1, 2)).shape)
        (1, 1, 4)
    """

    _dims = 1
    _mode = "reflect"


class ReflectionPad2d(_PadNd):
    """Mirrors the input at the ends of the last 2 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReflectionPad2d(1)(weft.zeros(1, 1, 2, 2)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2
    _mode = "reflect"


class ReflectionPad3d(_PadNd):
    """Mirrors the input at the ends of the last 3 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom, front, back).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReflectionPad3d(1)(weft.zeros(1, 1, 2, 2, 2)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3
    _mode = "reflect"


class ReplicationPad1d(_PadNd):
    """Repeats the last element at both ends of the last dimension.

    Args:
        padding: an integer, or (left, right).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReplicationPad1d(1)(weft.zeros(1, 1, 2)).shape)
        (1, 1, 4)
    """

    _dims = 1
    _mode = "replicate"


class ReplicationPad2d(_PadNd):
    """Repeats the last element at both ends of the last 2 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReplicationPad2d(1)(weft.zeros(1, 1, 2, 2)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2
    _mode = "replicate"


class ReplicationPad3d(_PadNd):
    """Repeats the last element at both ends of the last 3 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom, front, back).

    Example:
        >>> import weft
        >>> tuple(weft.nn.ReplicationPad3d(1)(weft.zeros(1, 1, 2, 2, 2)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3
    _mode = "replicate"


class CircularPad1d(_PadNd):
    """Continues with the other end at both ends of the last dimension.

    Args:
        padding: an integer, or (left, right).

    Example:
        >>> import weft
        >>> tuple(weft.nn.CircularPad1d(1)(weft.zeros(1, 1, 2)).shape)
        (1, 1, 4)
    """

    _dims = 1
    _mode = "circular"


class CircularPad2d(_PadNd):
    """Continues with the other end at both ends of the last 2 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom).

    Example:
        >>> import weft
        >>> tuple(weft.nn.CircularPad2d(1)(weft.zeros(1, 1, 2, 2)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2
    _mode = "circular"


class CircularPad3d(_PadNd):
    """Continues with the other end at both ends of the last 3 dimensions.

    Args:
        padding: an integer, or (left, right, top, bottom, front, back).

    Example:
        >>> import weft
        >>> tuple(weft.nn.CircularPad3d(1)(weft.zeros(1, 1, 2, 2, 2)).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3
    _mode = "circular"
