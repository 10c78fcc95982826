"""The memory report follows tensors as they come and go."""

import gc
import os
import sys
import threading
import weakref
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


@pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="no list of spare objects there")
def test_spare_objects_of_ended_threads_are_used_again() -> None:
    def work() -> None:
        tensors = [weft.ones(1) for _ in range(64)]
        assert len({id(t) for t in tensors}) == 64
        del tensors
        gc.collect()

    def one_thread() -> None:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    for _ in range(3):
        one_thread()
    before = sys.getallocatedblocks()
    for _ in range(60):
        one_thread()
    assert sys.getallocatedblocks() - before < 10 * 32  # each thread keeps up to 32


def test_a_tensor_made_where_another_was_is_new() -> None:
    for i in range(200):
        tensor = weft.ones(2)
        assert tensor.grad is None
        assert tensor.__dict__ == {}
        assert weakref.getweakrefcount(tensor) == 0
        tensor.note = i
        kept = weakref.ref(tensor)
        del tensor
        assert kept() is None
