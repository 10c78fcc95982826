"""Factors that LAPACK leaves, by the names they have in weft itself and as methods of Tensor."""

from __future__ import annotations

from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._compose._registry import composite
from weft._compose.matrices import by_columns, reflections

_native = weft._core.internal


@composite(out_casts=True)
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, *, out: Any = None) -> tuple[Tensor, ...]:
    """linalg.lu_factor; with get_infos also, for every matrix, 0 or the number of a zero pivot, which else raises.

    >>> factors, pivots = weft.lu(weft.tensor([[2.0]]))
    >>> factors.item(), pivots.item()
    (2.0, 1)
    """
    found = weft.linalg.lu_factor_ex(A, pivot=pivot, check_errors=not get_infos)
    return found if get_infos else found[:2]


@composite()
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Any = None) -> Tensor:
    """The solution X of A X = input by the factors of lu_factor.

    >>> weft.lu_solve(weft.ones(1, 1), *weft.linalg.lu_factor(weft.tensor([[2.0]]))).item()
    0.5
    """
    return weft.linalg.lu_solve(LU_data, LU_pivots, input)


class Unpacked(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor


@composite(method=False)
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True, *, out: Any = None
) -> Unpacked:
    """P, L and U with A = P L U from the factors of lu_factor; what is not asked for is empty.

    >>> weft.lu_unpack(*weft.linalg.lu_factor(weft.tensor([[1.0, 2.0], [2.0, 4.5]]))).L.tolist()
    [[1.0, 0.0], [0.5, 1.0]]
    """
    if LU_data.dim() < 2:
        raise RuntimeError(
            f"lu_unpack: Expected tensor with 2 or more dimensions. Got size: {list(LU_data.shape)} instead"
        )
    if LU_pivots.dtype != weft.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
            "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    empty = LU_data.new_empty(0)
    lower, upper = _native.lu_parts(LU_data) if unpack_data else (empty, empty.clone())
    rows = LU_data.size(-2)
    permutation = _native.pivots_to_matrix(LU_pivots, rows, LU_data.dtype) if unpack_pivots else empty.clone()
    return Unpacked(permutation, lower, upper)


class TriangularSolution(NamedTuple):
    solution: Tensor
    cloned_coefficient: Tensor


@composite()
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: Any = None,
) -> TriangularSolution:
    """The solution X of A X = input (A^T X with transpose) for a triangular A, and a copy of A.

    >>> weft.triangular_solve(weft.ones(1, 1), weft.tensor([[2.0]])).solution.item()
    0.5
    """
    if input.dim() < 2 or A.dim() < 2:
        raise RuntimeError(
            "torch.triangular_solve: Expected b and A to have at least 2 dimensions, but they have "
            f"{input.dim()} and {A.dim()} dimensions"
        )
    if A.size(-1) != A.size(-2):
        raise RuntimeError(
            "triangular_solve: A must be batches of square matrices, but they are "
            f"{A.size(-2)} by {A.size(-1)} matrices"
        )
    if A.size(-1) != input.size(-2):
        raise RuntimeError(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {A.size(-1)} by {A.size(-1)} but each b "
            f"matrix is {input.size(-2)} by {input.size(-1)}"
        )
    matrix = A.mT if transpose else A
    solution = weft.linalg.solve_triangular(matrix, input, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolution(by_columns(solution), by_columns(A.expand(*solution.shape[:-2], *A.shape[-2:]).clone()))


@composite()
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """linalg.householder_product.

    >>> weft.orgqr(weft.ones(2, 1), weft.zeros(1)).tolist()
    [[1.0], [0.0]]
    """
    return weft.linalg.householder_product(input, input2)


@composite()
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *, out: Any = None
) -> Tensor:
    """Q other, or other Q when not left, for the whole product Q of Householder reflections, as geqrf leaves them.

    Args:
        input, tau: reflections, shapes (..., m, k) and (..., k).
        other: shape (..., m, n), or (..., n, m) when not left.
        transpose: whether Q^H stands in the place of Q.

    >>> weft.ormqr(weft.ones(2, 1), weft.zeros(1), weft.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if input.dim() < 2:
        raise RuntimeError("torch.ormqr: input must have at least 2 dimensions.")
    if other.dim() < 2:
        raise RuntimeError("torch.ormqr: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if other.size(side) < tau.size(-1):
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be greater than or equal to tau.shape[-1]")
    if other.size(side) != input.size(-2):
        raise RuntimeError(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if tau.size(-1) > input.size(-1):
        raise RuntimeError("torch.ormqr: tau.shape[-1] must be less than or equal to input.shape[-1]")
    if input.dim() - tau.dim() != 1:
        raise RuntimeError(
            "torch.ormqr: Expected tau to have one dimension less than input, but got tau.ndim equal to "
            f"{tau.dim()} and input.ndim is equal to {input.dim()}"
        )
    if input.dim() != other.dim():
        raise RuntimeError(
            "torch.ormqr: Expected other to have the same number of dimensions as input, but got other.ndim equal to "
            f"{other.dim()} and input.ndim is equal to {input.dim()}"
        )
    for name, shape in (("tau", tau.shape[:-1]), ("other", other.shape[:-2])):
        if shape != input.shape[:-2]:
            raise RuntimeError(
                f"torch.ormqr: Expected batch dimensions of {name} to be equal to input.shape[:-2], but got {list(shape)}"
            )
    for name, t in (("tau", tau), ("other", other)):
        if t.dtype != input.dtype:
            raise RuntimeError(
                f"torch.ormqr: Expected input and {name} to have the same dtype, but input has dtype {input.dtype} and "
                f"{name} has dtype {t.dtype}"
            )
    v, w = reflections(input, tau, input.size(-2))
    if transpose:  # Q = I - v w
        v, w = w.mH, v.mH
    return by_columns(other - v @ (w @ other) if left else other - (other @ v) @ w)


@composite(method=False)
def nuclear_norm(input: Tensor, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Tensor:
    """The sum of the singular values of matrices.

    >>> weft.nuclear_norm(weft.eye(3)).item()
    3.0
    """
    if isinstance(dim, bool):
        dim, keepdim = None, dim
    if dim is None and input.dim() != 2:
        raise RuntimeError(f"nuclear_norm: expected a matrix when dim is not given, but got {input.dim()} dimensions")
    return weft.linalg.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


@composite(method=False)
def frobenius_norm(input: Tensor, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Tensor:
    """The root of the sum of squares over one or two dimensions, or over all.

    >>> weft.frobenius_norm(weft.tensor([[3.0, 4.0]]), (0, 1)).item()
    5.0
    """
    dims = [dim] if isinstance(dim, int) else list(dim)
    if len(dims) > 2:
        raise RuntimeError(f"Expected at most 2 dimensions, but got {len(dims)} dimensions instead.")
    return weft.linalg.vector_norm(input, 2, dims or None, keepdim)
