"""weft.linalg: factorizations by LAPACK, which is loaded at the first call. What is composed of them is in weft/_compose.

Every operator takes matrices in the last two dimensions and batches before; float32, float64, complex64, complex128.
"""

from __future__ import annotations

from typing import Any

from ops.table import Cost, Op, estimated

_FACTORIZATION, _SPECTRUM = estimated("factorization"), estimated("spectrum")


def _linalg(text: str, doc: str, cost: Cost = _FACTORIZATION, **fields: Any) -> None:
    Op(text, doc, namespace="linalg", method=False, cost=cost, out=True, **fields)


def _internal(text: str, doc: str, **fields: Any) -> None:
    Op(text, doc, namespace="_", **fields)


# Cholesky, LU, LDL --------------------------------------------------------------------------------------------------

_linalg(
    "cholesky_ex(self: Tensor, *, upper: bool = False, check_errors: bool = False) -> (L: Tensor, info: Tensor)",
    """The Cholesky factor L of A = L L^H, and for every matrix 0 or the order of the minor that is not positive.

    Args:
        self: shape (..., n, n), Hermitian; only one triangle is read.
        upper: whether to give U = L^H from the upper triangle.
        check_errors: whether to raise LinAlgError instead.

    >>> weft.linalg.cholesky_ex(weft.tensor([[4.0]])).L.item()
    2.0
    """,
    vjp={"self": lambda g, L, upper: cholesky_backward(g, L, upper)},
)
_linalg(
    "cholesky(self: Tensor, *, upper: bool = False) -> Tensor",
    """The lower factor L of A = L L^H, or with upper the factor L^H.

    Args:
        self: shape (..., n, n), Hermitian and positive definite; only one triangle is read.

    Raises LinAlgError when a matrix is not positive definite.

    >>> weft.linalg.cholesky(weft.tensor([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """,
    composite=True,
)
_internal(
    "cholesky_backward(grad: Tensor, factor: Tensor, upper: bool) -> Tensor",
    "The gradient of cholesky.",
    composite=True,
)
Op(
    "cholesky_solve(self: Tensor, L: Tensor, upper: bool = False) -> Tensor",
    """The solution X of A X = self, where A = L L^H, or L^H L with upper.

    Only one triangle of L is read. The gradient is that of a function of A, so the other one has a gradient, too.

    >>> weft.cholesky_solve(weft.ones(1, 1), weft.tensor([[2.0]])).item()
    0.25
    """,
    cost=_FACTORIZATION,
    out=True,
    out_casts=True,
    vjp={
        "self": lambda g, L, upper: cholesky_solve(g, L, upper),
        "L": lambda g, L, out, upper: cholesky_solve_backward(g, L, out, upper),
    },
)
_internal(
    "cholesky_solve_backward(grad: Tensor, factor: Tensor, X: Tensor, upper: bool) -> Tensor",
    "The gradient of cholesky_solve for the factor.",
    composite=True,
)
_linalg(
    "lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False)"
    " -> (LU: Tensor, pivots: Tensor, info: Tensor)",
    """A compact LU factorization with partial pivoting, and for every matrix 0 or the number of a zero pivot.

    Args:
        A: shape (..., m, n).

    >>> weft.linalg.lu_factor_ex(weft.tensor([[0.0]])).info.item()
    1
    """,
    vjp={"A": lambda g, LU, pivots: lu_factor_backward(g, LU, pivots)},
)
_linalg(
    "lu_factor(A: Tensor, *, pivot: bool = True) -> (LU: Tensor, pivots: Tensor)",
    """A compact LU factorization with partial pivoting, for lu_solve.

    Args:
        A: shape (..., m, n).

    Raises LinAlgError when a matrix is singular.

    >>> weft.linalg.lu_factor(weft.tensor([[1.0, 2.0], [2.0, 4.5]])).LU.tolist()
    [[2.0, 4.5], [0.5, -0.25]]
    """,
    composite=True,
)
_linalg(
    "lu(A: Tensor, *, pivot: bool = True) -> (P: Tensor, L: Tensor, U: Tensor)",
    """A = P L U with a permutation P, unit lower triangular L and upper triangular U.

    Args:
        A: shape (..., m, n).

    >>> weft.linalg.lu(weft.tensor([[1.0, 2.0], [2.0, 4.5]])).L.tolist()
    [[1.0, 0.0], [0.5, 1.0]]
    """,
    composite=True,
)
_linalg(
    "lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor",
    """The solution X of A X = B, or of X A = B, by the factors of lu_factor.

    Args:
        LU, pivots: shapes (..., n, n) and (..., n).
        B: shape (..., n, k), or (..., k, n) when not left.
        adjoint: whether A^H stands in the place of A.

    >>> weft.linalg.lu_solve(*weft.linalg.lu_factor(weft.tensor([[2.0]])), weft.ones(1, 1)).item()
    0.5
    """,
    composite=True,
)
_internal(
    "lu_solve_native(LU: Tensor, pivots: Tensor, B: Tensor, left: bool, adjoint: bool) -> Tensor",
    "lu_solve, differentiable for B alone.",
    cost=_FACTORIZATION,
    vjp={"B": lambda g, LU, pivots, left, adjoint: lu_solve_backward(g, LU, pivots, left, adjoint)},
)
_internal(
    "lu_solve_backward(grad: Tensor, LU: Tensor, pivots: Tensor, left: bool, adjoint: bool) -> Tensor",
    "The gradient of lu_solve for B.",
    composite=True,
)
_internal("lu_parts(LU: Tensor) -> (out0: Tensor, out1: Tensor)", "L and U of a compact factorization.", composite=True)
_internal(
    "pivots_to_rows(pivots: Tensor, rows: int) -> Tensor",
    "Which row of A became each row of L U: int64, shape (..., rows).",
)
_internal(
    "pivots_to_matrix(pivots: Tensor, rows: int, dtype: dtype) -> Tensor",
    "The permutation matrix P of A = P L U.",
    composite=True,
)
_internal(
    "lu_factor_backward(grad: Tensor, LU: Tensor, pivots: Tensor) -> Tensor",
    "The gradient of lu_factor.",
    composite=True,
)
_linalg(
    "ldl_factor_ex(self: Tensor, *, hermitian: bool = False, check_errors: bool = False)"
    " -> (LD: Tensor, pivots: Tensor, info: Tensor)",
    """A compact LDL factorization of a symmetric (or Hermitian) matrix, and for every matrix 0 or a zero pivot's number.

    Args:
        self: shape (..., n, n); the lower triangle is read.

    >>> weft.linalg.ldl_factor_ex(weft.tensor([[2.0]])).LD.item()
    2.0
    """,
)
_linalg(
    "ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor",
    """The solution X of A X = B by the factors of ldl_factor.

    Args:
        LD, pivots: shapes (..., n, n) and (..., n).
        B: shape (..., n, k).

    >>> f = weft.linalg.ldl_factor_ex(weft.tensor([[2.0]]))
    >>> weft.linalg.ldl_solve(f.LD, f.pivots, weft.ones(1, 1)).item()
    0.5
    """,
)

