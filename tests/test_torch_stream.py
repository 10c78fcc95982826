"""With `use_torch_stream()` the numbers are PyTorch's, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import weft

torch = pytest.importorskip("torch")


def _after_fork(m: Any) -> Any:
    """What is drawn within fork_rng changes nothing outside."""
    with m.random.fork_rng():
        inner = m.rand(3)
    return m.cat([inner, m.rand(3)])


FILLS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda m: m.rand(37),
    "rand float64": lambda m: m.rand(3, 5, dtype=m.float64),
    "randn of fewer than 16": lambda m: m.randn(7),
    "randn of whole blocks": lambda m: m.randn(3200),
    "randn of a ragged end": lambda m: m.randn(1003),
    "randn float64": lambda m: m.randn(1003, dtype=m.float64),
    "randn twice, the odd one kept": lambda m: m.cat([m.randn(3), m.randn(5), m.randn(40), m.randn(3)]),
    "randint": lambda m: m.randint(-5, 12, (41,)),
    "randint of a wide range": lambda m: m.randint(0, 1 << 28, (41,)),
    "randint below a wide range": lambda m: m.randint(0, (1 << 28) - 1, (41,)),
    "randperm": lambda m: m.randperm(100),
    "random_": lambda m: m.empty(9, dtype=m.int64).random_(),
    "random_ float32": lambda m: m.empty(9).random_(),
    "random_ from to": lambda m: m.empty(9).random_(2, 77),
    "uniform_": lambda m: m.empty(20).uniform_(-2, 3),
    "uniform_ float64": lambda m: m.empty(20, dtype=m.float64).uniform_(-2, 3),
    "normal_": lambda m: m.empty(50).normal_(1.5, 0.3),
    "normal_ float64": lambda m: m.empty(50, dtype=m.float64).normal_(1.5, 0.3),
    "normal_ of few float64": lambda m: m.empty(5, dtype=m.float64).normal_(1.5, 0.3),
    "normal_ transposed": lambda m: m.empty(6, 7).t().normal_(1.5, 0.3),
    "bernoulli_": lambda m: m.empty(50).bernoulli_(0.3),
    "bernoulli": lambda m: m.bernoulli(m.full((50,), 0.3)),
    "bernoulli float64": lambda m: m.bernoulli(m.full((50,), 0.3, dtype=m.float64)),
    "dropout": lambda m: m.nn.functional.dropout(m.ones(50), 0.3),
    "exponential_": lambda m: m.empty(50).exponential_(2.0),
    "log_normal_": lambda m: m.empty(50, dtype=m.float64).log_normal_(0.2, 0.7),
    "cauchy_": lambda m: m.empty(50, dtype=m.float64).cauchy_(0.5, 2.0),
    "geometric_": lambda m: m.empty(50).geometric_(0.3),
    "multinomial with replacement": lambda m: m.multinomial(m.tensor([0.1, 0.2, 0.3, 0.4]), 20, True),
    "weights of a linear layer": lambda m: m.nn.Linear(17, 5).weight.detach(),
    "weights of a convolution": lambda m: m.nn.Conv2d(3, 4, 3).weight.detach(),
    "xavier": lambda m: m.nn.init.xavier_normal_(m.empty(12, 9)),
    "embedding": lambda m: m.nn.Embedding(10, 7).weight.detach(),
    "explicit generator": lambda m: m.randn(33, generator=m.Generator().manual_seed(3)),
    "rand of a shape, by a generator": lambda m: m.rand([2, 3], generator=m.Generator().manual_seed(5)),
    "rand out": lambda m: m.rand(3, out=m.empty(3)),
    "rand complex": lambda m: m.rand(3, dtype=m.complex64),
    "randn complex": lambda m: m.randn(20, dtype=m.complex64),
    "rand float16": lambda m: m.rand(20, dtype=m.float16),
    "randint by name": lambda m: m.randint(low=3, high=10, size=(3,), generator=m.Generator().manual_seed(1)),
    "randint uint8": lambda m: m.randint(255, (9,), dtype=m.uint8),
    "rand_like": lambda m: m.rand_like(m.ones(2, 3)),
    "randn_like": lambda m: m.randn_like(m.ones(2, 3), dtype=m.float64),
    "randint_like": lambda m: m.cat([m.randint_like(m.ones(3), 10), m.randint_like(m.ones(3), 2, 10)]),
    "randperm int32": lambda m: m.randperm(10, dtype=m.int32),
    "normal of tensors": lambda m: m.normal(m.arange(5.0), m.arange(1.0, 6.0)),
    "normal of a tensor": lambda m: m.normal(m.arange(5.0)),
    "normal of a number and a tensor": lambda m: m.normal(1.0, m.arange(1.0, 6.0)),
    "normal of a tensor and a number": lambda m: m.normal(m.arange(5.0), 2.0),
    "normal of numbers": lambda m: m.normal(2, 3, size=(2, 20)),
    "normal broadcast": lambda m: m.normal(m.zeros(2, 1), m.ones(3)),
    "bernoulli_ of tensors": lambda m: m.empty(3).bernoulli_(m.tensor([0.0, 1.0, 0.5])),
    "bernoulli_ int64": lambda m: m.empty(10, dtype=m.int64).bernoulli_(0.4),
    "bernoulli of a number": lambda m: m.bernoulli(m.empty(10), 0.3),
    "multinomial of one": lambda m: m.multinomial(m.tensor([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]), 1),
    "multinomial of two": lambda m: m.multinomial(m.tensor([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]]), 2),
    "multinomial put back": lambda m: m.multinomial(m.tensor([0.1, 0.2, 0.7]), 10, replacement=True),
    "cauchy_ of numbers": lambda m: m.empty(10).cauchy_(1, 2),
    "geometric_ int64": lambda m: m.empty(10, dtype=m.int64).geometric_(0.3),
    "random_ int32": lambda m: m.empty(5, dtype=m.int32).random_(-5, 10),
    "gumbel_softmax": lambda m: m.nn.functional.gumbel_softmax(m.ones(5)),
    "after a fork": lambda m: _after_fork(m),
    "by the default generator": lambda m: m.rand(2, generator=m.default_generator),
}


@pytest.fixture(autouse=True)
def _stream() -> Iterator[None]:
    with weft.random.fork_rng(), weft.random.use_torch_stream():
        yield


@pytest.mark.parametrize("name", FILLS)
def test_numbers_are_those_of_torch(name: str) -> None:
    weft.manual_seed(11)
    ours = FILLS[name](weft)
    torch.manual_seed(11)
    theirs = FILLS[name](torch)
    assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, -1])
def test_seeds_are_taken_as_torch_takes_them(seed: int) -> None:
    weft.manual_seed(seed)
    torch.manual_seed(seed)
    assert weft.rand(5).tolist() == torch.rand(5).tolist()
    assert weft.initial_seed() == torch.initial_seed()


def test_states_are_those_of_torch() -> None:
    weft.manual_seed(5)
    torch.manual_seed(5)
    weft.randn(3), torch.randn(3)
    assert weft.get_rng_state().tolist() == torch.get_rng_state().tolist()
    expected = torch.randn(700).tolist()
    weft.manual_seed(9)
    state = weft.tensor(torch.manual_seed(5).get_state().tolist(), dtype=weft.uint8)
    weft.set_rng_state(state)
    weft.randn(3)
    assert weft.randn(700).tolist() == expected


def test_a_state_of_the_other_stream_is_refused() -> None:
    with pytest.raises(RuntimeError, match="wrong size"):
        weft.set_rng_state(weft.zeros(16, dtype=weft.uint8))
    with pytest.raises(RuntimeError, match="not one that get_state"):
        weft.set_rng_state(weft.full((5056,), 255, dtype=weft.uint8))


def test_the_stream_ends_with_its_block() -> None:
    before = weft.default_generator._is_torch()
    with weft.random.use_torch_stream(False):
        assert not weft.default_generator._is_torch()
    assert weft.default_generator._is_torch() is before
