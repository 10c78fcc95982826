"""Indexing reports what is out of range; sorting knows NaN; duplicates are deterministic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import weft
from weft import _core

NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: weft.ones(3).gather(0, weft.tensor([5])), RuntimeError, "index 5 is out of bounds for dimension 0"),
        (lambda: weft.ones(3).gather(0, weft.tensor([-1])), RuntimeError, "index -1 is out of bounds"),
        (lambda: weft.ones(3).scatter(0, weft.tensor([3]), 1.0), RuntimeError, "index 3 is out of bounds"),
        (lambda: weft.ones(3).index_select(0, weft.tensor([3])), IndexError, "index out of range in self"),
        (lambda: weft.ones(3).take(weft.tensor([3])), IndexError, "index 3 on a tensor of 3 elements"),
        (lambda: weft.ones(3)[weft.tensor([0, 7])], IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
        (lambda: _core.nn.embedding(weft.tensor([4]), weft.ones(4, 2)), IndexError, "index out of range in self"),
        (lambda: _core.nn.cross_entropy(weft.ones(1, 2), weft.tensor([2])), IndexError, "Target 2 is out of bounds"),
        (lambda: weft.ones(3).topk(4), RuntimeError, "selected index k out of range"),
        (lambda: weft.ones(3).kthvalue(0), RuntimeError, "out of range for dimension 0"),
    ],
)
def test_out_of_range_is_reported(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_bad_index_writes_nothing() -> None:
    target = weft.zeros(3)
    with pytest.raises(RuntimeError):
        target.scatter_add_(0, weft.tensor([0, 9]), weft.ones(2))
    assert target.tolist() == [0, 0, 0]


def test_nan_sorts_last_and_first_in_descending_order() -> None:
    values = weft.tensor([NAN, 1.0, NAN, -1.0])
    assert values.sort().indices.tolist() == [3, 1, 0, 2]
    assert values.sort(descending=True).indices.tolist() == [0, 2, 1, 3]


def test_zeros_of_either_sign_are_equal() -> None:
    assert weft.tensor([0.0, -0.0, 0.0]).sort().indices.tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [5, 40, 700, 20_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.int8])
def test_sort_is_stable(size: int, dtype: Any) -> None:
    values = np.random.default_rng(size).integers(0, 20, size).astype(dtype)
    indices = weft.from_numpy(values).argsort().tolist()
    assert indices == np.argsort(values, kind="stable").tolist()


def test_sort_of_int64_spans_the_whole_range() -> None:
    values = np.array([2**63 - 1, -(2**63), 0, -1, 1] * 20)
    assert weft.from_numpy(values).sort().values.tolist() == np.sort(values).tolist()


@pytest.mark.parametrize("k", [1, 7, 300, 1000])
def test_topk_is_the_head_of_sort(k: int) -> None:
    values = weft.from_numpy(np.random.default_rng(k).normal(size=(3, 1000)))
    top = values.topk(k)
    ordered = values.sort(descending=True)
    assert top.values.tolist() == ordered.values[:, :k].tolist()
    assert top.indices.tolist() == ordered.indices[:, :k].tolist()


def test_median_of_a_line_with_nan_is_nan_and_nanmedian_is_not() -> None:
    values = weft.tensor([[3.0, NAN, 1.0, 2.0]])
    assert np.isnan(values.median(1).values.item())
    assert values.median(1).indices.item() == 1
    assert values.nanmedian(1).values.item() == 2


def test_last_of_duplicate_writes_wins() -> None:
    index = weft.tensor([1, 1, 1])
    assert weft.zeros(2).scatter(0, index, weft.tensor([1.0, 2.0, 3.0])).tolist() == [0, 3]
    assert weft.zeros(2).index_copy(0, index, weft.tensor([1.0, 2.0, 3.0])).tolist() == [0, 3]


def test_embedding_leaves_out_the_padding_row() -> None:
    weight = weft.ones(3, 2, requires_grad=True)
    _core.nn.embedding(weft.tensor([0, 1, 1]), weight, 0).sum().backward()
    assert weight.grad is not None
    assert weight.grad.tolist() == [[0, 0], [2, 2], [0, 0]]


def test_ignored_targets_add_nothing() -> None:
    logits = weft.tensor([[1.0, 2.0], [float("inf"), 0.0]], requires_grad=True)
    loss = _core.nn.cross_entropy(logits, weft.tensor([0, -100]))
    loss.backward()
    assert np.isclose(loss.item(), np.log1p(np.e))
    assert logits.grad is not None
    assert logits.grad[1].tolist() == [0, 0]