# Systems and inverses -----------------------------------------------------------------------------------------------

_linalg(
    "solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False)"
    " -> (result: Tensor, info: Tensor, *, LU: Tensor, pivots: Tensor)",
    """The solution X of A X = B, or of X A = B, and for every matrix 0 or the number of a zero pivot.

    >>> weft.linalg.solve_ex(weft.tensor([[2.0]]), weft.ones(1, 1)).result.item()
    0.5
    """,
    vjp={
        ("A", "B"): lambda g, A, B, result, LU, pivots, left, wants_A: solve_backward(
            g, A, B, result, LU, pivots, left, wants_A
        )
    },
)
_linalg(
    "solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor",
    """The solution X of A X = B, or of X A = B when not left.

    Args:
        A: shape (..., n, n).
        B: shape (..., n, k), (..., k, n) when not left, or vectors: (n,) or the shape of A without its last dimension.

    Raises LinAlgError when a matrix is singular.

    >>> weft.linalg.solve(weft.tensor([[2.0, 0.0], [0.0, 4.0]]), weft.ones(2)).tolist()
    [0.5, 0.25]
    """,
    composite=True,
)
_internal(
    "solve_backward(grad: Tensor, A: Tensor, B: Tensor, X: Tensor, LU: Tensor, pivots: Tensor, left: bool,"
    " wants_A: bool) -> (out0: Tensor, out1: Tensor)",
    "The gradients of solve.",
    composite=True,
)
_linalg(
    "inv_ex(A: Tensor, *, check_errors: bool = False) -> (inverse: Tensor, info: Tensor)",
    """The inverse, and for every matrix 0 or the number of a zero pivot.

    Args:
        A: shape (..., n, n).

    >>> weft.linalg.inv_ex(weft.tensor([[2.0]])).inverse.item()
    0.5
    """,
    vjp={"A": lambda g, inverse: inv_backward(g, inverse)},
)
_linalg(
    "inv(A: Tensor) -> Tensor",
    """The inverse.

    Args:
        A: shape (..., n, n).

    Raises LinAlgError when a matrix is singular.

    >>> weft.linalg.inv(weft.tensor([[2.0, 4.0], [0.0, 4.0]])).tolist()
    [[0.5, -0.5], [0.0, 0.25]]
    """,
    composite=True,
)
_internal("inv_backward(grad: Tensor, inverse: Tensor) -> Tensor", "The gradient of inv.", composite=True)
_linalg(
    "solve_triangular(self: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor",
    """The solution X of A X = B, or of X A = B when not left, for a triangular A.

    Args:
        self: A, shape (..., n, n); the other triangle is not read, and the diagonal counts as ones when unitriangular.
        B: shape (..., n, k), or (..., k, n) when not left.

    >>> weft.linalg.solve_triangular(weft.tensor([[2.0, 9.0], [1.0, 4.0]]), weft.ones(2, 1), upper=False).tolist()
    [[0.5], [0.125]]
    """,
    vjp={
        ("self", "B"): lambda g, self, out, upper, left, unitriangular, wants_self: solve_triangular_backward(
            g, self, out, upper, left, unitriangular, wants_self
        )
    },
)
_internal(
    "solve_triangular_backward(grad: Tensor, A: Tensor, X: Tensor, upper: bool, left: bool, unitriangular: bool,"
    " wants_A: bool) -> (out0: Tensor, out1: Tensor)",
    "The gradients of solve_triangular.",
    composite=True,
)
_linalg(
    "det(A: Tensor) -> (result: Tensor, *, LU: Tensor, pivots: Tensor)",
    """The determinant.

    Args:
        A: shape (..., n, n).

    >>> weft.linalg.det(weft.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(-2.0000)
    """,
    vjp={"A": lambda g, A, result, LU, pivots: det_backward(g, A, result, LU, pivots)},
)
_internal(
    "det_backward(grad: Tensor, A: Tensor, det: Tensor, LU: Tensor, pivots: Tensor) -> Tensor",
    "The gradient of det, also of singular matrices.",
    composite=True,
)
_linalg(
    "slogdet(A: Tensor) -> (sign: Tensor, logabsdet: Tensor, *, LU: Tensor, pivots: Tensor)",
    """The sign of the determinant (a phase for complex matrices) and the logarithm of its magnitude.

    Args:
        A: shape (..., n, n).

    >>> weft.linalg.slogdet(weft.tensor([[-1.0]])).sign
    tensor(-1.)
    """,
    vjp={
        "A": lambda maybe_sign, maybe_logabsdet, A, sign, LU, pivots: slogdet_backward(
            maybe_sign, maybe_logabsdet, A, sign, LU, pivots
        )
    },
)
_internal(
    "slogdet_backward(grad_sign: Tensor | None, grad_log: Tensor | None, A: Tensor, sign: Tensor, LU: Tensor,"
    " pivots: Tensor) -> Tensor",
    "The gradient of slogdet.",
    composite=True,
)
_linalg(
    "lstsq(self: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None)"
    " -> (solution: Tensor, residuals: Tensor, rank: Tensor, singular_values: Tensor)",
    """The solution X of least norm that minimises the norm of A X - B.

    Args:
        self: A, shape (..., m, n).
        b: B, shape (..., m, k) or vectors (..., m).
        rcond: singular values below rcond times the largest count as zero; by default the dtype's epsilon times max(m, n).
        driver: LAPACK's gels (full rank only), gelsy (the default), gelsd or gelss.

    Residuals, rank and singular values are empty where the driver does not compute them.

    >>> weft.linalg.lstsq(weft.tensor([[1.0], [1.0]]), weft.tensor([[1.0], [3.0]])).solution
    tensor([[2.0000]])
    """,
    _SPECTRUM,
    out_casts=True,
    vjp={
        ("self", "b"): lambda maybe_solution, maybe_residuals, self, b, solution: lstsq_backward(
            maybe_solution, maybe_residuals, self, b, solution
        )
    },
)
_internal(
    "lstsq_backward(grad: Tensor | None, grad_residuals: Tensor | None, A: Tensor, B: Tensor, X: Tensor)"
    " -> (out0: Tensor, out1: Tensor)",
    "The gradients of the solution and the residuals of lstsq.",
    composite=True,
)

