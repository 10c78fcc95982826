"""The same bits at any thread count and beside any other callers, for every operator and its gradients."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import weft
from ops.table import FREE
from tests.ops.cases import ALL, Case, enlarged, flatten, make_call, run, to_tensor


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = weft.get_num_threads()
    yield
    weft.set_num_threads(before)


def _bits(case: Case, sample: Any) -> list[bytes]:
    """Results and gradients of one call, as bytes."""
    call = make_call(case, sample, np.float32)
    leaves: list[weft.Tensor] = []
    position = itertools.count()

    def convert(array: np.ndarray) -> weft.Tensor:
        t = to_tensor(array)
        if next(position) not in case.without_derivative and t.is_floating_point():
            leaves.append(t.requires_grad_())
        return t

    results = flatten(run(case, call, convert))
    found = [bytes(memoryview(r.detach().contiguous())) for r in results]
    loss = [r.float().sum() for r in results if r.requires_grad]
    if loss:
        grads = weft.autograd.grad(sum(loss[1:], loss[0]), leaves, allow_unused=True)
        found += [bytes(memoryview(g.contiguous())) for g in grads if g is not None]
    return found


def _large_samples(case: Case) -> list[Any]:
    """What the record states, else its first sample that can be enlarged until several threads take part."""
    if case.big:
        return list(case.big)
    for sample in case.samples:
        for candidate in enlarged(case, sample):
            with contextlib.suppress(RuntimeError, IndexError, ValueError, TypeError):
                run(case, make_call(case, candidate, np.float32))
                return [candidate]
    return []


@pytest.mark.parametrize("case", ALL, ids=str)
def test_same_bits_at_any_thread_count(case: Case) -> None:
    samples = _large_samples(case)
    if not samples:
        assert case.op is None or case.op.cost == FREE, f"{case.name}: state a large sample, big=[...], in its record"
        pytest.skip("moves no elements")
    for sample in samples:
        weft.set_num_threads(1)
        expected = _bits(case, sample)
        for threads in (2, 3, 8):
            weft.set_num_threads(threads)
            assert _bits(case, sample) == expected, f"{threads} threads change the result"


def test_same_bits_from_eight_callers_at_once() -> None:
    # Random operators share the default generator, whose order of use is the callers': they are left out here.
    quiet = [c for c in ALL if not c.draws and "dropout" not in c.name]
    pairs = [(c, sample) for c in quiet for sample in (c.big or c.samples[:1])]
    expected = [_bits(*p) for p in pairs]
    wrong: list[str] = []

    def work(offset: int) -> None:
        for i in range(len(pairs)):
            k = (i + offset * len(pairs) // 8) % len(pairs)
            if _bits(*pairs[k]) != expected[k]:
                wrong.append(pairs[k][0].name)

    callers = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in callers:
        t.start()
    for t in callers:
        t.join()
    assert not wrong
