"""Small helpers of the distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import weft
from weft import Tensor

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; numbers take the tensors' dtype.

    >>> a, b = broadcast_all(weft.ones(2), 3.0)
    >>> b
    tensor([3., 3.])
    """
    for value in values:
        if not isinstance(value, Tensor | int | float):
            raise ValueError(
                "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
            )
    dtype = next((v.dtype for v in values if isinstance(v, Tensor) and v.is_floating_point()), weft.get_default_dtype())
    if not any(isinstance(v, Tensor) for v in values):
        dtype = weft.get_default_dtype()
    tensors = [v if isinstance(v, Tensor) else weft.scalar_tensor(v, dtype=dtype) for v in values]
    return tuple(weft.broadcast_tensors(*tensors))


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities strictly between 0 and 1."""
    eps = weft.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log-odds, or from unnormalised log-probabilities along the last dimension."""
    return weft.sigmoid(logits) if is_binary else weft.softmax(logits, dim=-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The reverse of logits_to_probs, finite also at 0 and 1."""
    clamped = clamp_probs(probs)
    return weft.log(clamped) - weft.log1p(-clamped) if is_binary else weft.log(clamped)


class lazy_property:
    """An attribute computed when it is first asked for, and kept."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with weft.enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.wrapped.__name__, value)
        return value


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """Lower triangular matrices from their elements row by row."""
    n = int((-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * vec.shape[-1] + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2)
    rows, columns = weft.tril_indices(n, n, diag)
    matrix = vec.new_zeros((*vec.shape[:-1], n * n))
    index = (rows * n + columns).expand(vec.shape)
    return matrix.scatter(-1, index, vec).reshape(*vec.shape[:-1], n, n)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The elements of lower triangular matrices row by row."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = weft.tril_indices(n, n, diag)
    return mat.reshape(*mat.shape[:-2], n * n)[..., rows * n + columns]


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last dims dimensions."""
    return value if dims == 0 else value.reshape((*value.shape[: value.dim() - dims], -1)).sum(-1)
