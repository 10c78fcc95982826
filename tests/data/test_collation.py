"""How samples become a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import weft
from weft.utils.data import default_collate

SIDE, SAMPLES = 256, 16


@pytest.mark.parametrize("make", [lambda: np.ones((SIDE, SIDE), np.float32), lambda: weft.ones(SIDE, SIDE)])
def test_samples_are_written_once_into_one_batch(make: Callable[[], object]) -> None:
    samples = [make() for _ in range(SAMPLES)]
    weft.memory.reset_peak()
    before = weft.memory.stats().allocated
    batch = default_collate(samples)
    taken = weft.memory.stats().peak - before
    assert batch.shape == (SAMPLES, SIDE, SIDE)
    assert taken <= 1.1 * batch.numel() * batch.itemsize, "something was allocated beside the batch"
