"""Factorizations give back the matrix they were made from, for every shape, batch, layout and dtype."""

from __future__ import annotations

import math

import numpy as np
import pytest

import weft

DTYPES = [weft.float32, weft.float64]
SHAPES = [(3, 3), (5, 3), (3, 5), (2, 4, 4), (2, 1, 3, 2), (0, 3, 3), (3, 0), (0, 0)]
SQUARES = [(1, 1), (4, 4), (2, 3, 3), (3, 2, 2, 2), (0, 2, 2), (0, 0)]


def matrix(shape: tuple[int, ...], dtype: weft.dtype = weft.float64, seed: int = 0) -> weft.Tensor:
    return weft.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(dtype)


def positive(shape: tuple[int, ...], dtype: weft.dtype = weft.float64) -> weft.Tensor:
    a = matrix(shape, dtype)
    return a @ a.mT + weft.eye(shape[-1], dtype=dtype)


def close(a: weft.Tensor, b: weft.Tensor) -> None:
    """Within a hundred roundings of the largest element: sums of a few terms through a well-conditioned factorization."""
    x, y = a.detach().numpy(), b.detach().numpy()
    assert x.shape == y.shape
    assert x.dtype == y.dtype
    scale = float(np.abs(y).max()) if y.size else 1.0
    np.testing.assert_allclose(x, y, rtol=0, atol=200 * np.finfo(x.dtype).eps * max(scale, 1.0))


