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


@pytest.mark.parametrize("columns", [1, 2, 5, 63, 64, 65, 100, 127, 128, 200, 1001])
@pytest.mark.parametrize("shape", [(3, 1), (1,), (1, 1)], ids=["column", "one", "one of a row"])
def test_repeated_values_reach_every_element_once(columns: int, shape: tuple[int, ...]) -> None:
    rng = numpy.random.default_rng(columns)
    x, y = rng.random((3, columns)), rng.random(shape)
    a, b = weft.tensor(x), weft.tensor(y)
    assert numpy.array_equal((a - b).numpy(), x - y)
    assert numpy.array_equal((b - a).numpy(), y - x)
    a -= b  # nothing is subtracted twice from the elements at the end of a row
    assert numpy.array_equal(a.numpy(), x - y)


@pytest.mark.parametrize("count", [1, 64, 65, 130, 1000])
def test_every_second_element_is_read(count: int) -> None:
    values = numpy.random.default_rng(count).random(2 * count - 1)
    x = weft.from_numpy(values)[::2]
    assert numpy.array_equal((x * 2).numpy(), values[::2] * 2)
    assert weft.equal(x.to(weft.float32).double(), weft.from_numpy(values[::2].astype(numpy.float32)).double())


@pytest.mark.parametrize("row", [1, 3, 15, 16, 17, 64, 255, 256, 300])
def test_short_rows_are_copied_whole(row: int) -> None:
    values = numpy.random.default_rng(row).random((4, 7, 3, row), dtype=numpy.float32)
    assert numpy.array_equal(weft.from_numpy(values).transpose(1, 2).contiguous().numpy(), values.swapaxes(1, 2))


@pytest.mark.parametrize("offset", [0, 1, 7])
def test_copies_beyond_the_caches_are_whole(offset: int) -> None:
    source = weft.arange(9 << 20, dtype=weft.int32)
    target = weft.full((source.numel() + 9,), -1, dtype=weft.int32)
    target[offset : offset + source.numel()].copy_(source)
    assert weft.equal(target[offset : offset + source.numel()], source)
    assert target[:offset].eq(-1).all()
    assert target[offset + source.numel() :].eq(-1).all()


def test_float16_conversions_are_those_of_numpy() -> None:
    halves = numpy.arange(1 << 16, dtype=numpy.uint16).view(numpy.float16)
    halves = halves[~numpy.isnan(halves)]
    assert numpy.array_equal(weft.from_numpy(halves).float().numpy(), halves.astype(numpy.float32))
    bits = numpy.random.default_rng(0).integers(0, 1 << 32, 1 << 18, dtype=numpy.uint32)
    near = halves.astype(numpy.float32).view(numpy.uint32)  # halfway between two halves, and next to it
    floats = numpy.concatenate([bits, near + 0xFFF, near + 0x1000, near + 0x1001]).view(numpy.float32)
    with numpy.errstate(over="ignore", invalid="ignore"):
        expected = floats.astype(numpy.float16)
    result = weft.from_numpy(floats).half().numpy()
    assert numpy.array_equal(result, expected, equal_nan=True)
    assert numpy.array_equal(numpy.signbit(result), numpy.signbit(expected))
