"""Random numbers follow their distributions, repeat with the seed, and do not depend on threads or layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import weft

SIZE = 20_000


def _filled(fill: Callable[[Any], Any], dtype: Any) -> np.ndarray:
    weft.manual_seed(11)
    tensor = weft.empty(SIZE, dtype=dtype)
    fill(tensor)
    return np.asarray(tensor.numpy())


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64], ids=["float32", "float64"])
@pytest.mark.parametrize(
    ("fill", "distribution"),
    [
        (lambda t: t.uniform_(-2, 3), stats.uniform(-2, 5)),
        (lambda t: t.normal_(1, 2), stats.norm(1, 2)),
        (lambda t: t.log_normal_(0.1, 0.5), stats.lognorm(0.5, scale=np.exp(0.1))),
        (lambda t: t.exponential_(2), stats.expon(scale=0.5)),
        (lambda t: t.cauchy_(1, 2), stats.cauchy(1, 2)),
    ],
    ids=["uniform", "normal", "log_normal", "exponential", "cauchy"],
)
def test_fill_has_its_distribution(fill: Callable[[Any], Any], distribution: Any, dtype: Any) -> None:
    # The seed is fixed, so this either always passes or never: 1e-4 is no flake rate.
    assert stats.kstest(_filled(fill, dtype), distribution.cdf).pvalue > 1e-4


def test_uniform_stays_below_its_upper_end() -> None:
    values = _filled(lambda t: t.uniform_(0, 1), weft.float32)
    assert values.min() >= 0
    assert values.max() < 1


def test_normal_reaches_its_tails() -> None:
    weft.manual_seed(1)
    values = np.abs(weft.randn(1_000_000).numpy())
    expected = 2 * stats.norm.sf(4) * values.size
    assert abs((values > 4).sum() - expected) < 6 * np.sqrt(expected)


def test_integers_cover_their_range_evenly() -> None:
    weft.manual_seed(2)
    counts = np.bincount(weft.randint(3, 8, (SIZE,)).numpy(), minlength=8)
    assert (counts[:3] == 0).all()
    assert stats.chisquare(counts[3:]).pvalue > 1e-4


def test_wide_integers_use_all_bits() -> None:
    weft.manual_seed(3)
    values = weft.randint(-(2**62), 2**62, (SIZE,)).numpy()
    assert abs(values.astype(np.float64).mean()) < 6 * 2**62 / np.sqrt(3 * SIZE)


def test_permutation_has_every_number_once() -> None:
    assert sorted(weft.randperm(1000).tolist()) == list(range(1000))


def test_permutations_are_equally_likely() -> None:
    weft.manual_seed(4)
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(3000):
        order = tuple(weft.randperm(3).tolist())
        seen[order] = seen.get(order, 0) + 1
    assert stats.chisquare(list(seen.values())).pvalue > 1e-4
    assert len(seen) == 6


def test_bernoulli_of_0_and_1_is_certain() -> None:
    assert weft.empty(1000).bernoulli_(0.0).sum().item() == 0
    assert weft.empty(1000).bernoulli_(1.0).sum().item() == 1000
    assert weft.tensor([0.0, 1.0]).bernoulli().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("at", [0, 500, 2999])
def test_bernoulli_refuses_what_is_no_probability(bad: float, at: int) -> None:
    chances = weft.full((3000,), 0.5)
    chances[at] = bad
    for dtype in (weft.float32, weft.float64):
        with pytest.raises(RuntimeError, match="p_in >= 0 && p_in <= 1"):
            weft.bernoulli(chances.to(dtype))


def test_seed_repeats_numbers() -> None:
    weft.manual_seed(5)
    first = weft.rand(100).tolist()
    weft.manual_seed(5)
    assert weft.rand(100).tolist() == first
    assert weft.rand(100).tolist() != first


def test_layout_does_not_change_numbers() -> None:
    weft.manual_seed(6)
    straight = weft.empty(3, 4).normal_().tolist()
    weft.manual_seed(6)
    assert weft.empty(4, 3).t().normal_().tolist() == straight


def test_generator_has_its_own_stream() -> None:
    generator = weft.Generator()
    generator.manual_seed(7)
    first = weft.rand(3, generator=generator).tolist()
    weft.rand(3)
    generator.manual_seed(7)
    assert weft.rand(3, generator=generator).tolist() == first


def test_multinomial_follows_the_weights() -> None:
    weft.manual_seed(8)
    drawn = weft.multinomial(weft.tensor([0.0, 1.0, 3.0]), SIZE, replacement=True).numpy()
    counts = np.bincount(drawn, minlength=3)
    assert counts[0] == 0
    assert stats.binomtest(int(counts[2]), SIZE, 0.75).pvalue > 1e-4


def test_multinomial_without_replacement_repeats_nothing() -> None:
    drawn = weft.multinomial(weft.ones(50, 10), 10)
    assert (np.sort(drawn.numpy(), 1) == np.arange(10)).all()


@pytest.mark.parametrize(
    ("weights", "count", "message"),
    [
        ([1.0, -1.0], 1, "probability tensor contains either `inf`, `nan` or element < 0"),
        ([0.0, 0.0], 1, "sum of probabilities <= 0"),
        ([1.0, 1.0], 3, "without replacement"),
    ],
)
def test_multinomial_refuses_bad_weights(weights: list[float], count: int, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        weft.multinomial(weft.tensor(weights), count)


def test_dropout_keeps_the_mean_and_passes_gradients_through_its_mask() -> None:
    weft.manual_seed(9)
    x = weft.ones(SIZE, requires_grad=True)
    y = weft.dropout(x, 0.25, True)
    y.sum().backward()
    values = y.detach().numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    assert stats.binomtest(int((values > 0).sum()), SIZE, 0.75).pvalue > 1e-4
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), values)
