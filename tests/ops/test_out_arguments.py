"""What may be given as out=: the dtype of the result unless the operator casts, and memory that is not read meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import weft

Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("call", "dtype"),
    [
        (lambda out: weft.matmul(weft.ones(2, 2), weft.ones(2, 2), out=out), weft.float64),
        (lambda out: weft.amax(weft.ones(2), out=out), weft.float64),
        (lambda out: weft.argmax(weft.ones(2), out=out), weft.float32),
        (lambda out: weft.gather(weft.ones(2), 0, weft.tensor([0]), out=out), weft.int64),
        (lambda out: weft.floor(weft.ones(2), out=out), weft.float64),
        (lambda out: weft.isposinf(weft.ones(2), out=out), weft.float32),
        (lambda out: weft.tensordot(weft.ones(2), weft.ones(2), 1, out=out), weft.float64),
        (lambda out: weft.sort(weft.ones(2), out=(weft.empty(0), out)), weft.int32),
    ],
    ids=["matmul", "amax", "argmax", "gather", "floor", "isposinf", "composition", "second of two"],
)
def test_another_dtype_is_refused_where_nothing_is_cast(call: Call, dtype: weft.dtype) -> None:
    out = weft.zeros(0, dtype=dtype)
    with pytest.raises(RuntimeError, match="dtype"):
        call(out)
    assert out.numel() == 0  # nothing was written


@pytest.mark.parametrize(
    "call",
    [
        lambda out: weft.add(weft.ones(2), weft.ones(2), out=out),
        lambda out: weft.sum(weft.ones(2, 2), 0, out=out),
        lambda out: weft.cat([weft.full((2,), 2.0)], out=out),
        lambda out: weft.hstack([weft.full((2,), 2.0)], out=out),
        lambda out: weft.cumsum(weft.full((2,), 2.0), 1 - 1, out=out),
    ],
    ids=["pointwise", "reduction", "native", "composition", "scan"],
)
def test_operators_that_cast_write_into_another_dtype(call: Call) -> None:
    out = weft.zeros(0, dtype=weft.float64)
    assert call(out) is out
    assert out.dtype == weft.float64
    assert out[0] == 2.0


@pytest.mark.parametrize(
    "call",
    [
        lambda x: weft.gather(x, 0, weft.tensor([0, 1]), out=x[:2]),
        lambda x: weft.index_select(x, 0, weft.tensor([0, 1]), out=x[1:3]),
        lambda x: weft.masked_select(x, weft.ones(4, dtype=weft.bool), out=x),
        lambda x: weft.take(x, weft.tensor([3]), out=x[3:]),
        lambda x: weft.cat([weft.ones(1), x[:2]], out=x[1:]),
    ],
    ids=["gather", "index_select", "masked_select", "take", "cat"],
)
def test_memory_that_is_still_read_is_not_written(call: Call) -> None:
    x = weft.arange(4.0)
    with pytest.raises(RuntimeError, match="single memory location"):
        call(x)
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_neighbours_in_one_storage_do_not_share_memory() -> None:
    x = weft.arange(4.0)
    weft.gather(x[:2], 0, weft.tensor([1, 0]), out=x[2:])
    assert x.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_elements_that_overlap_are_not_resized_either() -> None:
    with pytest.raises(RuntimeError):
        weft.add(weft.ones(3), 1, out=weft.ones(1).expand(5))


def test_nothing_is_written_into_a_leaf_among_several_results() -> None:
    leaf = weft.zeros(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        weft.sort(weft.ones(2), out=(leaf, weft.zeros(2, dtype=weft.int64)))
