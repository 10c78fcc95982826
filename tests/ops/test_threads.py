"""The same bits at any thread count and beside any other callers, for every operator and its gradients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import weft
from tests.ops.cases import BIG, Case, flatten, label, make_call, run, to_tensor


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = weft.get_num_threads()
    yield
    weft.set_num_threads(before)


def _bits(case: Case, sample: Any) -> list[bytes]:
    """Results and gradients of one call, as bytes."""
    call = make_call(case, sample, np.float32)
    leaves: list[weft.Tensor] = []

    def convert(array: np.ndarray) -> weft.Tensor:
        t = to_tensor(array)
        if t.is_floating_point():
            leaves.append(t.requires_grad_())
        return t

    results = flatten(run(case, call, convert))
    found = [bytes(memoryview(r.detach().contiguous())) for r in results]
    loss = [r.float().sum() for r in results if r.requires_grad]
    if loss:
        grads = weft.autograd.grad(sum(loss[1:], loss[0]), leaves, allow_unused=True)
        found += [bytes(memoryview(g.contiguous())) for g in grads if g is not None]
    return found


@pytest.mark.parametrize("pair", BIG, ids=label)
def test_same_bits_at_any_thread_count(pair: tuple[Case, Any]) -> None:
    weft.set_num_threads(1)
    expected = _bits(*pair)
    for threads in (2, 3, 8):
        weft.set_num_threads(threads)
        assert _bits(*pair) == expected, f"{threads} threads change the result"


def test_same_bits_from_eight_callers_at_once() -> None:
    # Random operators share the default generator, whose order of use is the callers': they are left out here.
    pairs = [p for p in BIG if not p[0].draws and "dropout" not in p[0].name]
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
