"""Loops for special cases (small integers, reversed rows, long lines, few bins, huber) give the general result."""

from __future__ import annotations

import numpy
import pytest
import scipy.special

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


@pytest.mark.parametrize("count", [50_001, 300_007])
@pytest.mark.parametrize("bins", [3, 5000])
def test_bincount_counts_few_and_many_bins(bins: int, count: int) -> None:
    values = numpy.random.default_rng(0).integers(0, bins, count)
    assert numpy.array_equal(weft.bincount(weft.from_numpy(values)).numpy(), numpy.bincount(values))
    with pytest.raises(RuntimeError, match="non-negative"):
        weft.bincount(weft.tensor([3, -1]))


def test_histc_counts_the_largest_element_in_the_last_interval() -> None:
    values = numpy.random.default_rng(0).standard_normal(200_003)
    counts = weft.histc(weft.from_numpy(values), bins=7)
    assert numpy.array_equal(counts.numpy(), numpy.histogram(values, 7)[0])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "complex128"])
@pytest.mark.parametrize("widths", [(300, 1, 77), (1, 1, 1), (64, 0, 200)], ids=str)
def test_cat_joins_rows_of_every_width(widths: tuple[int, ...], dtype: str) -> None:
    parts = [numpy.random.default_rng(w).integers(0, 99, (50, w, 3)).astype(dtype) for w in widths]
    whole = numpy.concatenate(parts, 1)
    assert numpy.array_equal(weft.cat([weft.from_numpy(p) for p in parts], 1).numpy(), whole)
    views = [weft.from_numpy(p.transpose(2, 1, 0).copy()).transpose(0, 2) for p in parts]
    assert numpy.array_equal(weft.cat(views, 1).numpy(), whole)


@pytest.mark.parametrize("function", ["exp", "log"])
def test_float64_is_right_to_the_last_place(function: str) -> None:
    rng = numpy.random.default_rng(0)
    x = rng.uniform(-745, 709, 20_000)
    values = numpy.concatenate([x, rng.standard_normal(20_000)])
    if function == "log":
        values = numpy.concatenate([numpy.exp(x), rng.uniform(0.5, 2, 20_000)])
    exact = getattr(numpy, function)(values.astype(numpy.longdouble))
    ours = getattr(weft, function)(weft.from_numpy(values)).numpy()
    assert (numpy.abs(ours - exact) <= numpy.spacing(numpy.abs(exact.astype(float)))).all()  # stated: 1 ulp
    ends = numpy.array([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, -1.0, 5e-324, 709.79, -746.0])
    with numpy.errstate(all="ignore"):
        expected = getattr(numpy, function)(ends)
    assert numpy.allclose(getattr(weft, function)(weft.from_numpy(ends)).numpy(), expected, 1e-15, 0, equal_nan=True)


@pytest.mark.parametrize("function", ["sin", "cos"])
@pytest.mark.parametrize("reach", [3.0, 3e4, 3e6, 3e9])
def test_sines_of_near_and_far_arguments(function: str, reach: float) -> None:
    rng = numpy.random.default_rng(0)
    x = rng.uniform(-reach, reach, 1_000_000).astype(numpy.float32)
    x[::7] = (rng.integers(-1000, 1000, x[::7].size) * (numpy.pi / 2)).astype(
        numpy.float32
    )  # where the result is near 0
    x[100:2000:97] = numpy.tile(numpy.array([0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan], numpy.float32), 4)
    with numpy.errstate(invalid="ignore"):
        exact = getattr(numpy, function)(x.astype(float))
    ours = getattr(weft, function)(weft.from_numpy(x)).numpy()
    finite = numpy.isfinite(x)
    ulp = numpy.spacing(numpy.abs(exact[finite].astype(numpy.float32)))
    assert (numpy.abs(ours[finite] - exact[finite]) <= 1.6 * ulp).all()  # as stated
    assert numpy.isnan(ours[~finite]).all()
    if function == "sin":
        assert numpy.array_equal(numpy.signbit(ours[x == 0]), numpy.signbit(x[x == 0]))
    in_place = weft.from_numpy(x.copy())
    getattr(in_place, function + "_")()
    assert numpy.array_equal(in_place.numpy(), ours, equal_nan=True)


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 100])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
def test_index_select_picks_columns_of_every_element_size(dtype: str, columns: int) -> None:
    x = numpy.arange(5 * 50).reshape(5, 50).astype(dtype)
    index = numpy.random.default_rng(0).integers(0, 50, columns)
    assert numpy.array_equal(weft.from_numpy(x).index_select(1, weft.from_numpy(index)).numpy(), x[:, index])
    with pytest.raises(IndexError):
        weft.from_numpy(x).index_select(1, weft.tensor([0, 50]))


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


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(
    ("shape", "dim"), [((5000,), 0), ((70, 10), 1), ((70, 1500), 1), ((700, 33), 0), ((9, 20, 7), (0, 2))]
)
def test_bfloat16_is_summed_as_float32(shape: tuple[int, ...], dim: int | tuple[int, ...], reduction: str) -> None:
    x = weft.randn(*shape, 2).to(weft.bfloat16)
    for each in (x[..., 0], x[..., 0].contiguous()):
        wanted = getattr(each.float(), reduction)(dim).to(weft.bfloat16)
        assert weft.equal(getattr(each, reduction)(dim), wanted)


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.int64, weft.bool], ids=str)
@pytest.mark.parametrize("n", [1, 3, 8, 10, 16, 31, 33])
def test_the_first_extreme_of_a_short_row_is_found(n: int, dtype: weft.dtype) -> None:
    values = numpy.random.default_rng(n).integers(-2, 3, (37, n))
    x = weft.from_numpy(values).to(dtype)
    for name in ("max", "min"):
        found, index = getattr(x, name)(1)
        wanted = getattr(numpy, f"arg{name}")(x.numpy(), axis=1)
        assert index.tolist() == wanted.tolist()
        assert found.tolist() == numpy.take_along_axis(x.numpy(), wanted[:, None], 1)[:, 0].tolist()


