"""Loops for special cases (small integers, reversed rows, long lines, few bins, huber) give the general result."""

from __future__ import annotations

import numpy
import pytest

import weft

SMALL = [weft.uint8, weft.int8, weft.int16, weft.int32]
BINARY = ["add", "sub", "mul", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"]
COMPARE = ["eq", "ne", "lt", "le", "gt", "ge"]


def numbers(dtype: weft.dtype, seed: int, count: int = 1000) -> weft.Tensor:
    info = weft.iinfo(dtype)
    values = numpy.random.default_rng(seed).integers(info.min, info.max + 1, count)
    values[:4] = info.min, info.max, 0, 1
    return weft.from_numpy(values).to(dtype)


@pytest.mark.parametrize("step", [1, 3], ids=["contiguous", "strided"])
@pytest.mark.parametrize("dtype", SMALL, ids=str)
@pytest.mark.parametrize("name", BINARY + COMPARE)
def test_binary_operators_are_those_of_int64_cut_off(name: str, dtype: weft.dtype, step: int) -> None:
    x, y = numbers(dtype, 1)[::step], numbers(dtype, 2).flip(0)[::step]
    result = getattr(weft, name)(x, y)
    exact = getattr(weft, name)(x.to(weft.int64), y.to(weft.int64))
    assert result.dtype == (weft.bool if name in COMPARE else dtype)
    assert weft.equal(result, exact.to(result.dtype))


@pytest.mark.parametrize("dtype", SMALL, ids=str)
@pytest.mark.parametrize("name", ["neg", "abs", "bitwise_not"])
def test_unary_operators_are_those_of_int64_cut_off(name: str, dtype: weft.dtype) -> None:
    x = numbers(dtype, 3)
    assert weft.equal(getattr(weft, name)(x), getattr(weft, name)(x.to(weft.int64)).to(dtype))


@pytest.mark.parametrize("dtype", SMALL, ids=str)
def test_numbers_wrap_around_with_small_integers(dtype: weft.dtype) -> None:
    x = numbers(dtype, 4)
    wide = x.to(weft.int64)
    assert weft.equal(x + 100_000, (wide + 100_000).to(dtype))
    assert weft.equal(weft.add(x, x, alpha=3), (4 * wide).to(dtype))
    assert weft.equal(weft.where(wide > 0, x, -1), weft.where(wide > 0, wide, -1).to(dtype))


def test_huber_and_smooth_l1_have_first_and_second_derivatives() -> None:
    values = numpy.random.default_rng(0).uniform(-2, 2, (2, 40))
    values[0][numpy.abs(numpy.abs(values[0] - values[1]) - 0.7) < 1e-3] += 0.01  # not on the kink
    x, y = (weft.tensor(row, requires_grad=True) for row in values)
    for loss in (
        lambda a, b: weft.nn.functional.huber_loss(a, b, reduction="sum", delta=0.7),
        lambda a, b: weft.nn.functional.smooth_l1_loss(a, b, reduction="sum", beta=0.7),
    ):
        assert weft.autograd.gradcheck(loss, (x, y))
        assert weft.autograd.gradgradcheck(loss, (x, y))


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("dtype", [weft.uint8, weft.int16, weft.float32, weft.float64, weft.complex128], ids=str)
def test_flip_reverses_rows_of_any_element_size(dtype: weft.dtype, step: int) -> None:
    x = weft.arange(3 * 77).reshape(3, 77).to(dtype)[:, ::step]
    assert numpy.array_equal(x.flip(1).numpy(), x.numpy()[:, ::-1])


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64], ids=str)
def test_a_long_line_has_the_running_sums_of_numpy(dtype: weft.dtype) -> None:
    values = numpy.random.default_rng(0).standard_normal(300_007)
    ours = weft.tensor(values, dtype=dtype).cumsum(0).numpy()
    exact = numpy.cumsum(weft.tensor(values, dtype=dtype).numpy().astype(numpy.longdouble))
    assert numpy.abs(ours - exact).max() < 100 * numpy.finfo(ours.dtype).eps * numpy.abs(exact).max()


@pytest.mark.parametrize("bins", [3, 5000])
def test_bincount_counts_few_and_many_bins(bins: int) -> None:
    values = numpy.random.default_rng(0).integers(0, bins, 50_001)
    assert numpy.array_equal(weft.bincount(weft.from_numpy(values)).numpy(), numpy.bincount(values))
    with pytest.raises(RuntimeError, match="non-negative"):
        weft.bincount(weft.tensor([3, -1]))
