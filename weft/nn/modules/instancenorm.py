"""Instance normalization: each channel of each sample by itself."""

from __future__ import annotations

from typing import Any

from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.batchnorm import _NormBase

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    """Instance normalization; the subclasses say of how many dimensions."""

    _dims: int

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input: Tensor) -> None:
        n = self._dims
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        self._check_input_dim(input)
        batched = input if input.dim() == self._dims + 2 else input.unsqueeze(0)
        if self.affine and batched.size(1) != self.num_features:
            raise ValueError(
                f"expected input's size at dim={input.dim() - self._dims - 1} to match num_features "
                f"({self.num_features}), but got: {batched.size(1)}."
            )
        out = F.instance_norm(
            batched,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return out if batched is input else out.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Normalizes each channel of each signal over its positions.

    Args:
        num_features: C.
        eps: added to the variance.
        momentum: weight of the newest batch in the running statistics.
        affine: whether there are a weight and, unless ``bias`` is False, a bias.
        track_running_stats: whether to keep statistics for evaluation mode.

    Shape:
        (N, C, L) or (C, L).

    Example:
        >>> import weft
        >>> tuple(weft.nn.InstanceNorm1d(3)(weft.zeros(2, 3, 4)).shape)
        (2, 3, 4)
    """

    _dims = 1


class InstanceNorm2d(_InstanceNorm):
    """Normalizes each channel of each image over its pixels, shape (N, C, H, W) or (C, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.InstanceNorm2d(3)(weft.zeros(2, 3, 4, 4)).shape)
        (2, 3, 4, 4)
    """

    _dims = 2


class InstanceNorm3d(_InstanceNorm):
    """Normalizes each channel of each volume over its voxels, shape (N, C, D, H, W) or (C, D, H, W).

    Example:
        >>> import weft
        >>> tuple(weft.nn.InstanceNorm3d(3)(weft.zeros(2, 3, 2, 2, 2)).shape)
        (2, 3, 2, 2, 2)
    """

    _dims = 3
