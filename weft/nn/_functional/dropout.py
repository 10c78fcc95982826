"""Dropout: zeroing elements, channels or both at random in training."""

from __future__ import annotations

import warnings

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft.nn import _native as native
from weft.nn._functional._arguments import check_probability, maybe_inplace

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

_ALPHA_PRIME = -1.7580993408473766  # what SELU tends to for very negative inputs


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Set each element to zero with probability ``p`` and scale the others by ``1 / (1 - p)``.

    >>> import weft
    >>> weft.nn.functional.dropout(weft.ones(2), 0.5, training=False)
    tensor([1., 1.])
    """
    check_probability(p)
    return maybe_inplace(lambda x: native.dropout(x, p, training), input, inplace)


def _drop_channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    """Dropout of whole channels of ``input``, shape (N, C, ...)."""
    check_probability(p)
    if not training or p == 0:
        return input
    shape = [*input.shape[:2]] + [1] * (input.dim() - 2)
    mask = native.dropout(weft.ones(shape, dtype=input.dtype, device=input.device), p, True)
    return input.mul_(mask) if inplace else input * mask


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of ``input``, shape (N, C, L) or (C, L).

    >>> import weft
    >>> tuple(weft.nn.functional.dropout1d(weft.ones(2, 3, 4)).shape)
    (2, 3, 4)
    """
    check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that dropout1d "
            "exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel "
            "dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 2:
        return _drop_channels(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return _drop_channels(input, p, training, inplace)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of ``input``, shape (N, C, H, W) or (N, C, L).

    >>> import weft
    >>> tuple(weft.nn.functional.dropout2d(weft.ones(2, 3, 4, 4)).shape)
    (2, 3, 4, 4)
    """
    check_probability(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and will result "
            "in an error in a future release.",
            stacklevel=2,
        )
    return _drop_channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of ``input``, shape (N, C, D, H, W) or (C, D, H, W).

    >>> import weft
    >>> tuple(weft.nn.functional.dropout3d(weft.ones(1, 3, 2, 2, 2)).shape)
    (1, 3, 2, 2, 2)
    """
    check_probability(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and will result "
            "in an error in a future release.",
            stacklevel=2,
        )
    if input.dim() == 4:
        dropped = _drop_channels(input.unsqueeze(0), p, training, inplace)
        return input if inplace else dropped.squeeze(0)
    return _drop_channels(input, p, training, inplace)


def _alpha_dropout(input: Tensor, p: float, training: bool, inplace: bool, shape: list[int]) -> Tensor:
    check_probability(p)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    keep = weft.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    scale = ((1 - p) * (1 + p * _ALPHA_PRIME**2)) ** -0.5
    shift = (keep - 1) * (-_ALPHA_PRIME * scale) - scale * _ALPHA_PRIME * p
    if inplace:
        return input.mul_(keep * scale).add_(shift)
    return input * (keep * scale) + shift


@expects_tensors
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps the mean and variance of SELU activations.

    >>> import weft
    >>> weft.nn.functional.alpha_dropout(weft.ones(2))
    tensor([1., 1.])
    """
    return _alpha_dropout(input, p, training, inplace, list(input.shape))


@expects_tensors
def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels of ``input``, shape (N, C, ...).

    >>> import weft
    >>> tuple(weft.nn.functional.feature_alpha_dropout(weft.ones(2, 3, 4), training=True).shape)
    (2, 3, 4)
    """
    return _alpha_dropout(input, p, training, inplace, [*input.shape[:2]] + [1] * (input.dim() - 2))
