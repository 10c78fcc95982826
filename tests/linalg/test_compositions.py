"""What is made of factorizations agrees with NumPy, and differentiates twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import weft
from tests.linalg.test_factorizations import close, matrix, positive
from weft.autograd import gradcheck, gradgradcheck

L = weft.linalg


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (2, 3, 3)])
def test_pinv_cond_and_rank(shape: tuple[int, ...]) -> None:
    a = matrix(shape)
    close(L.pinv(a), weft.from_numpy(np.linalg.pinv(a.numpy())))
    np.testing.assert_allclose(L.cond(a).numpy(), np.linalg.cond(a.numpy()), rtol=1e-12)
    assert L.matrix_rank(a).tolist() == np.linalg.matrix_rank(a.numpy()).tolist()


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("keepdim", [False, True])
def test_matrix_norms(order: Any, keepdim: bool) -> None:
    a = matrix((2, 3, 4))
    expected = np.linalg.norm(a.numpy(), order, (0, 2), keepdim)
    np.testing.assert_allclose(L.matrix_norm(a, order, (0, 2), keepdim).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [-3, 0, 1, 2, 5])
def test_matrix_power(n: int) -> None:
    a = positive((2, 3, 3))
    np.testing.assert_allclose(
        L.matrix_power(a, n).numpy(), np.linalg.matrix_power(a.numpy(), n), rtol=1e-9, atol=1e-12
    )


def test_names_of_weft_itself() -> None:
    a, b = positive((3, 3)), matrix((3, 2))
    factor = weft.cholesky(a)
    close(a @ weft.cholesky_solve(b, factor), b)
    close(weft.cholesky_inverse(factor.mT, upper=True), a.inverse())
    u, s, v = weft.svd(b)
    close(u * s @ v.mT, b)
    close(a.logdet(), a.det().log())


@pytest.mark.parametrize(
    "f", [L.pinv, L.cond, lambda a: L.matrix_power(a, -2), lambda a: L.matrix_norm(a, "nuc"), weft.slogdet]
)
def test_derivatives_of_compositions(f: Callable[..., Any]) -> None:
    def logarithm(a: weft.Tensor) -> Any:
        return f(a).logabsdet if f is weft.slogdet else f(a)

    leaf = matrix((3, 3)).requires_grad_()
    assert gradcheck(logarithm, [leaf])
    assert gradgradcheck(logarithm, [leaf])


def test_mistakes_raise() -> None:
    for call in (
        lambda: L.matrix_norm(weft.ones(3)),
        lambda: L.matrix_norm(weft.ones(3, 3), "x"),
        lambda: L.matrix_norm(weft.ones(3, 3), dim=(0, 0)),
        lambda: L.matrix_power(weft.ones(2, 3), 2),
        lambda: L.norm(weft.ones(2, 2, 2), 2),
        lambda: L.tensorinv(weft.ones(2, 3), 1),
        lambda: L.vander(weft.ones(3), N=1),
    ):
        with pytest.raises(RuntimeError):
            call()


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 3)])
def test_householder_product_is_q(shape: tuple[int, ...]) -> None:
    a = matrix(shape)
    close(L.householder_product(*weft.geqrf(a)), L.qr(a).Q)
    assert gradcheck(
        L.householder_product, [a.requires_grad_(), matrix((*shape[:-2], shape[-1]), seed=1).requires_grad_()]
    )
