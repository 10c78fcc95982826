"""Poisson, binomial and gamma samples follow their distributions. The seeds are fixed: 1e-4 is no flake rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special, stats

import weft

SIZE = 20_000


def _counts_fit(values: np.ndarray, distribution: Any) -> bool:
    low, high = int(values.min()), int(values.max())
    edges = np.arange(low, high + 1)
    expected = distribution.pmf(edges) * values.size
    observed = np.bincount(values.astype(int) - low, minlength=high - low + 1)
    kept = expected > 5
    rest = values.size - expected[kept].sum(), values.size - observed[kept].sum()
    expected, observed = np.append(expected[kept], max(rest[0], 1e-9)), np.append(observed[kept], rest[1])
    if expected[-1] < 5:
        expected, observed = expected[:-1], observed[:-1]
        expected = expected * observed.sum() / expected.sum()
    return bool(stats.chisquare(observed, expected).pvalue > 1e-4)


@pytest.mark.parametrize("rate", [0.3, 4.0, 9.9, 10.0, 37.5, 2000.0])
def test_poisson(rate: float) -> None:
    weft.manual_seed(3)
    assert _counts_fit(weft.poisson(weft.full((SIZE,), rate, dtype=weft.float64)).numpy(), stats.poisson(rate))


@pytest.mark.parametrize(("count", "prob"), [(1, 0.3), (12, 0.1), (40, 0.5), (40, 0.9), (1000, 0.02), (1000, 0.7)])
def test_binomial(count: int, prob: float) -> None:
    weft.manual_seed(4)
    drawn = weft.binomial(weft.full((SIZE,), float(count)), weft.full((SIZE,), prob, dtype=weft.float64))
    assert _counts_fit(drawn.numpy(), stats.binom(count, prob))


@pytest.mark.parametrize("shape", [0.05, 0.7, 1.0, 3.3, 150.0])
def test_gamma(shape: float) -> None:
    weft.manual_seed(5)
    drawn = weft._standard_gamma(weft.full((SIZE,), shape, dtype=weft.float64))
    assert stats.kstest(drawn.numpy(), stats.gamma(shape).cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [0.1, 0.9, 2.5, 30.0, 4000.0])
@pytest.mark.parametrize("quantile", [0.001, 0.2, 0.5, 0.9, 0.9999])
def test_gamma_samples_move_along_their_quantile(shape: float, quantile: float) -> None:
    a = weft.tensor([shape], dtype=weft.float64)
    x = special.gammaincinv(shape, quantile)
    slope = weft._core.internal.standard_gamma_grad(a, weft.tensor([x], dtype=weft.float64)).item()
    h = 1e-5 * shape
    expected = (special.gammaincinv(shape + h, quantile) - special.gammaincinv(shape - h, quantile)) / (2 * h)
    # Central differences of an inverse computed to about 1e-13: 1e-8 from rounding, h^2 from truncation.
    assert slope == pytest.approx(expected, rel=1e-6)


def test_gamma_gradient_flows() -> None:
    a = weft.tensor([0.5, 3.0], requires_grad=True)
    weft._standard_gamma(a).sum().backward()
    assert (a.grad > 0).all()


def test_samples_do_not_depend_on_threads() -> None:
    results = []
    for threads in (1, 3):
        before = weft.get_num_threads()
        weft.set_num_threads(threads)
        weft.manual_seed(6)
        results.append(weft.poisson(weft.full((5000,), 20.0)))
        weft.set_num_threads(before)
    assert (results[0] == results[1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: weft.poisson(weft.tensor([-1.0])), "non-negative"),
        (lambda: weft.poisson(weft.tensor([1])), "not implemented"),
        (lambda: weft.binomial(weft.tensor([1.5]), weft.tensor([0.5])), "whole number"),
        (lambda: weft.binomial(weft.tensor([2.0]), weft.tensor([1.5])), r"\[0, 1\]"),
    ],
)
def test_bad_parameters_are_named(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()
