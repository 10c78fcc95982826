"""Special functions agree with SciPy over their whole domains, at its edges, and in the names weft.special has for others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special as reference

import weft
from weft.autograd import gradcheck, gradgradcheck

S = weft.special
_rng = np.random.default_rng(11)
_POSITIVE = np.concatenate([np.geomspace(1e-12, 600, 400), _rng.uniform(0, 50, 400)])
_ALL = np.concatenate([_POSITIVE, -_POSITIVE])


def agree(result: weft.Tensor, expected: np.ndarray, relative: float, absolute: float = 0.0) -> None:
    np.testing.assert_allclose(result.numpy(), expected, rtol=relative, atol=absolute)


@pytest.mark.parametrize(
    ("name", "scipy_name", "points", "relative", "absolute"),
    [
        ("bessel_j0", "j0", _ALL, 1e-13, 1e-15),
        ("bessel_j1", "j1", _ALL, 1e-13, 1e-15),
        ("bessel_y0", "y0", _POSITIVE, 1e-13, 1e-15),
        ("bessel_y1", "y1", _POSITIVE, 1e-13, 1e-15),
        ("modified_bessel_i0", "i0", _ALL, 1e-13, 0),
        ("modified_bessel_i1", "i1", _ALL, 1e-13, 0),
        ("modified_bessel_k0", "k0", _POSITIVE, 2e-13, 0),
        ("modified_bessel_k1", "k1", _POSITIVE, 2e-13, 0),
        ("scaled_modified_bessel_k0", "k0e", _POSITIVE, 1e-14, 0),
        ("scaled_modified_bessel_k1", "k1e", _POSITIVE, 1e-14, 0),
        ("erfcx", "erfcx", np.concatenate([_POSITIVE, np.linspace(-4, 0, 200)]), 1e-14, 0),
        ("log_ndtr", "log_ndtr", np.linspace(-300, 30, 700), 1e-13, 1e-300),
        ("ndtri", "ndtri", np.concatenate([np.geomspace(1e-300, 0.5, 300), np.linspace(0.01, 0.99, 99)]), 1e-13, 1e-16),
    ],
)
def test_against_scipy(name: str, scipy_name: str, points: np.ndarray, relative: float, absolute: float) -> None:
    agree(getattr(S, name)(weft.from_numpy(points)), getattr(reference, scipy_name)(points), relative, absolute)


def test_airy() -> None:
    x = np.concatenate([np.linspace(-60, 30, 900), [1e-9, -1e-9, 0.0, 105.0, 200.0]])
    agree(S.airy_ai(weft.from_numpy(x)), reference.airy(x)[0], 1e-12, 1e-14)


@pytest.mark.parametrize(
    ("x", "exact"),  # by mpmath, in 40 digits: SciPy is off by up to 1e-9 of it far below 0
    [
        (-1000.5, -0.046895461515614126),
        (-200.25, -0.14446147932826566),
        (-30.0, -0.087968188456842163),
        (-9.5, 0.3191032477191282),
        (-5.0, 0.35076100902411432),
        (-3.0, -0.37881429367765807),
        (1.0, 0.13529241631288142),
        (2.5, 0.01572592338047049),
        (8.0, 4.6922076160992316e-8),
        (50.0, 4.5849417240748285e-104),
        (100.0, 2.6344821520881845e-291),
    ],
)
def test_airy_far_from_zero(x: float, exact: float) -> None:
    amplitude = abs(exact) if x > 0 else np.pi**-0.5 * abs(x) ** -0.25
    assert S.airy_ai(weft.tensor(x, dtype=weft.float64)).item() == pytest.approx(exact, rel=0, abs=1e-15 * amplitude)


def test_zeta_and_polygamma() -> None:
    s, q = np.meshgrid(np.concatenate([np.linspace(1.01, 40, 60)]), np.geomspace(0.01, 1e4, 40))
    agree(S.zeta(weft.from_numpy(s), weft.from_numpy(q)), reference.zeta(s, q), 1e-12)
    x = np.linspace(0.1, 30, 200)
    for n in range(5):
        agree(weft.polygamma(n, weft.from_numpy(x)), reference.polygamma(n, x), 1e-12, 1e-13)


def test_incomplete_gamma() -> None:
    a, x = np.meshgrid(np.geomspace(1e-3, 1e4, 60), np.geomspace(1e-3, 2e4, 60))
    tensors = weft.from_numpy(a), weft.from_numpy(x)
    agree(S.gammainc(*tensors), reference.gammainc(a, x), 1e-11, 1e-290)
    agree(S.gammaincc(*tensors), reference.gammaincc(a, x), 1e-11, 1e-290)


@pytest.mark.parametrize("a", [1e9, 1e12])
def test_incomplete_gamma_of_large_orders(a: float) -> None:
    x = a + np.linspace(-3, 3, 13) * np.sqrt(a)
    agree(S.gammainc(weft.full((13,), a, dtype=weft.float64), weft.from_numpy(x)), reference.gammainc(a, x), 1e-9)


@pytest.mark.parametrize("kind", "vw")
@pytest.mark.parametrize("shifted", [False, True])
def test_chebyshev_polynomials_that_scipy_lacks(kind: str, shifted: bool) -> None:
    x = np.linspace(-1.5, 1.5, 31)
    argument = (x + 1) / 2 if shifted else x
    f = getattr(S, f"{'shifted_' * shifted}chebyshev_polynomial_{kind}")
    for n in (0, 1, 2, 5, 12):
        # V_n = U_n - U_{n-1} and W_n = U_n + U_{n-1}
        before = reference.eval_chebyu(n - 1, x) if n else 0 * x
        expected = reference.eval_chebyu(n, x) + (before if kind == "w" else -before)
        agree(f(weft.from_numpy(argument), n), expected, 1e-11, 1e-10)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda t: S.bessel_y0(t([0.0, -1.0])), [-np.inf, np.nan]),
        (lambda t: S.modified_bessel_k0(t([0.0, -1.0, np.inf])), [np.inf, np.nan, 0.0]),
        (lambda t: S.airy_ai(t([np.inf, np.nan])), [0.0, np.nan]),
        (lambda t: S.erfcx(t([np.inf, -np.inf, np.nan])), [0.0, np.inf, np.nan]),
        (lambda t: S.log_ndtr(t([np.inf, -np.inf])), [0.0, -np.inf]),
        (lambda t: S.ndtri(t([0.0, 1.0, -0.1, 1.1, np.nan])), [-np.inf, np.inf, np.nan, np.nan, np.nan]),
        (lambda t: S.zeta(t([1.0, 0.5, 2.0, 2.5, 2.0]), t([2.0, 2.0, -1.0, -1.5, np.inf])), [np.inf, np.nan, np.inf, np.nan, 0.0]),
        (lambda t: S.gammainc(t([0.0, 0.0, 1.0, 1.0, np.inf, -1.0]), t([1.0, 0.0, 0.0, np.inf, 1.0, 1.0])), [1.0, np.nan, 0.0, 1.0, 0.0, np.nan]),
        (lambda t: S.spherical_bessel_j0(t([0.0, np.inf])), [1.0, 0.0]),
        (lambda t: S.legendre_polynomial_p(t([0.5, 0.5, 0.5]), t([-1.0, np.nan, 1.9])), [0.0, 0.0, 0.5]),
    ],
)  # fmt: skip
def test_edges(call: Any, expected: list[float]) -> None:
    result = call(lambda values: weft.tensor(values, dtype=weft.float64))
    np.testing.assert_array_equal(result.numpy(), expected)


def test_names_of_other_namespaces_are_the_same_operator() -> None:
    x = weft.tensor([[0.25, 0.5]])
    for name, other in (
        ("expit", "sigmoid"),
        ("gammaln", "lgamma"),
        ("psi", "digamma"),
        ("logit", "logit"),
        ("erf", "erf"),
    ):
        assert weft.equal(getattr(S, name)(x), getattr(weft, other)(x))
    assert weft.equal(S.softmax(x, 1), x.softmax(1))
    assert weft.equal(S.logsumexp(x, 1), x.logsumexp(1))
    assert weft.equal(S.multigammaln(x + 3, 2), weft.mvlgamma(x + 3, 2))
    assert weft.equal(S.gammainc(x, x), x.igamma(x))
    assert weft.equal(S.polygamma(1, x), x.clone().polygamma_(1))


@pytest.mark.parametrize(
    ("f", "at"),
    [
        (lambda x: S.ndtri(x), [0.02, 0.97]),
        (lambda x: S.log_ndtr(x), [-30.0, 2.0]),
        (lambda x: S.bessel_j1(x), [0.5, 3.0]),
        (lambda x: weft.polygamma(2, x), [1.5, 3.0]),
        (lambda x: S.i1(x), [0.4, -2.0]),
    ],
)
def test_derivatives(f: Any, at: list[float]) -> None:
    leaf = weft.tensor(at, dtype=weft.float64, requires_grad=True)
    assert gradcheck(f, [leaf])
    assert gradgradcheck(f, [leaf])


def test_derivatives_at_the_origin() -> None:
    for f, first, second in (
        (S.i1, 0.5, 0.0),
        (S.i1e, 0.5, None),
        (S.bessel_j1, 0.5, 0.0),
        (S.spherical_bessel_j0, 0.0, None),
    ):
        x = weft.zeros(1, dtype=weft.float64, requires_grad=True)
        (g,) = weft.autograd.grad(f(x), x, create_graph=True)
        assert g.item() == first
        if second is not None:
            assert weft.autograd.grad(g, x)[0].item() == second


def test_mistakes_raise() -> None:
    with pytest.raises(RuntimeError, match="negative n"):
        weft.polygamma(-1, weft.ones(1))
    with pytest.raises(RuntimeError, match="derivative for igamma: self is not implemented"):
        weft.igamma(weft.ones(1, requires_grad=True), weft.ones(1)).backward()
    with pytest.raises(TypeError):
        S.zeta(1.0, 2.0)
    with pytest.raises(TypeError):
        S.airy_ai("x")


@pytest.mark.parametrize("letter", ["t", "u", "v", "w"])
@pytest.mark.parametrize("x", [1.0, -1.0, 0.3])
def test_chebyshev_polynomials_of_huge_degree_are_found_at_once(letter: str, x: float) -> None:
    function = getattr(S, f"chebyshev_polynomial_{letter}")
    huge = function(weft.tensor(x, dtype=weft.float64), 1e300)
    assert weft.isfinite(huge)
    ends = {  # values at 1 and -1 in even degree n, which is 10 here
        "t": (1, 1), "u": (11, 11), "v": (1, 21), "w": (21, 1),
    }[letter]  # fmt: skip
    if abs(x) == 1:
        assert function(weft.tensor(x, dtype=weft.float64), 10).item() == ends[x < 0]
        odd = function(weft.tensor(x, dtype=weft.float64), 11).item()
        assert odd == ({"t": 1, "u": 12, "v": 1, "w": 23} if x > 0 else {"t": -1, "u": -12, "v": -23, "w": -1})[letter]


def test_orthogonal_polynomials_end_where_they_are_constant() -> None:
    for degree in (1e300, 1e15):
        assert S.laguerre_polynomial_l(weft.zeros((), dtype=weft.float64), degree).item() == 1
        assert S.legendre_polynomial_p(weft.ones((), dtype=weft.float64), degree).item() == 1


def test_zeta_of_nan_is_nan() -> None:
    nan, two = weft.tensor(float("nan")), weft.tensor(2.0)
    assert S.zeta(nan, two).isnan()
    assert S.zeta(two, nan).isnan()
    assert S.polygamma(3, nan).isnan()