# Orthogonal and spectral --------------------------------------------------------------------------------------------

_linalg(
    "qr(A: Tensor, mode: str = 'reduced') -> (Q: Tensor, R: Tensor)",
    """A = Q R with orthonormal columns in Q and an upper triangular R.

    Args:
        A: shape (..., m, n).
        mode: "reduced" gives Q of shape (..., m, min(m, n)), "complete" (..., m, m), "r" an empty Q.

    >>> weft.linalg.qr(weft.eye(2)).R.shape
    weft.Size([2, 2])
    """,
    vjp={"A": lambda maybe_Q, maybe_R, Q, R, mode: qr_backward(maybe_Q, maybe_R, Q, R, mode)},
)
_internal(
    "qr_backward(grad_q: Tensor | None, grad_r: Tensor | None, Q: Tensor, R: Tensor, mode: str) -> Tensor",
    "The gradient of qr.",
    composite=True,
)
Op(
    "geqrf(self: Tensor) -> (a: Tensor, tau: Tensor)",
    """QR as LAPACK leaves it: R above the diagonal, Householder vectors below it, and their factors.

    Args:
        self: shape (..., m, n).

    >>> weft.geqrf(weft.ones(2, 2)).tau.shape
    weft.Size([2])
    """,
    cost=_FACTORIZATION,
    out=True,
    out_casts=True,
)
_linalg(
    "svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> (U: Tensor, S: Tensor, Vh: Tensor)",
    """A = U diag(S) Vh with orthonormal columns in U, orthonormal rows in Vh, and S in descending order.

    Args:
        A: shape (..., m, n).
        full_matrices: whether U and Vh are square.

    Derivatives for U and Vh are finite only where all singular values differ.

    >>> weft.linalg.svd(weft.tensor([[0.0, 2.0], [1.0, 0.0]])).S.tolist()
    [2.0, 1.0]
    """,
    _SPECTRUM,
    vjp={"A": lambda maybe_U, maybe_S, maybe_Vh, U, S, Vh: svd_backward(maybe_U, maybe_S, maybe_Vh, U, S, Vh)},
)
_internal(
    "svd_backward(grad_u: Tensor | None, grad_s: Tensor | None, grad_vh: Tensor | None, U: Tensor, S: Tensor, Vh: Tensor)"
    " -> Tensor",
    "The gradient of svd.",
    composite=True,
)
_linalg(
    "svdvals(A: Tensor, *, driver: str | None = None) -> Tensor",
    """The singular values in descending order, shape (..., min(m, n)).

    >>> weft.linalg.svdvals(weft.tensor([[0.0, 2.0], [1.0, 0.0]])).tolist()
    [2.0, 1.0]
    """,
    _SPECTRUM,
    composite=True,
)
_internal("singular_values(A: Tensor) -> Tensor", "svdvals, not differentiable.", cost=_SPECTRUM)
_linalg(
    "eigh(self: Tensor, UPLO: str = 'L') -> (eigenvalues: Tensor, eigenvectors: Tensor)",
    """Eigenvalues in ascending order and orthonormal eigenvectors, as columns, of a Hermitian matrix.

    Args:
        self: shape (..., n, n).
        UPLO: the triangle that is read, "L" or "U".

    >>> weft.linalg.eigh(weft.tensor([[0.0, 1.0], [1.0, 0.0]])).eigenvalues
    tensor([-1.,  1.])
    """,
    _SPECTRUM,
    vjp={
        "self": lambda maybe_eigenvalues, maybe_eigenvectors, eigenvalues, eigenvectors: eigh_backward(
            maybe_eigenvalues, maybe_eigenvectors, eigenvalues, eigenvectors
        )
    },
)
_internal(
    "eigh_backward(grad_w: Tensor | None, grad_v: Tensor | None, w: Tensor, V: Tensor) -> Tensor",
    "The gradient of eigh.",
    composite=True,
)
_linalg(
    "eigvalsh(self: Tensor, UPLO: str = 'L') -> Tensor",
    """The eigenvalues of a Hermitian matrix in ascending order.

    Args:
        self: shape (..., n, n).
        UPLO: the triangle that is read, "L" or "U".

    >>> weft.linalg.eigvalsh(weft.tensor([[3.0, 0.0], [0.0, 2.0]])).tolist()
    [2.0, 3.0]
    """,
    _SPECTRUM,
    composite=True,
)
_internal("hermitian_values(self: Tensor, UPLO: str) -> Tensor", "eigvalsh, not differentiable.", cost=_SPECTRUM)
_linalg(
    "eig(self: Tensor) -> (eigenvalues: Tensor, eigenvectors: Tensor)",
    """Eigenvalues and eigenvectors (as columns, of unit length) of a square matrix: complex, in no particular order.

    Args:
        self: shape (..., n, n), finite.

    >>> weft.linalg.eig(weft.tensor([[2.0]])).eigenvalues.tolist()
    [(2+0j)]
    """,
    _SPECTRUM,
    out_casts=True,
    vjp={
        "self": lambda maybe_eigenvalues, maybe_eigenvectors, eigenvalues, eigenvectors, self: eig_backward(
            maybe_eigenvalues, maybe_eigenvectors, eigenvalues, eigenvectors, self.dtype
        )
    },
)
_internal(
    "eig_backward(grad_w: Tensor | None, grad_v: Tensor | None, w: Tensor, V: Tensor, dtype: dtype) -> Tensor",
    "The gradient of eig.",
    composite=True,
)
_linalg(
    "eigvals(self: Tensor) -> Tensor",
    """The eigenvalues of a square matrix, complex, in no particular order.

    Args:
        self: shape (..., n, n), finite.

    >>> weft.linalg.eigvals(weft.tensor([[2.0]])).tolist()
    [(2+0j)]
    """,
    _SPECTRUM,
    out_casts=True,
    composite=True,
)
_internal("general_values(self: Tensor) -> Tensor", "eigvals, not differentiable.", cost=_SPECTRUM)
_internal(
    "pinv_native(A: Tensor, atol: Tensor, rtol: Tensor, hermitian: bool) -> Tensor",
    "The pseudo-inverse; singular values up to max(atol, rtol times the largest) count as zero.",
    cost=_SPECTRUM,
    vjp={"A": lambda g, out, A: pinv_backward(g, out, A)},
)
_internal("pinv_backward(grad: Tensor, pinv: Tensor, A: Tensor) -> Tensor", "The gradient of pinv.", composite=True)
