"""Filling tensors with their first values, in place and outside of autograd."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import weft
from weft import Tensor

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_GAIN_ONE = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "sigmoid",
)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer before ``nonlinearity`` must widen its weights.

    Args:
        nonlinearity: its name in ``weft.nn.functional``.
        param: the slope, for "leaky_relu".

    >>> calculate_gain("leaky_relu", 0.2)
    1.3867504905630728
    """
    if nonlinearity in _GAIN_ONE:
        return 1.0
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            param = 0.01
        elif isinstance(param, bool) or not isinstance(param, (int, float)):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + param**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the uniform distribution over [a, b).

    >>> import weft
    >>> tuple(weft.nn.init.uniform_(weft.empty(3, 5)).shape)
    (3, 5)
    """
    with weft.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with draws from the normal distribution.

    >>> import weft
    >>> tuple(weft.nn.init.normal_(weft.empty(3, 5)).shape)
    (3, 5)
    """
    with weft.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill with draws from the normal distribution, cut off at ``a`` and ``b``.

    >>> import weft
    >>> bool((weft.nn.init.trunc_normal_(weft.empty(100)).abs() <= 2).all())
    True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be "
            "incorrect.",
            stacklevel=2,
        )

    def cdf(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    with weft.no_grad():
        if cdf((b - mean) / std) - cdf((a - mean) / std) > 0.3:
            low, high = (tensor.new_tensor(bound).item() for bound in (a, b))  # as the dtype has them
            tensor.normal_(mean, std, generator=generator)
            while (outside := (tensor < low) | (tensor > high)).any():
                again = weft.empty_like(tensor).normal_(mean, std, generator=generator)
                tensor.copy_(weft.where(outside, again, tensor))
            return tensor
        # Few would fall between: draw evenly there, and keep each with its density's part of the highest.
        peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        refused = weft.ones_like(tensor, dtype=weft.bool)
        while refused.any():
            candidates = weft.empty_like(tensor).uniform_(a, b, generator=generator)
            tensor.copy_(weft.where(refused, candidates, tensor))
            chance = weft.empty_like(tensor).uniform_(generator=generator).log_()
            refused &= chance > candidates.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak)
        return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``.

    >>> import weft
    >>> weft.nn.init.constant_(weft.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    with weft.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    with weft.no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity.

    >>> import weft
    >>> weft.nn.init.eye_(weft.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with weft.no_grad():
        return tensor.zero_().fill_diagonal_(1)


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it passes on as many channels as it can.

    Args:
        tensor: shape (out_channels, in_channels // groups, k, ...), of 3 to 5 dimensions.
        groups: of the convolution.

    >>> import weft
    >>> weft.nn.init.dirac_(weft.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.ndimension() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.size(0) % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = tensor.size(0) // groups
    center = tuple(size // 2 for size in tensor.shape[2:])
    with weft.no_grad():
        tensor.zero_()
        for group in range(groups):
            for d in range(min(per_group, tensor.size(1))):
                tensor[(group * per_group + d, d, *center)] = 1
    return tensor


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs one output has, and how many outputs one input."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    field = math.prod(tensor.shape[2:])
    return tensor.size(1) * field, tensor.size(0) * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """The fan that ``mode`` names."""
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill from the uniform distribution over +-``gain * sqrt(6 / (fan_in + fan_out))``.

    Source: Glorot, Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.

    >>> import weft
    >>> tuple(weft.nn.init.xavier_uniform_(weft.empty(3, 5)).shape)
    (3, 5)
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill from the normal distribution with deviation ``gain * sqrt(2 / (fan_in + fan_out))``.

    >>> import weft
    >>> tuple(weft.nn.init.xavier_normal_(weft.empty(3, 5)).shape)
    (3, 5)
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float | None:
    """The deviation both Kaiming fills use; None, with a warning, if there is nothing to fill."""
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return None
    return calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill from the uniform distribution that keeps variances through layers with ``nonlinearity``.

    Args:
        a: the slope, for "leaky_relu".
        mode: "fan_in" keeps variances forward, "fan_out" backward.

    Source: He et al., Delving deep into rectifiers, 2015.

    >>> import weft
    >>> tuple(weft.nn.init.kaiming_uniform_(weft.empty(3, 5), nonlinearity="relu").shape)
    (3, 5)
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    if std is None:
        return tensor
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """The normal counterpart of :func:`kaiming_uniform_`.

    >>> import weft
    >>> tuple(weft.nn.init.kaiming_normal_(weft.empty(3, 5), mode="fan_out").shape)
    (3, 5)
    """
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return tensor if std is None else normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill, seen as a matrix with ``size(0)`` rows, with a random (semi-)orthogonal matrix times ``gain``.

    Source: Saxe et al., Exact solutions to the nonlinear dynamics of learning in deep linear networks, 2013.

    >>> import weft
    >>> w = weft.nn.init.orthogonal_(weft.empty(3, 3))
    >>> weft.allclose(w @ w.t(), weft.eye(3), atol=1e-5)
    True
    """
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.size(0)
    cols = tensor.numel() // rows
    flat = weft.empty(rows, cols, dtype=tensor.dtype, device=tensor.device).normal_(0, 1, generator=generator)
    if rows < cols:
        flat = flat.t()
    q, r = (weft.from_numpy(factor) for factor in np.linalg.qr(flat.numpy()))
    q = q * r.diagonal().sign()  # makes the decomposition unique, and q uniformly distributed
    if rows < cols:
        q = q.t()
    with weft.no_grad():
        return tensor.copy_(q.reshape(tensor.shape)).mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix from a normal distribution, with a fraction of each column set to zero.

    >>> import weft
    >>> weft.nn.init.sparse_(weft.empty(10, 1), sparsity=0.2).count_nonzero().item()
    8
    """
    if tensor.ndimension() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, cols = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with weft.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(cols):
            tensor[weft.randperm(rows)[:zeros], column] = 0
    return tensor


def _deprecated(fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The old name of ``fn``, without the underscore."""
    old = fn.__name__[:-1]

    def deprecated(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{fn.__name__}`.",
            FutureWarning,
            stacklevel=2,
        )
        return fn(*args, **kwargs)

    deprecated.__name__ = old
    deprecated.__doc__ = f"Deprecated name of :func:`{fn.__name__}`."
    return deprecated


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
