"""Linear algebra by the names it has in weft itself and as methods of Tensor; weft.linalg does the work."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite()
def inverse(input: Tensor, *, out: Any = None) -> Tensor:
    """linalg.inv.

    >>> weft.inverse(weft.tensor([[2.0]])).item()
    0.5
    """
    return weft.linalg.inv(input)


@composite()
def det(input: Tensor) -> Tensor:
    """linalg.det.

    >>> weft.det(weft.eye(2)).item()
    1.0
    """
    return weft.linalg.det(input)


@composite()
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant: -inf where it is zero, NaN where it is negative.

    >>> weft.logdet(weft.eye(2)).item()
    0.0
    """
    sign, logarithm = weft.linalg.slogdet(input)
    return weft.where(sign < 0, math.nan, logarithm)


@composite()
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """linalg.pinv.

    >>> weft.pinverse(weft.tensor([[2.0]])).item()
    0.5
    """
    return weft.linalg.pinv(input, rcond)


@composite()
def matrix_power(input: Tensor, n: int) -> Tensor:
    """linalg.matrix_power.

    >>> weft.matrix_power(weft.tensor([[2.0]]), 3).item()
    8.0
    """
    return weft.linalg.matrix_power(input, n)


@composite()
def matrix_exp(input: Tensor) -> Tensor:
    """linalg.matrix_exp.

    >>> weft.matrix_exp(weft.zeros(1, 1)).item()
    1.0
    """
    return weft.linalg.matrix_exp(input)


@composite(out_casts=True)
def cholesky(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """linalg.cholesky.

    >>> weft.cholesky(weft.tensor([[4.0]])).item()
    2.0
    """
    return weft.linalg.cholesky(input, upper=upper)


@composite(out_casts=True)
def cholesky_inverse(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The inverse of A = L L^H, or of L^H L with upper, from the factor.

    >>> weft.cholesky_inverse(weft.tensor([[2.0]])).item()
    0.25
    """
    if input.dim() < 2 or input.size(-1) != input.size(-2):
        raise RuntimeError(f"cholesky_inverse: A must be batches of square matrices, but got shape {list(input.shape)}")
    return weft.cholesky_solve(weft.eye(input.size(-1), dtype=input.dtype), input, upper)


@composite()
def slogdet(input: Tensor, *, out: Any = None) -> Any:
    """linalg.slogdet.

    >>> weft.slogdet(weft.eye(2)).sign.item()
    1.0
    """
    return weft.linalg.slogdet(input)


@composite()
def qr(input: Tensor, some: bool = True, *, out: Any = None) -> Any:
    """linalg.qr, reduced or (not some) complete.

    >>> weft.qr(weft.ones(3, 2)).Q.shape
    weft.Size([3, 2])
    """
    return weft.linalg.qr(input, "reduced" if some else "complete")


class SVD(NamedTuple):
    U: Tensor
    S: Tensor
    V: Tensor


@composite()
def svd(input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> SVD:
    """linalg.svd with V in the place of Vh; zeros for U and V without compute_uv.

    >>> weft.svd(weft.ones(3, 2)).V.shape
    weft.Size([2, 2])
    """
    if not compute_uv:
        batch, m, n = input.shape[:-2], input.size(-2), input.size(-1)
        zeros = [weft.zeros(*batch, side, side, dtype=input.dtype) for side in (m, n)]
        return SVD(zeros[0], weft.linalg.svdvals(input), zeros[1])
    u, s, vh = weft.linalg.svd(input, not some)
    return SVD(u, s, vh.transpose(-2, -1).conj())
