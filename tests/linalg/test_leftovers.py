"""The exponential, factors by their older names, low-rank approximations and few eigenvalues."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import weft
from tests.linalg.test_factorizations import close, matrix, positive
from weft.autograd import gradcheck, gradgradcheck

L = weft.linalg


@pytest.mark.parametrize("scale", [0.0, 1e-6, 0.3, 3.0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_matrix_exp_is_scipys(dtype: str, scale: float) -> None:
    rng = np.random.default_rng(5)
    a = rng.standard_normal((3, 5, 5)) * scale * np.array([1.0, 0.1, 0.5])[:, None, None]
    if "complex" in dtype:
        a = a + 1j * rng.standard_normal(a.shape) * scale
    t = weft.from_numpy(a).to(getattr(weft, dtype))
    for result, argument in zip(L.matrix_exp(t).numpy(), t.numpy().astype(a.dtype), strict=True):
        expected = scipy.linalg.expm(argument)
        # What rounding does to the exponential is the condition number times epsilon.
        condition = max(scipy.linalg.expm_cond(argument), 1.0)
        error = np.linalg.norm(result - expected) / np.linalg.norm(expected)
        assert error <= 20 * condition * weft.finfo(t.dtype).eps


def test_matrix_exp_of_a_nilpotent_and_of_no_matrix() -> None:
    a = weft.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert weft.matrix_exp(a).tolist() == [[1.0, 1.0], [0.0, 1.0]]
    assert weft.matrix_exp(weft.ones(0, 2, 2)).shape == (0, 2, 2)
    assert weft.matrix_exp(weft.ones(2, 0, 0)).shape == (2, 0, 0)
    assert bool(weft.matrix_exp(weft.full((2, 2), float("inf"))).isnan().any())


@pytest.mark.parametrize("complex", [False, True])
def test_derivatives_of_matrix_exp(complex: bool) -> None:
    a = matrix((2, 3, 3))
    leaf = (weft.complex(a, a.flip(0)) if complex else a).requires_grad_()
    assert gradcheck(weft.matrix_exp, [leaf])
    assert gradgradcheck(weft.matrix_exp, [leaf])


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 4)])
def test_lu_and_lu_unpack(shape: tuple[int, ...]) -> None:
    a = matrix(shape)
    factors, pivots = weft.lu(a)
    p, lower, upper = weft.lu_unpack(factors, pivots)
    close(p @ lower @ upper, a)
    assert weft.lu(a, get_infos=True)[2].abs().sum().item() == 0
    only = weft.lu_unpack(factors, pivots, unpack_data=False)
    assert (only.L.shape, only.U.shape) == ((0,), (0,))
    assert weft.equal(only.P, p)
    assert weft.lu_unpack(factors, pivots, unpack_pivots=False).P.shape == (0,)


def test_solutions_by_older_names() -> None:
    a, b = positive((2, 4, 4)), matrix((2, 4, 3))
    close(weft.lu_solve(b, *weft.lu(a)), L.solve(a, b))
    close(b.lu_solve(*a.lu()), L.solve(a, b))
    for upper in (False, True):
        triangle = a.triu() if upper else a.tril()
        solution, copy = weft.triangular_solve(b, a, upper=upper)
        close(triangle @ solution, b)
        assert weft.equal(copy, a)
        close(triangle.mT @ b.triangular_solve(a, upper=upper, transpose=True).solution, b)
    close(weft.linalg.ldl_solve(*L.ldl_factor(a), b), L.solve(a, b))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("complex", [False, True])
def test_ormqr_multiplies_by_q(complex: bool, transpose: bool, left: bool) -> None:
    a, other = matrix((2, 5, 3)), matrix((2, 5, 4) if left else (2, 4, 5))
    if complex:
        a, other = weft.complex(a, a.flip(1)), weft.complex(other, other.flip(1))
    q = L.qr(a, mode="complete").Q
    q = q.mH if transpose else q
    close(weft.ormqr(*weft.geqrf(a), other, left, transpose), q @ other if left else other @ q)
    close(weft.orgqr(*weft.geqrf(a)), L.qr(a).Q)


def test_tensorsolve_and_cross() -> None:
    a, b = matrix((2, 3, 6)), matrix((2, 3))
    np.testing.assert_allclose(L.tensorsolve(a, b).numpy(), np.linalg.tensorsolve(a.numpy(), b.numpy()), rtol=1e-9)
    moved = matrix((2, 6, 3))
    np.testing.assert_allclose(
        L.tensorsolve(moved, b, 1).numpy(), np.linalg.tensorsolve(moved.numpy(), b.numpy(), (1,)), rtol=1e-9
    )
    x, y = matrix((4, 1, 3)), matrix((1, 5, 3))
    np.testing.assert_allclose(L.cross(x, y).numpy(), np.cross(x.numpy(), y.numpy()), rtol=1e-12)


def test_norms_by_older_names() -> None:
    a = matrix((3, 4))
    assert weft.nuclear_norm(a).item() == pytest.approx(np.linalg.norm(a.numpy(), "nuc"))
    assert weft.frobenius_norm(a, (0, 1)).item() == pytest.approx(np.linalg.norm(a.numpy()))
    close(weft.norm_except_dim(a, 2, 1), a.norm(dim=0, keepdim=True))


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (2, 15, 12)])
def test_low_rank_approximations_find_low_rank_matrices(shape: tuple[int, ...]) -> None:
    a = matrix((*shape[:-1], 4)) @ matrix((*shape[:-2], 4, shape[-1]))
    u, s, v = weft.svd_lowrank(a, 5)
    close(u * s.unsqueeze(-2) @ v.mH, a)
    mean = a.mean(-2, keepdim=True)
    u, s, v = weft.pca_lowrank(a, 5)
    close(u * s.unsqueeze(-2) @ v.mH, a - mean)
    shift = weft.ones_like(a)
    u, s, v = weft.svd_lowrank(a, 6, M=shift)
    close(u * s.unsqueeze(-2) @ v.mH, a - shift)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("general", [False, True])
def test_lobpcg_finds_eigenvalues(general: bool, largest: bool) -> None:
    a, b = positive((2, 24, 24)), positive((2, 24, 24)) if general else None
    w, v = weft.lobpcg(a, 3, b, largest=largest, tol=1e-9, niter=-1)
    for i in range(2):
        every = scipy.linalg.eigh(a[i].numpy(), None if b is None else b[i].numpy(), eigvals_only=True)
        np.testing.assert_allclose(w[i].numpy(), every[::-1][:3] if largest else every[:3], rtol=1e-6)
    scaled = v if b is None else b @ v
    weft.testing.assert_close(a @ v, scaled * w.unsqueeze(-2), rtol=1e-5, atol=1e-5)


def test_derivatives_of_the_rest() -> None:
    a, b = positive((3, 3)), matrix((3, 2))
    for f in (
        lambda x, y: weft.lu_solve(y, *weft.linalg.lu_factor(x)),
        lambda x, y: weft.triangular_solve(y, x).solution,
        lambda x, y: weft.ormqr(x, y[0:1].expand(1, 2)[0], x),
        lambda x, y: L.lstsq(weft.cat([x, y.mT]), weft.cat([y, y.mT[:, :2]]), driver="gelsd").residuals,
    ):
        assert gradcheck(f, [a.clone().requires_grad_(), b.clone().requires_grad_()])


def test_gradients_stop_at_outputs_that_have_none() -> None:
    solved = L.lstsq(matrix((4, 3)).requires_grad_(), matrix((4, 2)), driver="gelsd")
    assert [t.requires_grad for t in solved] == [True, True, False, False]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: L.matrix_exp(weft.ones(3)), RuntimeError),
        (lambda: L.matrix_exp(weft.ones(2, 3)), RuntimeError),
        (lambda: L.matrix_exp(weft.ones(2, 2, dtype=weft.int64)), RuntimeError),
        (lambda: weft.lu(weft.zeros(2, 2)), L.LinAlgError),
        (lambda: weft.lu_unpack(weft.eye(2), weft.tensor([1, 2])), RuntimeError),
        (lambda: weft.lu_unpack(weft.eye(2), weft.tensor([1, 9], dtype=weft.int32)), RuntimeError),
        (lambda: weft.triangular_solve(weft.ones(2, 1), weft.ones(3, 3)), RuntimeError),
        (lambda: weft.ormqr(weft.ones(3, 2), weft.ones(3), weft.ones(3, 3)), RuntimeError),
        (lambda: weft.ormqr(weft.ones(3, 2), weft.ones(2), weft.ones(4, 3)), RuntimeError),
        (lambda: L.cross(weft.ones(2), weft.ones(2)), RuntimeError),
        (lambda: L.cross(weft.ones(3), weft.ones(2, 3)), RuntimeError),
        (lambda: L.tensorsolve(weft.ones(2, 3), weft.ones(2)), RuntimeError),
        (lambda: L.ldl_factor(weft.zeros(2, 2)), L.LinAlgError),
        (lambda: weft.svd_lowrank(weft.ones(3, 3), 4), ValueError),
        (lambda: weft.pca_lowrank(weft.ones(3, 3), niter=-1), ValueError),
        (lambda: weft.lobpcg(weft.eye(5), 2), ValueError),
        (lambda: weft.lobpcg(weft.eye(5), 0), ValueError),
        (lambda: weft.lobpcg(weft.ones(5, 4), 1), RuntimeError),
        (lambda: weft.lobpcg(weft.eye(9), method="other"), ValueError),
    ],
)
def test_mistakes_raise(call: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
