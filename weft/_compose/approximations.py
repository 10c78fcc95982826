"""A few singular values or eigenvalues of large matrices."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


def _basis(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Orthonormal columns that nearly span the range of A - M.

    Halko, Martinsson, Tropp (2009), Finding structure with randomness, algorithm 4.4.
    """
    difference = A if M is None else A - M
    x = difference @ weft.randn(A.size(-1), q, dtype=A.dtype)
    basis = weft.linalg.qr(x).Q
    for _ in range(niter):
        basis = weft.linalg.qr(difference.mH @ basis).Q
        basis = weft.linalg.qr(difference @ basis).Q
    return basis


@composite(method=False)
def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V of an approximation U diag(S) V^H of A - M of rank q, by a random sketch and niter subspace iterations.

    >>> weft.svd_lowrank(weft.eye(4), q=2)[1].round()
    tensor([1., 1.])
    """
    q, niter = 6 if q is None else q, 2 if niter is None else niter
    m, n = A.size(-2), A.size(-1)
    if q < 0 or q > min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    if M is not None:
        M = M.expand_as(A)
    wide = m < n
    if wide:
        A, M = A.mH, None if M is None else M.mH
    basis = _basis(A, q, niter, M)
    u, s, vh = weft.linalg.svd(basis.mH @ (A if M is None else A - M), full_matrices=False)
    u, v = basis @ u, vh.mH
    return (v, s, u) if wide else (u, s, v)


@composite(method=False)
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """svd_lowrank of a matrix whose rows are observations, from which their mean is taken when center.

    >>> weft.pca_lowrank(weft.ones(4, 3))[1].shape
    weft.Size([3])
    """
    m, n = A.size(-2), A.size(-1)
    if q is None:
        q = min(6, m, n)
    if not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)


@composite(method=False)
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Any = None,
    ortho_iparams: dict[str, int] | None = None,
    ortho_fparams: dict[str, float] | None = None,
    ortho_bparams: dict[str, bool] | None = None,
) -> tuple[Tensor, Tensor]:
    """The k largest (or smallest) eigenvalues of A x = w B x and their eigenvectors, for symmetric A and positive B.

    Args:
        A: shape (..., m, m), m >= 3 n.
        k: by default the columns of X, or one.
        X: first guesses, shape (..., m, n); random ones by default.
        n: how many vectors are iterated, k by default.
        iK: a preconditioner, near the inverse of A.
        niter: at most so many iterations, -1 for any number; 1000 by default.
        tol: an eigenvalue counts once its residual is below tol times the sizes of A and of itself.
        method, ortho_iparams, ortho_fparams, ortho_bparams: accepted; there is one method here, which orthogonalizes.

    Knyazev (2001), Toward the optimal preconditioned eigensolver; Duersch et al. (2018), A robust and efficient
    implementation of LOBPCG. Where A requires a gradient all eigenvalues are computed.

    >>> weft.lobpcg(weft.diag(weft.arange(9.0)), 1)[0].shape
    weft.Size([1])
    """
    if method not in (None, "basic", "ortho"):
        raise ValueError(f"lobpcg: method must be 'basic' or 'ortho', got {method!r}")
    if tracker is not None:
        raise NotImplementedError("lobpcg: a tracker is not supported")
    if A.dim() < 2 or A.size(-1) != A.size(-2):
        raise RuntimeError(f"lobpcg: A must be batches of square matrices, got shape {list(A.shape)}")
    if not A.is_floating_point():
        raise RuntimeError(f"lobpcg: expected a real floating point A, got {A.dtype}")
    m = A.size(-1)
    k = (1 if X is None else X.size(-1)) if k is None else k
    n = (k if X is None else X.size(-1)) if n is None else n
    if not 0 < k <= n:
        raise ValueError(f"lobpcg: expected 0 < k <= n, got k={k} and n={n}")
    if m < 3 * n:
        raise ValueError(
            f"LPBPCG algorithm is not applicable when the number of A rows (={m}) is smaller than 3 x the number of "
            f"requested eigenpairs (={n})"
        )
    biggest = True if largest is None else largest
    if weft.is_grad_enabled() and any(t is not None and t.requires_grad for t in (A, B)):
        if B is not None:
            raise NotImplementedError("lobpcg: the derivative of a generalized eigenproblem is not implemented")
        w, v = weft.linalg.eigh((A + A.mT) / 2)
        return (w.flip(-1)[..., :k], v.flip(-1)[..., :k]) if biggest else (w[..., :k], v[..., :k])
    tolerance = weft.finfo(A.dtype).eps ** 0.5 if tol is None else tol
    guess = weft.randn(*A.shape[:-2], m, n, dtype=A.dtype) if X is None else X
    matrices = A.reshape(-1, m, m)
    metric = None if B is None else B.expand_as(A).reshape(-1, m, m)
    guesses = guess.expand(*A.shape[:-2], m, n).reshape(-1, m, n)
    found = [
        _iterate(matrices[i], None if metric is None else metric[i], guesses[i], iK, niter, tolerance, biggest)
        for i in range(matrices.size(0))
    ]
    values = weft.stack([w for w, _ in found]).reshape(*A.shape[:-2], n)
    vectors = weft.stack([v for _, v in found]).reshape(*A.shape[:-2], m, n)
    return values[..., :k], vectors[..., :k]


def _orthonormal(s: Tensor, B: Tensor | None) -> Tensor:
    """A basis of the columns' span, orthonormal in the scalar product of B; directions that are nearly in it go."""
    norms = weft.linalg.vector_norm(s, 2, 0)
    s = s[:, norms > 0] / norms[norms > 0]
    for _ in range(2):  # the second time takes away what rounding left
        w, v = weft.linalg.eigh(s.mT @ (s if B is None else B @ s))
        keep = w > weft.finfo(s.dtype).eps * s.size(1) * w[-1]
        s = s @ (v[:, keep] * w[keep].rsqrt())
    return s


def _iterate(
    A: Tensor, B: Tensor | None, X: Tensor, iK: Tensor | None, niter: int | None, tol: float, largest: bool
) -> tuple[Tensor, Tensor]:
    n = X.size(1)
    size = float(weft.linalg.vector_norm(A)) / A.size(0) ** 0.5
    metric = 1.0 if B is None else float(weft.linalg.vector_norm(B)) / A.size(0) ** 0.5
    limit = 1000 if niter is None else niter if niter >= 0 else 10**9
    basis = _orthonormal(X, B)
    P: Tensor | None = None
    for step in range(limit + 1):
        w, z = weft.linalg.eigh(basis.mT @ (A @ basis))
        if largest:
            w, z = w.flip(0), z.flip(1)
        w = w[:n]
        previous, X = X, basis @ z[:, :n]
        residual = A @ X - (X if B is None else B @ X) * w
        error = weft.linalg.vector_norm(residual, 2, 0) / (weft.linalg.vector_norm(X, 2, 0) * (size + w.abs() * metric))
        if bool((error < tol).all()) or step == limit:
            break
        if step > 0:
            P = X - previous @ (previous.mT @ (X if B is None else B @ X))
        search = residual if iK is None else iK @ residual
        basis = _orthonormal(weft.cat([X, search] if P is None else [X, search, P], 1), B)
    return w, X
