# Generated from the operator table by `python -m gen --docs`. Do not edit.
from collections.abc import Sequence
from typing import NamedTuple

from weft._core import Number, Tensor, dtype

class _cholesky_ex_result(NamedTuple):
    L: Tensor
    info: Tensor

class _eig_result(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor

class _eigh_result(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor

class _inv_ex_result(NamedTuple):
    inverse: Tensor
    info: Tensor

class _ldl_factor_ex_result(NamedTuple):
    LD: Tensor
    pivots: Tensor
    info: Tensor

class _lstsq_result(NamedTuple):
    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor

class _lu_result(NamedTuple):
    P: Tensor
    L: Tensor
    U: Tensor

class _lu_factor_result(NamedTuple):
    LU: Tensor
    pivots: Tensor

class _lu_factor_ex_result(NamedTuple):
    LU: Tensor
    pivots: Tensor
    info: Tensor

class _qr_result(NamedTuple):
    Q: Tensor
    R: Tensor

class _slogdet_result(NamedTuple):
    sign: Tensor
    logabsdet: Tensor

class _solve_ex_result(NamedTuple):
    result: Tensor
    info: Tensor

class _svd_result(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor

def cholesky(input: Tensor, *, upper: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def cholesky_ex(input: Tensor, *, upper: bool = ..., check_errors: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _cholesky_ex_result: ...
def det(A: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def eig(input: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> _eig_result: ...
def eigh(input: Tensor, UPLO: str = ..., *, out: Tensor | Sequence[Tensor] | None = ...) -> _eigh_result: ...
def eigvals(input: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def eigvalsh(input: Tensor, UPLO: str = ..., *, out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def inv(A: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def inv_ex(A: Tensor, *, check_errors: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _inv_ex_result: ...
def ldl_factor_ex(input: Tensor, *, hermitian: bool = ..., check_errors: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _ldl_factor_ex_result: ...
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def lstsq(input: Tensor, b: Tensor, rcond: float | None = ..., *, driver: str | None = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _lstsq_result: ...
def lu(A: Tensor, *, pivot: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _lu_result: ...
def lu_factor(A: Tensor, *, pivot: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _lu_factor_result: ...
def lu_factor_ex(A: Tensor, *, pivot: bool = ..., check_errors: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _lu_factor_ex_result: ...
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = ..., adjoint: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def qr(A: Tensor, mode: str = ..., *, out: Tensor | Sequence[Tensor] | None = ...) -> _qr_result: ...
def slogdet(A: Tensor, *, out: Tensor | Sequence[Tensor] | None = ...) -> _slogdet_result: ...
def solve(A: Tensor, B: Tensor, *, left: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def solve_ex(A: Tensor, B: Tensor, *, left: bool = ..., check_errors: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _solve_ex_result: ...
def solve_triangular(input: Tensor, B: Tensor, *, upper: bool, left: bool = ..., unitriangular: bool = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def svd(A: Tensor, full_matrices: bool = ..., *, driver: str | None = ..., out: Tensor | Sequence[Tensor] | None = ...) -> _svd_result: ...
def svdvals(A: Tensor, *, driver: str | None = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
def vector_norm(input: Tensor, ord: Number = ..., dim: int | Sequence[int] | None = ..., keepdim: bool = ..., *, dtype: dtype | None = ..., out: Tensor | Sequence[Tensor] | None = ...) -> Tensor: ...
