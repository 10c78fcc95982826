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


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int16, np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("n", [1, 63, 64, 65, 4097, 32_767, 32_769, 100_003])
def test_masks_choose_what_they_choose_in_numpy(n: int, dtype: Any) -> None:
    random = np.random.default_rng(n)
    values, drawn = random.integers(0, 100, n).astype(dtype), random.random(n)
    for share in (0.0, 0.01, 0.5, 1.0):
        mask = drawn < share
        x, m = weft.from_numpy(values), weft.from_numpy(mask)
        assert np.array_equal(x[m].numpy(), values[mask])
        assert np.array_equal(x.masked_select(m).numpy(), values[mask])
        assert np.array_equal(m.nonzero().numpy(), np.argwhere(mask))
        filled = values.copy()
        filled[mask] = values[: mask.sum()]
        assert np.array_equal(x.masked_scatter(m, x).numpy(), filled)
    plane = drawn[: n // 7 * 7].reshape(-1, 7) < 0.5
    assert np.array_equal(weft.from_numpy(plane).nonzero().numpy(), np.argwhere(plane))


def test_a_mask_of_all_elements_has_a_gradient_and_takes_values() -> None:
    x = weft.arange(6.0).view(2, 3).requires_grad_()
    mask = weft.tensor([[True, False, True], [False, False, True]])
    (x[mask] * weft.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1, 0, 2], [0, 0, 3]]
    y = weft.zeros(3, 2).t()
    y[mask] = weft.tensor([1.0, 2.0, 3.0])
    assert y.tolist() == [[1, 0, 2], [0, 0, 3]]
    assert y[mask].tolist() == [1, 2, 3]


@pytest.mark.parametrize("transposed", [False, True])
def test_indices_of_many_elements_are_those_of_numpy(transposed: bool) -> None:
    random = np.random.default_rng(3)
    values = random.random((70, 50, 12)).astype(np.float32)
    values = values.transpose(1, 0, 2) if transposed else values
    rows, columns = values.shape[:2]
    i, j = random.integers(-rows, rows, (300, 40)), random.integers(-columns, columns, (40,))
    x, a, b = weft.from_numpy(values), weft.from_numpy(i), weft.from_numpy(j)
    assert np.array_equal(x[a, b].numpy(), values[i, j])
    assert np.array_equal(x[a, b, 3].numpy(), values[i, j, 3])
    assert np.array_equal(x[a].numpy(), values[i])
    assert np.array_equal(x[a.t()].numpy(), values[i.T])
    assert np.array_equal(x[:, b].numpy(), values[:, j])
    assert np.array_equal(x[:, :, a % 12].numpy(), values[:, :, i % 12])
    assert np.array_equal(x[a.int(), b].numpy(), values[i, j])
    changed = values.copy()
    changed[i % rows, j] = 2.0
    x = x.clone()
    x[a % rows, b] = 2.0
    assert np.array_equal(x.numpy(), changed)
    a[200, 17] = rows
    with pytest.raises(IndexError, match=f"index {rows} is out of bounds for dimension 0 with size {rows}"):
        x[a, b]


@pytest.mark.parametrize("shape", [(40, 3, 5), (3, 40, 5), (3, 5, 40), (3, 40, 1), (40,), (600, 33)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_lines_along_any_dimension_are_those_along_the_last(shape: tuple[int, ...], dtype: Any) -> None:
    values = np.random.default_rng(1).integers(0, 50, shape).astype(dtype)
    x, dim = weft.from_numpy(values), int(np.argmax(shape))
    last = x.movedim(dim, -1).contiguous()
    for of in (
        lambda t, d: t.sort(d),
        lambda t, d: t.sort(d, descending=True),
        lambda t, d: (t.argsort(d),),
        lambda t, d: t.topk(3, d),
        lambda t, d: t.topk(shape[dim] - 1, d, largest=False),
        lambda t, d: tuple(r.unsqueeze(d) for r in t.kthvalue(7, d)),
        lambda t, d: t.median(d, keepdim=True),
    ):
        for found, expected in zip(of(x, dim), of(last, -1), strict=True):
            assert weft.equal(found, expected.movedim(-1, dim))
            assert found.is_contiguous()
    assert np.array_equal(x.sort(dim).values.numpy(), np.sort(values, dim))


@pytest.mark.parametrize("n", [0, 1, 2, 3, 31, 64, 1000])
@pytest.mark.parametrize("right", [False, True])
def test_values_are_searched_together_as_alone(n: int, right: bool) -> None:
    random = np.random.default_rng(n)
    rows, values = random.integers(0, 20, (3, n)), random.integers(-2, 22, (3, 37))
    order = np.argsort(rows, 1)
    sides = "right" if right else "left"
    expected = np.stack([np.searchsorted(np.sort(r), v, sides) for r, v in zip(rows, values, strict=True)])
    for dtype in (weft.float32, weft.int64):
        row, value = weft.from_numpy(rows).to(dtype), weft.from_numpy(values).to(dtype)
        assert np.array_equal(weft.searchsorted(row.sort(1).values, value, right=right).numpy(), expected)
        found = weft.searchsorted(row, value, right=right, sorter=weft.from_numpy(order))
        assert np.array_equal(found.numpy(), expected)
        one = weft.searchsorted(row[1].sort().values, value, right=right).numpy()
        assert np.array_equal(one, np.searchsorted(np.sort(rows[1]), values, sides))


@pytest.mark.parametrize("span", [1, 7, 1000, 2**40])
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.float32])
def test_distinct_values_are_those_of_numpy(span: int, dtype: Any) -> None:
    drawn = np.random.default_rng(span).integers(-(span // 2), span - span // 2, 5000)
    values = drawn.astype(dtype)
    found = weft.unique(weft.from_numpy(values), return_inverse=True, return_counts=True)
    for ours, expected in zip(found, np.unique(values, return_inverse=True, return_counts=True), strict=True):
        assert np.array_equal(ours.numpy(), expected)


@pytest.mark.parametrize("n", [511, 512, 3000, 17_000])
def test_kth_value_is_that_of_the_sorted_line(n: int) -> None:
    random = np.random.default_rng(n)
    for values in (random.standard_normal(n).astype(np.float32), random.integers(-5, 5, n)):
        x, ordered = weft.from_numpy(values), np.sort(values)
        for k in (1, 2, n // 3, n // 2, n - 1, n):
            value, index = x.kthvalue(k)
            assert value.item() == ordered[k - 1]
            assert values[index.item()] == ordered[k - 1]
        for k in (1, 5, n // 5):
            assert np.array_equal(x.topk(k).values.numpy(), ordered[::-1][:k])
            assert np.array_equal(x.topk(k, largest=False).values.numpy(), ordered[:k])
