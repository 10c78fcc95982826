"""Holding gradients within bounds."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import weft
from weft import Tensor

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _as_list(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors taken as one vector.

    Raises:
        RuntimeError: it is not finite, if ``error_if_nonfinite``.

    >>> import weft
    >>> get_total_norm([weft.tensor([3.0]), weft.tensor([4.0])])
    tensor(5.)
    """
    norm_type = float(norm_type)
    with weft.no_grad():
        norms = [tensor.norm(norm_type) for tensor in _as_list(tensors)]
        if not norms:
            return weft.tensor(0.0)
        total = weft.stack(norms).norm(norm_type)
    if error_if_nonfinite and not bool(total.isfinite()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
            "anyway, set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients of ``parameters`` in place so that a norm of ``total_norm`` becomes ``max_norm``."""
    # Multiplying by 1 costs less than asking whether it is needed.
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    with weft.no_grad():
        for param in _as_list(parameters):
            if param.grad is not None:
                param.grad.mul_(factor)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients in place so that their norm, taken as one vector, is at most ``max_norm``.

    Args:
        parameters: whose gradients are meant.
        norm_type: may be infinite.
        foreach: kept for programs that set it.

    Returns:
        The norm before.

    >>> import weft
    >>> weight = weft.nn.Parameter(weft.tensor([3.0, 4.0]))
    >>> (weight * weight).sum().backward()
    >>> clip_grad_norm_([weight], 1.0)
    tensor(10.)
    """
    if isinstance(parameters, Tensor):
        params = [parameters]
    else:
        is_generator = not isinstance(parameters, (list, tuple))
        params = list(parameters)
        if is_generator and not params:
            warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    grads = [param.grad for param in params if param.grad is not None]
    total_norm = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(params, max_norm, total_norm, foreach)
    return total_norm


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """Deprecated name of :func:`clip_grad_norm_`."""
    warnings.warn(
        "`weft.nn.utils.clip_grad_norm` is now deprecated in favor of `weft.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(*args, **kwargs)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of the gradients between ``-clip_value`` and ``clip_value``, in place.

    >>> import weft
    >>> weight = weft.nn.Parameter(weft.tensor([3.0]))
    >>> (weight * weight).sum().backward()
    >>> clip_grad_value_([weight], 1.0)
    >>> weight.grad
    tensor([1.])
    """
    bound = float(clip_value)
    with weft.no_grad():
        for param in _as_list(parameters):
            if param.grad is not None:
                param.grad.clamp_(min=-bound, max=bound)