def test_the_first_nan_of_a_short_row_is_its_extreme() -> None:
    x = weft.randn(40, 10)
    x[::3, 7] = x[::3, 4] = float("nan")
    x[5] = float("-inf")
    for name in ("max", "min"):
        found, index = getattr(x, name)(1)
        assert bool(found[::3].isnan().all())
        assert set(index[::3].tolist()) == {4}
        assert int(index[5]) == 0


@pytest.mark.parametrize("name", ["sum", "prod", "amax", "amin"])
@pytest.mark.parametrize("n", [1, 5, 15, 16, 17, 40, 300])
def test_a_row_has_the_same_bits_among_others_and_alone(n: int, name: str) -> None:
    x = weft.rand(37, n) + 0.5
    together = getattr(x, name)(1)
    assert weft.equal(together, weft.stack([getattr(x[i : i + 1], name)(1)[0] for i in range(37)]))


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.int64], ids=str)
@pytest.mark.parametrize("n", [511, 5000])
def test_the_kth_value_of_a_long_line_is_that_of_a_sort(n: int, dtype: weft.dtype) -> None:
    values = numpy.random.default_rng(n).normal(0, 30, n).round()  # with ties
    values[7] = values[9] = 1e9
    x = weft.from_numpy(values).to(dtype)
    ordered, order = x.sort(stable=True)
    for k in (1, 2, n // 3, n // 2, n - 1, n):
        value, index = x.kthvalue(k)
        assert (value.item(), index.item()) == (ordered[k - 1].item(), order[k - 1].item())


def test_a_long_scan_has_the_same_bits_on_one_thread_and_on_two() -> None:
    x = weft.randn(600_001)
    threads = weft.get_num_threads()
    results = []
    try:
        for count in (1, 2):
            weft.set_num_threads(count)
            results.append([x.cumsum(0), (1 + x * 1e-6).cumprod(0), x.logcumsumexp(0)])
    finally:
        weft.set_num_threads(threads)
    assert all(weft.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("dim", [0, 1])
def test_logsumexp_of_infinities_and_nan(dim: int) -> None:
    inf, nan = float("inf"), float("nan")
    x = weft.tensor([[-inf, -inf, -inf], [inf, 0, -inf], [inf, inf, 1], [nan, 0, 1], [0, 0, 0]])
    if dim == 0:
        x = x.t().contiguous()
    result = x.logsumexp(dim).tolist()
    assert result[:3] == [-inf, inf, inf]
    assert numpy.isnan(result[3])
    assert result[4] == pytest.approx(numpy.log(3))


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_a_bag_of_embeddings_is_the_reduction_of_its_rows(mode: str) -> None:
    weight = weft.randn(50, 70, dtype=weft.float64, requires_grad=True)
    index = weft.randint(0, 50, (6, 9))
    found = weft.nn.functional.embedding_bag(index, weight, mode=mode)
    wanted = getattr(weight[index], mode)(1)
    assert weft.allclose(found, wanted, rtol=1e-14, atol=1e-14)
    grads = [weft.autograd.grad(out.square().sum(), weight)[0] for out in (found, wanted)]
    assert weft.allclose(*grads, rtol=1e-13, atol=1e-13)
    with pytest.raises(IndexError, match="out of range"):
        weft.nn.functional.embedding_bag(index + 45, weight, mode=mode)


@pytest.mark.parametrize("name", ["mse_loss", "binary_cross_entropy_with_logits"])
def test_losses_of_elements_have_first_and_second_derivatives(name: str) -> None:
    x, y = (weft.rand(30, dtype=weft.float64, requires_grad=True) for _ in range(2))

    def loss(a: weft.Tensor, b: weft.Tensor) -> weft.Tensor:
        return getattr(weft.nn.functional, name)(3 * a, b)

    assert weft.autograd.gradcheck(loss, (x, y))
    assert weft.autograd.gradgradcheck(loss, (x, y))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_resizing_has_first_and_second_derivatives(mode: str) -> None:
    x = weft.randn(1, 2, 4, 5, dtype=weft.float64, requires_grad=True)

    def resized(a: weft.Tensor) -> weft.Tensor:
        return weft.nn.functional.interpolate(a, (7, 3), mode=mode).square()

    assert weft.autograd.gradcheck(resized, (x,))
    assert weft.autograd.gradgradcheck(resized, (x,))


def test_gelu_keeps_its_error_over_its_whole_range() -> None:
    bits = numpy.arange(0x33000000, 0x41800000, 211, dtype=numpy.uint32)  # 3e-8 to 16
    x = numpy.concatenate([bits.view(numpy.float32), -bits.view(numpy.float32)])
    exact = x * scipy.special.ndtr(x.astype(numpy.float64))
    result = weft.nn.functional.gelu(weft.from_numpy(x)).numpy()
    error = numpy.abs(result - exact)
    assert numpy.all(error <= 1.3e-7 * numpy.abs(x))
    for lowest, relative in ((-4, 2.2e-6), (-5, 2.4e-5), (-6, 7e-4)):
        tail = (x < 0) & (x >= lowest)
        assert numpy.all(error[tail] <= relative * numpy.abs(exact[tail]))
    edges = weft.tensor([0.0, -0.0, float("inf"), 1e38, -1e38, float("nan"), -20.0])
    for row in (edges, edges.repeat(40)):  # numbers one by one, and vectors
        values = weft.nn.functional.gelu(row).numpy()[:7]
        numpy.testing.assert_array_equal(values, numpy.float32([0, 0, numpy.inf, 1e38, 0, numpy.nan, 0]))


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.int64, weft.bool], ids=str)
@pytest.mark.parametrize(
    "shape", [(20_011, 10), (30_000, 8), (300, 7, 8), (2000, 8, 8), (5, 3001, 8), (3, 40_007, 9), (700, 300)], ids=str
)
def test_the_first_extreme_of_columns_joined_and_cut_on_any_threads(
    shape: tuple[int, ...], dtype: weft.dtype, name: str
) -> None:
    dim = len(shape) - 2
    values = numpy.random.default_rng(0).integers(-9, 9, shape).astype("float64")  # with ties
    if dtype.is_floating_point:
        values[..., shape[-2] // 2 :: 5, 3] = numpy.nan
    x = weft.from_numpy(values).to(dtype)
    wanted = getattr(numpy, "arg" + name)(x.numpy(), dim)
    threads = weft.get_num_threads()
    try:
        for count in (1, 2):
            weft.set_num_threads(count)
            found, index = getattr(x, name)(dim)
            assert numpy.array_equal(index.numpy(), wanted)
            picked = numpy.take_along_axis(x.numpy(), wanted[..., None, :], dim).squeeze(dim)
            assert numpy.array_equal(found.numpy(), picked, equal_nan=dtype.is_floating_point)
    finally:
        weft.set_num_threads(threads)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.int64, weft.bool], ids=str)
