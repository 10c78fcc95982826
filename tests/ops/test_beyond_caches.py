"""Outputs that no cache would hold are written past the caches, a little at a time: every element, and no other."""

from __future__ import annotations

import numpy
import pytest

import weft

COUNT = (32 << 20) // 4 + 77


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("start", [0, 1])
def test_floats_and_what_lies_around_them(start: int, threads: int) -> None:
    rng = numpy.random.default_rng(3)
    a, b = (rng.standard_normal(COUNT, dtype=numpy.float32) for _ in range(2))
    x, y = weft.from_numpy(a), weft.from_numpy(b)
    memory = weft.full((COUNT + 2,), 7.0)
    out = memory[start : start + COUNT]
    before = weft.get_num_threads()
    weft.set_num_threads(threads)
    try:
        weft.add(x, y, out=out)
        assert numpy.array_equal(out.numpy(), a + b)
        weft.mul(x, y.double(), out=out)  # converted
        assert numpy.array_equal(out.numpy(), (a * b.astype(numpy.float64)).astype(numpy.float32))
        weft.sub(x[:1], y, out=out)  # one value for all
        assert numpy.array_equal(out.numpy(), a[0] - b)
        weft.clamp(x, min=0.0, out=out)
        assert numpy.array_equal(out.numpy(), numpy.maximum(a, 0))
        out.add_(y)  # in place, and so through the caches
        assert numpy.array_equal(out.numpy(), numpy.maximum(a, 0) + b)
    finally:
        weft.set_num_threads(before)
    assert memory[:start].tolist() + memory[start + COUNT :].tolist() == [7.0, 7.0]


def test_elements_of_one_byte_and_of_eight() -> None:
    a = numpy.random.default_rng(4).integers(-100, 100, (32 << 20) + 5, dtype=numpy.int8)
    x = weft.from_numpy(a)
    assert numpy.array_equal((x > 3).numpy(), a > 3)
    some = a[: (4 << 20) + 3].astype(numpy.float64)
    assert numpy.array_equal((weft.from_numpy(some) + 0.5).numpy(), some + 0.5)
