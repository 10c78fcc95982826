"""Normalization over batches, layers, groups, instances and neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence

import weft
from weft import Tensor
from weft._arguments import refuse
from weft.nn import _native as native

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel over the batch and its positions.

    Args:
        input: shape (N, C, ...).
        running_mean, running_var: shape (C,); used if not ``training``, else updated in place.
        weight, bias: shape (C,).
        momentum: weight of the new statistics.

    Raises:
        ValueError: in training, a channel has only one value.

    >>> import weft
    >>> weft.nn.functional.batch_norm(weft.tensor([[1.0], [3.0]]), None, None, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    """
    if not isinstance(input, Tensor):
        refuse("batch_norm", "input", 0, input)
    if input.dim() == 1 and input.numel() == 0:  # PyTorch takes this for no channels at all
        return input.clone()
    if training:
        _check_several_values(input, [*input.shape[2:]], input.size(0))
    return native.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _check_several_values(input: Tensor, spatial: Sequence[int], batch: int) -> None:
    if batch * math.prod(spatial) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {input.size()}")


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each sample over its positions.

    Args:
        input: shape (N, C, ...).
        running_mean, running_var: shape (C,); used unless ``use_input_stats``, else updated in place.

    >>> import weft
    >>> weft.nn.functional.instance_norm(weft.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    if not use_input_stats:
        return native.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    n, c, *spatial = input.shape
    _check_several_spatial(input, spatial)
    # Every (sample, channel) pair is a channel of one sample.
    mean = running_mean.repeat(n) if running_mean is not None else None
    var = running_var.repeat(n) if running_var is not None else None
    weight = weight.repeat(n) if weight is not None else None
    bias = bias.repeat(n) if bias is not None else None
    out = native.batch_norm(input.reshape([1, n * c, *spatial]), mean, var, weight, bias, True, momentum, eps)
    for running, updated in ((running_mean, mean), (running_var, var)):
        if running is not None and updated is not None:
            with weft.no_grad():
                running.copy_(updated.reshape(n, c).mean(0))
    return out.reshape([n, c, *spatial])


def _check_several_spatial(input: Tensor, spatial: Sequence[int]) -> None:
    if math.prod(spatial) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.size()}")


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize over the last dimensions.

    Args:
        input: shape (..., *normalized_shape).
        weight, bias: shape ``normalized_shape``.

    >>> import weft
    >>> weft.nn.functional.layer_norm(weft.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    return native.layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last dimensions.

    Args:
        input: shape (..., *normalized_shape).
        eps: default: the machine epsilon of the dtype.

    Source: Zhang, Sennrich, Root Mean Square Layer Normalization, 2019.

    >>> import weft
    >>> weft.nn.functional.rms_norm(weft.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """
    return native.rms_norm(input, normalized_shape, weight, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize groups of channels of each sample.

    Args:
        input: shape (N, C, ...).
        num_groups: divides C.
        weight, bias: shape (C,).

    >>> import weft
    >>> weft.nn.functional.group_norm(weft.tensor([[[1.0], [3.0]]]), 1)
    tensor([[[-1.0000],
             [ 1.0000]]])
    """
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    spatial = [input.size(1) // num_groups, *input.shape[2:]] if num_groups else []
    _check_several_values(input, spatial, input.size(0))
    return native.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by ``(k + alpha * mean of squares over size neighbouring channels) ** beta``.

    Args:
        input: shape (N, C, ...).

    >>> import weft
    >>> tuple(weft.nn.functional.local_response_norm(weft.ones(2, 3, 4), 2).shape)
    (2, 3, 4)
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    n, c = input.shape[:2]
    squares = native.pad((input * input).reshape(n, 1, c, -1), (0, 0, size // 2, (size - 1) // 2))
    mean = native.avg_pool2d(squares, (size, 1), stride=1).reshape(input.shape)
    return input / (mean * alpha + k).pow(beta)


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int | tuple[int, ...] = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """Divide by the ``p``-norm along ``dim``, or by ``eps`` if that is larger.

    >>> import weft
    >>> weft.nn.functional.normalize(weft.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    denominator = input.norm(p, dim, keepdim=True).clamp_min(eps)
    if out is None:
        return input / denominator
    return weft.div(input, denominator, out=out)