@pytest.mark.parametrize("n", [1, 31, 33, 200])
def test_a_running_extreme_of_a_line_is_that_of_a_column(n: int, dtype: weft.dtype, name: str) -> None:
    values = numpy.random.default_rng(n).normal(0, 3, (40, n)).round()  # with ties, and zeros of both signs
    if dtype.is_floating_point:
        values[::3, n // 2] = values[::6, -1] = numpy.nan
    x = weft.from_numpy(values).to(dtype)
    found, index = getattr(x, name)(1)
    wanted, place = getattr(x.t().contiguous(), name)(0)
    assert numpy.array_equal(index.numpy(), place.numpy().T)
    assert found.numpy().tobytes() == wanted.numpy().T.tobytes()
    oracle = getattr(numpy, "maximum" if name == "cummax" else "minimum").accumulate(x.numpy(), 1)
    assert numpy.array_equal(found.numpy(), oracle, equal_nan=dtype.is_floating_point)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 100, 300_000])
def test_products_of_a_line_go_through_zeros_and_infinities_in_its_order(n: int) -> None:
    values = numpy.exp(numpy.random.default_rng(n).normal(0, 1, (3, n))).astype("float32")
    values[1, n // 2] = 0
    values[2, n // 3] = numpy.inf
    values[2, 2 * n // 3] = 0
    values[0, n // 4 : n // 4 + 8] = 3e38  # eight of them have a finite product in double
    values[0, n // 2] = 0
    with numpy.errstate(all="ignore"):
        wanted = numpy.multiply.accumulate(values.astype("float64"), 1).astype("float32")
    found = weft.from_numpy(values).cumprod(1).numpy()
    assert numpy.allclose(found, wanted, rtol=2e-7, atol=1e-44, equal_nan=True)