def eye_like(a: weft.Tensor) -> weft.Tensor:
    return weft.eye(a.size(-1), dtype=a.dtype).expand(a.shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
class TestAnyMatrix:
    def test_qr(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = matrix(shape, dtype)
        for mode in ("reduced", "complete"):
            q, r = weft.linalg.qr(a, mode)
            close(q @ r, a)
            close(q.mT @ q, eye_like(q.mT @ q))
            close(r, r.triu())
        close(weft.linalg.qr(a, "r").R, weft.linalg.qr(a).R)

    def test_svd(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = matrix(shape, dtype)
        for full in (True, False):
            u, s, vh = weft.linalg.svd(a, full)
            k = s.size(-1)
            close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], a)
            close(u.mT @ u, eye_like(u.mT @ u))
            close(vh @ vh.mT, eye_like(vh @ vh.mT))
            close(weft.linalg.svdvals(a), s)
            assert bool((s[..., :-1] >= s[..., 1:]).all())

    def test_lu(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = matrix(shape, dtype)
        p, lower, upper = weft.linalg.lu(a)
        close(p @ lower @ upper, a)
        close(p @ p.mT, eye_like(p @ p.mT))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SQUARES)
class TestSquareMatrix:
    def test_solve_and_inverse(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a, b = positive(shape, dtype), matrix((*shape[:-1], 2), dtype)
        close(a @ weft.linalg.solve(a, b), b)
        close(weft.linalg.solve(a, b.mT, left=False) @ a, b.mT)
        close(a @ weft.linalg.inv(a), eye_like(a))
        close(weft.linalg.solve(a, b[..., 0]), weft.linalg.solve(a, b)[..., 0])

    def test_cholesky(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = positive(shape, dtype)
        lower, upper = weft.linalg.cholesky(a), weft.linalg.cholesky(a, upper=True)
        close(lower @ lower.mT, a)
        close(upper.mT @ upper, a)
        close(lower, lower.tril())

    def test_eigh(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = positive(shape, dtype)
        for triangle, half in (("L", a.tril()), ("U", a.triu())):
            w, v = weft.linalg.eigh(half, triangle)
            close((v * w.unsqueeze(-2)) @ v.mT, a)
            close(weft.linalg.eigvalsh(half, triangle), w)

    def test_lu_solve(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a, b = positive(shape, dtype), matrix((*shape[:-1], 2), dtype)
        factors = weft.linalg.lu_factor(a)
        close(a @ weft.linalg.lu_solve(*factors, b), b)
        close(a.mT @ weft.linalg.lu_solve(*factors, b, adjoint=True), b)
        close(weft.linalg.lu_solve(*factors, b.mT, left=False) @ a, b.mT)
        close(weft.linalg.lu_solve(*factors, b.mT, left=False, adjoint=True) @ a.mT, b.mT)

    def test_ldl(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a, b = positive(shape, dtype), matrix((*shape[:-1], 2), dtype)
        factor, pivots, _ = weft.linalg.ldl_factor_ex(a)
        close(a @ weft.linalg.ldl_solve(factor, pivots, b), b)

    def test_determinant(self, shape: tuple[int, ...], dtype: weft.dtype) -> None:
        a = positive(shape, dtype)
        expected = np.linalg.det(a.double().numpy())
        np.testing.assert_allclose(
            weft.linalg.det(a).double().numpy(), expected, rtol=1e-4 if dtype.itemsize == 4 else 1e-12
        )
        sign, logarithm = weft.linalg.slogdet(a)
        close(sign * logarithm.exp() / weft.linalg.det(a), weft.ones(shape[:-2], dtype=dtype))

    @pytest.mark.parametrize("upper", [False, True])
    @pytest.mark.parametrize("unitriangular", [False, True])
    def test_triangles(self, shape: tuple[int, ...], dtype: weft.dtype, upper: bool, unitriangular: bool) -> None:
        a, b = positive(shape, dtype), matrix((*shape[:-1], 2), dtype)
        t = a.triu() if upper else a.tril()
        if unitriangular:
            t = t - t.diagonal(0, -2, -1).diag_embed() + weft.eye(shape[-1], dtype=dtype)
        options = {"upper": upper, "unitriangular": unitriangular}
        for layout in (a, a.mT.contiguous().mT):
            close(t @ weft.linalg.solve_triangular(layout, b, **options), b)
            close(weft.linalg.solve_triangular(layout, b.mT, left=False, **options) @ t, b.mT)


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 5, 2), (4, 4)])
def test_least_squares_agree_with_the_pseudo_inverse(driver: str | None, shape: tuple[int, ...]) -> None:
    a, b = matrix(shape), matrix((*shape[:-1], 2), seed=1)
    found = weft.linalg.lstsq(a, b, driver=driver)
    close(found.solution, weft.from_numpy(np.linalg.pinv(a.numpy())) @ b)
    if driver != "gels":
        assert found.rank.tolist() == np.linalg.matrix_rank(a.numpy()).tolist()
    if driver in ("gelsd", "gelss"):
        close(found.singular_values, weft.linalg.svdvals(a))
    if found.residuals.numel():
        close(found.residuals, ((a @ found.solution - b) ** 2).sum(-2))


def test_least_squares_of_lower_rank_find_the_rank() -> None:
    a = matrix((5, 2)) @ matrix((2, 4), seed=1)
    for driver in ("gelsy", "gelsd", "gelss"):
        assert weft.linalg.lstsq(a, matrix((5, 1)), driver=driver).rank.item() == 2


def test_results_lie_column_by_column() -> None:
    a = positive((2, 3, 3))
    for result in (weft.linalg.inv(a), weft.linalg.cholesky(a), weft.linalg.qr(a).Q, weft.linalg.svd(a).U):
        assert result.stride() == (9, 1, 3)


def test_arguments_broadcast() -> None:
    a, b = positive((4, 1, 3, 3)), matrix((2, 3, 5))
    x = weft.linalg.solve(a, b)
    assert x.shape == (4, 2, 3, 5)
    close(a @ x, b.expand(4, 2, 3, 5))
    y = weft.linalg.solve_triangular(a, b, upper=True)
    close(a.triu() @ y, b.expand(4, 2, 3, 5))


def test_inputs_stay_as_they_are() -> None:
    a = positive((3, 3))
    before = a.clone()
    for f in (
        weft.linalg.inv,
        weft.linalg.cholesky,
        weft.linalg.qr,
        weft.linalg.svd,
        weft.linalg.eigh,
        weft.linalg.det,
    ):
        f(a)
    assert weft.equal(a, before)


def test_out_receives_the_result() -> None:
    a = positive((3, 3))
    out = weft.empty(0, dtype=a.dtype)
    assert weft.linalg.inv(a, out=out) is out
    close(out, weft.linalg.inv(a))
    q, r = weft.empty(0, dtype=a.dtype), weft.empty(0, dtype=a.dtype)
    weft.linalg.qr(a, out=(q, r))
    close(q @ r, a)


def test_the_determinant_of_a_singular_matrix_is_zero() -> None:
    assert weft.linalg.det(weft.ones(3, 3)).item() == 0
    sign, logarithm = weft.linalg.slogdet(weft.zeros(2, 2))
    assert (sign.item(), logarithm.item()) == (0.0, -math.inf)


def test_many_threads_give_the_same_bits() -> None:
    a, b = positive((64, 20, 20)), matrix((300, 300))
    t = b.tril() + 30 * weft.eye(300, dtype=b.dtype)
    before = weft.get_num_threads()

    def results() -> list[weft.Tensor]:
        return [weft.linalg.inv(a), weft.linalg.svd(a).U, weft.linalg.eigh(a).eigenvectors,
                weft.linalg.solve_triangular(t, b, upper=False)]  # fmt: skip

    try:
        weft.set_num_threads(1)
        alone = results()
        weft.set_num_threads(3)
        assert all(weft.equal(x, y) for x, y in zip(alone, results(), strict=True))
    finally:
        weft.set_num_threads(before)


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.complex64, weft.complex128])
@pytest.mark.parametrize("shape", SQUARES)
def test_eig(shape: tuple[int, ...], dtype: weft.dtype) -> None:
    a = matrix(shape, dtype)
    if dtype.is_complex:
        a = a + 1j * matrix(shape, dtype, seed=1)
    w, v = weft.linalg.eig(a)
    np.testing.assert_allclose(
        (a.to(v.dtype) @ v).numpy(), (v * w.unsqueeze(-2)).numpy(), atol=1e-4 if v.dtype.itemsize == 8 else 1e-12
    )
    close(weft.linalg.eigvals(a).abs().sum(-1), w.abs().sum(-1))
