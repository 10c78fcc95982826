"""First and second derivatives of factorizations against central differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import weft
from tests.linalg.test_factorizations import matrix, positive
from weft.autograd import gradcheck, gradgradcheck

L = weft.linalg


def _symmetric(f: Callable[[weft.Tensor], weft.Tensor]) -> Callable[[weft.Tensor], weft.Tensor]:
    return lambda a: f(a + a.mT)


def _without_signs(u: weft.Tensor, s: weft.Tensor, vh: weft.Tensor) -> tuple[weft.Tensor, ...]:
    """What does not depend on the sign of singular vectors."""
    k = s.size(-1)
    u, vh = u[..., :k], vh[..., :k, :]
    return u * u, s, vh * vh, (u * u[..., :1, :]) @ vh**2


CASES: dict[str, tuple[Callable[..., object], list[weft.Tensor]]] = {
    "cholesky": (lambda a: L.cholesky(a @ a.mT + weft.eye(3, dtype=a.dtype)), [matrix((2, 3, 3))]),
    "cholesky upper": (lambda a: L.cholesky(a @ a.mT + weft.eye(3, dtype=a.dtype), upper=True), [matrix((3, 3))]),
    "solve": (L.solve, [matrix((2, 3, 3)), matrix((3, 2))]),
    "solve right": (lambda a, b: L.solve(a, b, left=False), [matrix((3, 3)), matrix((2, 3))]),
    "solve vector": (L.solve, [matrix((3, 3)), matrix((3,))]),
    "inv": (L.inv, [matrix((2, 3, 3))]),
    "det": (L.det, [matrix((2, 3, 3))]),
    "det of rank 2": (L.det, [matrix((3, 2)) @ matrix((2, 3), seed=1)]),
    "det of the identity": (L.det, [weft.eye(3, dtype=weft.float64)]),
    "slogdet": (lambda a: L.slogdet(a).logabsdet, [matrix((2, 3, 3))]),
    "lu_factor": (lambda a: L.lu_factor(a).LU, [matrix((2, 3, 3))]),
    "lu wide": (lambda a: L.lu(a)[1:], [matrix((2, 4))]),
    "lu tall": (lambda a: L.lu(a)[1:], [matrix((4, 2))]),
    "lu_solve": (lambda a, b: L.lu_solve(*L.lu_factor(a), b), [matrix((3, 3)), matrix((3, 2))]),
    "lu_solve adjoint": (lambda a, b: L.lu_solve(*L.lu_factor(a), b, adjoint=True), [matrix((3, 3)), matrix((3, 2))]),
    "lu_solve right": (lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=False), [matrix((3, 3)), matrix((2, 3))]),
    "triangle": (lambda a, b: L.solve_triangular(a, b, upper=True), [positive((3, 3)), matrix((2, 3, 2))]),
    "triangle right": (
        lambda a, b: L.solve_triangular(a, b, upper=False, left=False, unitriangular=True),
        [positive((3, 3)), matrix((2, 3))],
    ),
    "qr": (L.qr, [matrix((2, 4, 3))]),
    "qr wide": (L.qr, [matrix((2, 4))]),
    "qr complete": (lambda a: L.qr(a, "complete"), [matrix((3, 3))]),
    "svd": (lambda a: _without_signs(*L.svd(a, False)), [matrix((2, 3, 3))]),
    "svd tall": (lambda a: _without_signs(*L.svd(a)), [matrix((4, 2))]),
    "svd wide": (lambda a: _without_signs(*L.svd(a)), [matrix((2, 4))]),
    "svdvals": (L.svdvals, [matrix((3, 4))]),
    "eigh": (_symmetric(lambda a: L.eigh(a).eigenvectors ** 2), [matrix((2, 3, 3))]),
    "eigvalsh": (_symmetric(L.eigvalsh), [matrix((3, 3))]),
    "lstsq": (lambda a, b: L.lstsq(a, b).solution, [matrix((4, 2)), matrix((4, 3))]),
    "lstsq wide": (lambda a, b: L.lstsq(a, b).solution, [matrix((2, 4)), matrix((2, 1))]),
}


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name: str) -> None:
    f, inputs = CASES[name]
    leaves = [t.clone().requires_grad_() for t in inputs]
    assert gradcheck(f, leaves)
    if name != "det of rank 2":  # there differences leave the singular matrices, and lose the digits
        assert gradgradcheck(f, leaves)


def test_eigenvalues_alone_have_derivatives_where_they_repeat() -> None:
    a = weft.eye(3, requires_grad=True)
    for f in (L.eigvalsh, L.svdvals):
        (g,) = weft.autograd.grad(f(a).sum(), a)
        assert weft.allclose(g, weft.eye(3))


def test_r_alone_cannot_be_differentiated() -> None:
    a = matrix((3, 3)).requires_grad_()
    with pytest.raises(RuntimeError, match="mode='r'"):
        L.qr(a, "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="not unique"):
        L.qr(matrix((4, 3)).requires_grad_(), "complete").Q.sum().backward()
