"""Pooling as modules."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.nn import functional as F
from weft.nn._functional._arguments import ntuple
from weft.nn.modules.module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPoolNd(Module):
    """The numbers of every max pooling."""

    return_indices: bool
    ceil_mode: bool

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window, shape (N, C, L) with or without N; see ``functional.max_pool2d``.

    Example:
        >>> import weft
        >>> tuple(weft.nn.MaxPool1d(2)(weft.zeros(1, 3, 4)).shape)
        (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.max_pool1d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window, shape (N, C, H, W) with or without N; see ``functional.max_pool2d``.

    Example:
        >>> import weft
        >>> tuple(weft.nn.MaxPool2d(2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window, shape (N, C, D, H, W) with or without N; see ``functional.max_pool2d``.

    Example:
        >>> import weft
        >>> tuple(weft.nn.MaxPool3d(2)(weft.zeros(1, 3, 4, 4, 4)).shape)
        (1, 3, 2, 2, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.max_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class _MaxUnpoolNd(Module):
    """The numbers of every unpooling."""

    _dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = ntuple(kernel_size, self._dims)
        self.stride = ntuple(stride if stride is not None else kernel_size, self._dims)
        self.padding = ntuple(padding, self._dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """The values of ``input`` at ``indices``, zeros elsewhere."""
        unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self._dims - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """The options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """Puts maxima back where :class:`MaxPool1d` found them, zeros elsewhere.

    Example:
        >>> import weft
        >>> pooled, where = weft.nn.MaxPool1d(2, return_indices=True)(weft.zeros(1, 1, 4))
        >>> tuple(weft.nn.MaxUnpool1d(2)(pooled, where).shape)
        (1, 1, 4)
    """

    _dims = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Puts maxima back where :class:`MaxPool2d` found them, zeros elsewhere.

    Example:
        >>> import weft
        >>> pooled, where = weft.nn.MaxPool2d(2, return_indices=True)(weft.zeros(1, 1, 4, 4))
        >>> tuple(weft.nn.MaxUnpool2d(2)(pooled, where).shape)
        (1, 1, 4, 4)
    """

    _dims = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Puts maxima back where :class:`MaxPool3d` found them, zeros elsewhere.

    Example:
        >>> import weft
        >>> pooled, where = weft.nn.MaxPool3d(2, return_indices=True)(weft.zeros(1, 1, 4, 4, 4))
        >>> tuple(weft.nn.MaxUnpool3d(2)(pooled, where).shape)
        (1, 1, 4, 4, 4)
    """

    _dims = 3


class _AvgPoolNd(Module):
    """The numbers of every mean pooling."""

    def extra_repr(self) -> str:
        """The options."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPoolNd):
    """The mean of each window, shape (N, C, L) or (C, L).

    Example:
        >>> import weft
        >>> tuple(weft.nn.AvgPool1d(2)(weft.zeros(1, 3, 4)).shape)
        (1, 3, 2)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = ntuple(kernel_size, 1)
        self.stride = ntuple(stride if stride is not None else kernel_size, 1)
        self.padding = ntuple(padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_AvgPoolNd):
    """The mean of each window, shape (N, C, H, W) with or without N.

    Args:
        count_include_pad: whether padding counts as elements.
        divisor_override: divide by this instead.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AvgPool2d(2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 3, 2, 2)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool3d(_AvgPoolNd):
    """The mean of each window, shape (N, C, D, H, W) with or without N.

    Args:
        count_include_pad: whether padding counts as elements.
        divisor_override: divide by this instead.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AvgPool3d(2)(weft.zeros(1, 3, 4, 4, 4)).shape)
        (1, 3, 2, 2, 2)
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _FractionalMaxPoolNd(Module):
    """The numbers of fractional max pooling."""

    _dims: int

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = ntuple(kernel_size, self._dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = ntuple(output_size, self._dims) if output_size is not None else None
        self.output_ratio = output_ratio
        if output_ratio is not None and not isinstance(output_ratio, (tuple, list)):
            self.output_ratio = (output_ratio,) * self._dims
        name = type(self).__name__
        if (self.output_size is None) == (self.output_ratio is None):
            raise ValueError(f"{name} needs exactly one of output_size and output_ratio")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        pool = F.fractional_max_pool2d if self._dims == 2 else F.fractional_max_pool3d
        return pool(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Max pooling over windows at pseudo-random steps, shape (N, C, H, W).

    Source: Graham, Fractional MaxPooling, 2014.

    Example:
        >>> import weft
        >>> tuple(weft.nn.FractionalMaxPool2d(2, output_ratio=0.5)(weft.zeros(1, 1, 8, 8)).shape)
        (1, 1, 4, 4)
    """

    _dims = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Max pooling over windows at pseudo-random steps, shape (N, C, T, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.FractionalMaxPool3d(2, output_size=3)(weft.zeros(1, 1, 8, 8, 8)).shape)
        (1, 1, 3, 3, 3)
    """

    _dims = 3


class _LPPoolNd(Module):
    """The numbers of every power pooling."""

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """The options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The ``norm_type``-th root of the sum of that power of each window, shape (N, C, L).

    Example:
        >>> import weft
        >>> tuple(weft.nn.LPPool1d(2, 2)(weft.zeros(1, 3, 4)).shape)
        (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPoolNd):
    """The ``norm_type``-th root of the sum of that power of each window, shape (N, C, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.LPPool2d(2, 2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPoolNd):
    """The ``norm_type``-th root of the sum of that power of each window, shape (N, C, D, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.LPPool3d(2, 2)(weft.zeros(1, 3, 4, 4, 4)).shape)
        (1, 3, 2, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The norms."""
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _AdaptiveMaxPoolNd(Module):
    """The numbers of every adaptive max pooling."""

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        """The options."""
        return f"output_size={self.output_size}"


class _AdaptiveAvgPoolNd(Module):
    """The numbers of every adaptive mean pooling."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """The options."""
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen to give the output size, shape (N, C, L) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveMaxPool1d(2)(weft.zeros(1, 3, 4)).shape)
        (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen to give the output size, shape (N, C, H, W) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveMaxPool2d(2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of windows chosen to give the output size, shape (N, C, D, H, W) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveMaxPool3d(2)(weft.zeros(1, 3, 4, 4, 4)).shape)
        (1, 3, 2, 2, 2)
    """

    def forward(self, input: Tensor) -> Any:
        """The maxima, and their indices if ``return_indices``."""
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means of windows chosen to give the output size, shape (N, C, L) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveAvgPool1d(2)(weft.zeros(1, 3, 4)).shape)
        (1, 3, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means of windows chosen to give the output size, shape (N, C, H, W) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveAvgPool2d(2)(weft.zeros(1, 3, 4, 4)).shape)
        (1, 3, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means of windows chosen to give the output size, shape (N, C, D, H, W) with or without N.

    Example:
        >>> import weft
        >>> tuple(weft.nn.AdaptiveAvgPool3d(2)(weft.zeros(1, 3, 4, 4, 4)).shape)
        (1, 3, 2, 2, 2)
    """

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.adaptive_avg_pool3d(input, self.output_size)
