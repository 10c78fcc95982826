"""The memory report follows tensors as they come and go."""

import os
from collections.abc import Callable

import pytest

import weft

MEGABYTE = 1 << 20


def test_a_live_tensor_is_counted_and_a_dead_one_is_not() -> None:
    before = weft.memory.stats().allocated
    x = weft.zeros(4 * MEGABYTE)
    assert weft.memory.stats().allocated - before >= 16 * MEGABYTE
    del x
    assert weft.memory.stats().allocated - before < MEGABYTE


def test_peak_remembers_and_starts_again() -> None:
    weft.memory.reset_peak()
    weft.zeros(4 * MEGABYTE)
    stats = weft.memory.stats()
    assert stats.peak - stats.allocated >= 16 * MEGABYTE
    weft.memory.reset_peak()
    stats = weft.memory.stats()
    assert stats.peak - stats.allocated < MEGABYTE


@pytest.mark.skipif(os.environ.get("WEFT_CACHE_BYTES") == "0", reason="nothing is kept")
def test_empty_cache_gives_memory_back() -> None:
    weft.zeros(4 * MEGABYTE)
    assert weft.memory.stats().cached >= 16 * MEGABYTE
    weft.memory.empty_cache()
    assert weft.memory.stats().cached < 16 * MEGABYTE


@pytest.mark.parametrize("export", [weft.Tensor.numpy, weft.to_dlpack, memoryview])
def test_an_export_that_is_refused_lets_its_tensor_go(export: Callable[[weft.Tensor], object]) -> None:
    before = weft.memory.stats().allocated
    for _ in range(8):
        with pytest.raises(TypeError, match="BFloat16"):
            export(weft.zeros(MEGABYTE, dtype=weft.bfloat16))
    assert weft.memory.stats().allocated - before < MEGABYTE
