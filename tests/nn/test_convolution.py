"""Convolutions of shapes that take ways of their own, against sums over the taps in float64."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import weft
from weft.nn import functional as F

# input shape, outputs, kernel, options
CASES: dict[str, tuple[tuple[int, ...], int, tuple[int, ...], dict[str, Any]]] = {
    "wide planes": ((2, 5, 9, 30), 33, (3, 3), {"padding": 1}),
    "wide planes in several blocks": ((1, 3, 41, 61), 17, (3, 3), {"padding": 1}),
    "wide planes of one channel": ((2, 1, 28, 28), 32, (5, 5), {"padding": 2}),
    "wide planes, 7x7, stride 2": ((2, 3, 51, 70), 15, (7, 7), {"padding": 3, "stride": 2}),
    "wide planes, 1x1, stride 2": ((2, 6, 19, 57), 18, (1, 1), {"stride": 2}),
    "wide planes, stride 3 and dilation 2": (
        (1, 4, 20, 90),
        9,
        (3, 4),
        {"padding": (2, 5), "stride": 3, "dilation": 2},
    ),
    "wide planes, stride of rows alone": ((1, 4, 20, 40), 9, (2, 3), {"stride": (3, 1)}),
    "wide planes, padding beyond the plane": ((1, 2, 3, 20), 4, (5, 5), {"padding": 7}),
    "wide planes in groups": ((2, 12, 7, 40), 30, (3, 3), {"padding": 1, "groups": 6}),
    "long rows": ((2, 6, 1100), 20, (3,), {"padding": 1}),
    "long rows, dilated": ((2, 6, 500), 20, (5,), {"padding": 4, "dilation": 2}),
    "volumes": ((2, 3, 4, 6, 26), 16, (3, 3, 3), {"padding": 1}),
    "volumes, strided": ((1, 3, 9, 9, 60), 5, (2, 3, 3), {"padding": (0, 1, 1), "stride": 2}),
    "groups of 2": ((2, 32, 13, 11), 32, (3, 3), {"padding": 1, "groups": 16}),
    "groups of 4": ((2, 32, 13, 11), 32, (3, 3), {"padding": 1, "groups": 8}),
    "groups of 8": ((2, 48, 10, 15), 48, (3, 2), {"stride": (2, 1), "groups": 6}),
    "groups of 4, dilated": ((3, 16, 13, 11), 16, (3, 3), {"padding": 2, "dilation": 2, "groups": 4}),
    "small images of many channels": ((5, 70, 7, 7), 65, (3, 3), {"padding": 1}),
    "many filters": ((3, 120, 7, 6), 512, (3, 3), {"padding": 1}),
    "many filters, strided": ((2, 530, 6, 7), 540, (2, 3), {"padding": (0, 1), "stride": 2}),
    "many filters, batch of 1": ((1, 270, 9, 8), 520, (2, 2), {}),
    "patches of even sizes": ((3, 32, 28, 30), 64, (3, 3), {"padding": 1}),
    "patches of odd sizes": ((2, 48, 33, 45), 80, (3, 3), {}),
    "patches of small images": ((19, 64, 9, 10), 48, (3, 3), {"padding": 1}),
    "patches of many channels": ((3, 208, 14, 13), 80, (3, 3), {"padding": 2}),
    "patches of dilated kernels": ((2, 48, 27, 30), 48, (3, 3), {"padding": 2, "dilation": 2}),
    "patches of kernels dilated one way": ((2, 48, 29, 33), 64, (3, 3), {"padding": (0, 2), "dilation": (1, 2)}),
    "patches of volumes": ((1, 32, 9, 12, 17), 48, (3, 3, 3), {"padding": 1}),
    "patches of volumes, two deep": ((2, 16, 6, 23, 22), 48, (2, 3, 3), {}),
    "patches of kernels of 5": ((5, 48, 20, 23), 64, (5, 5), {"padding": 2}),
    "patches of kernels of 7 and 4": ((4, 64, 31, 30), 64, (7, 4), {"padding": 3}),
    "patches of strided kernels of 4": ((9, 64, 31, 28), 64, (4, 4), {"padding": 1, "stride": 2}),
    "patches of strided kernels of 3": ((5, 128, 77, 61), 128, (3, 3), {"padding": 1, "stride": 2}),
    "patches of kernels strided one way": ((4, 48, 30, 44), 64, (5, 5), {"padding": 2, "stride": (1, 2)}),
    "patches of strided and dilated kernels": ((2, 64, 44, 42), 64, (3, 3), {"stride": 2, "dilation": 2}),
    "patches of strided kernels of 5": ((5, 64, 39, 40), 128, (5, 5), {"padding": 2, "stride": 2}),
    "patches of lines": ((12, 144, 200), 112, (7,), {"padding": 4}),
    "patches of long lines": ((5, 64, 1001), 80, (6,), {"padding": 2}),
    "patches of dilated lines": ((9, 128, 250), 128, (7,), {"padding": 6, "dilation": 2}),
    "patches of strided volumes": ((1, 32, 5, 37, 36), 64, (3, 4, 5), {"padding": 1, "stride": (1, 2, 2)}),
    "a large weight": ((3, 200, 7, 5), 150, (3, 3), {"padding": 1}),
    "a large weight, strided": ((2, 170, 9, 12), 190, (3, 3), {"stride": (2, 3)}),
    "a large weight, dilated": ((2, 170, 9, 12), 190, (3, 3), {"padding": 2, "dilation": 2}),
    "a large weight and many points": ((70, 90, 33), 120, (33,), {"padding": 16}),
    "a large weight of volumes": ((2, 110, 3, 4, 5), 100, (3, 3, 3), {"padding": 1}),
    "points": ((3, 40, 11, 13), 50, (1, 1), {}),
    "points of few channels": ((1, 5, 40, 30), 3, (1, 1), {}),
    "points of one column": ((2, 24, 9, 1), 33, (1, 1), {}),
    "one point for each image": ((7, 48, 1, 1), 20, (1, 1), {}),
    "points of a line": ((2, 30, 1, 70), 65, (1, 1), {}),
    "a large weight in groups": ((2, 240, 6, 6), 320, (3, 5), {"padding": 2, "groups": 2}),
}


def _over_taps(
    x: np.ndarray, weight: np.ndarray, grad: np.ndarray, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Output, gradient of the input and of the weight."""
    axes = x.ndim - 2
    stride, padding, dilation = (
        v if isinstance(v, tuple) else (v,) * axes
        for v in (options.get("stride", 1), options.get("padding", 0), options.get("dilation", 1))
    )
    groups, batch = options.get("groups", 1), len(x)
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    out, to_input, to_weight = np.zeros_like(grad), np.zeros_like(padded), np.zeros_like(weight)
    split = lambda a: a.reshape(batch, groups, -1, *a.shape[2:])  # noqa: E731 - a view, written through
    filters, filter_grads = (w.reshape(groups, -1, *w.shape[1:]) for w in (weight, to_weight))
    for tap in itertools.product(*(range(k) for k in weight.shape[2:])):
        places = tuple(
            slice(k * d, k * d + (n - 1) * s + 1, s)
            for k, d, s, n in zip(tap, dilation, stride, grad.shape[2:], strict=True)
        )
        window = split(padded)[(slice(None),) * 3 + places]
        w = filters[(slice(None),) * 3 + tap]
        split(out)[...] += np.einsum("goc,bgc...->bgo...", w, window, optimize=True)
        split(to_input)[(slice(None),) * 3 + places] += np.einsum("goc,bgo...->bgc...", w, split(grad), optimize=True)
        filter_grads[(slice(None),) * 3 + tap] += np.einsum(
            "bgop,bgcp->goc",
            split(grad).reshape(batch, groups, len(weight) // groups, -1),
            window.reshape(*window.shape[:3], -1),
            optimize=True,
        )
    inside = tuple(slice(p, p + n) for p, n in zip(padding, x.shape[2:], strict=True))
    return out, to_input[(slice(None),) * 2 + inside], to_weight


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["planes", "channels last"])
@pytest.mark.parametrize("case", CASES)
def test_convolution_is_the_sum_over_its_taps(case: str, layout: str, dtype: str) -> None:
    shape, outputs, kernel, options = CASES[case]
    function = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[len(shape)]
    if layout == "channels last" and len(shape) != 4:
        pytest.skip("a layout of images")
    weft.manual_seed(5)
    numbers = getattr(weft, dtype)
    x = weft.randn(*shape, dtype=numbers)
    weight = weft.randn(outputs, shape[1] // options.get("groups", 1), *kernel, dtype=numbers)
    grad = weft.randn(*function(x, weight, **options).shape, dtype=numbers)
    if layout == "channels last":
        x, weight, grad = (t.contiguous(memory_format=weft.channels_last) for t in (x, weight, grad))

    x, weight = x.requires_grad_(), weight.requires_grad_()
    out = function(x, weight, **options)
    found = [out.detach(), *weft.autograd.grad(out, (x, weight), grad)]

    wanted = _over_taps(*(t.detach().double().contiguous().numpy() for t in (x, weight, grad)), options)
    taps = int(np.prod(kernel))
    terms = [shape[1] * taps, outputs * taps, grad.numel() // outputs]
    for name, a, b, n in zip(("output", "input", "weight"), found, wanted, terms, strict=True):
        bound = 8 * n**0.5 * float(weft.finfo(numbers).eps) * max(1.0, float(np.abs(b).max()))
        np.testing.assert_allclose(a.double().numpy(), b, rtol=0, atol=bound, err_msg=name)


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("patches of")])
def test_patches_are_another_way(case: str) -> None:
    """The cases so named do go by patches, which round differently."""
    shape, outputs, kernel, options = CASES[case]
    function = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[len(shape)]
    x, weight = weft.randn(*shape), weft.randn(outputs, shape[1], *kernel, requires_grad=True)
    out = function(x, weight, **options)
    grad = weft.randn(*out.shape)
    gradient = weft.autograd.grad(out, [weight], grad)[0]
    with weft.backends.nnpack.flags(enabled=False):
        direct = function(x, weight, **options)
        direct_gradient = weft.autograd.grad(direct, [weight], grad)[0]
    assert not weft.equal(out, direct)
    if case in ("patches of many channels", "patches of dilated lines"):  # all transformed at once
        assert not weft.equal(gradient, direct_gradient)
    if case in ("patches of even sizes", "patches of volumes", "patches of long lines"):  # block by block
        assert not weft.equal(gradient, direct_gradient)


@pytest.mark.parametrize("stride", [1, 2])
def test_bias_of_wide_planes_is_added_once(stride: int) -> None:
    x, weight, bias = weft.randn(2, 3, 33, 70), weft.randn(20, 3, 3, 3), weft.randn(20)
    without = F.conv2d(x, weight, stride=stride)
    bound = 4 * float(weft.finfo(weft.float32).eps) * float(without.abs().max() + bias.abs().max()) * 27**0.5
    difference = F.conv2d(x, weight, bias, stride=stride) - (without + bias.view(-1, 1, 1))
    assert float(difference.abs().max()) <= bound


def test_values_between_the_rows_of_planes_do_not_reach_a_point() -> None:
    """Tiles of points go on from row to row, over places where the padding of both rows is read."""
    x = weft.ones(1, 2, 5, 27)
    x[:, :, 2] = float("nan")
    out = F.conv2d(x, weft.ones(3, 2, 1, 3), padding=(0, 1))
    assert out.isnan().any(dim=3)[0, 0].tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("layout", ["planes", "channels last"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_a_value_beyond_the_range_reaches_the_points_that_see_it_alone(value: float, layout: str) -> None:
    """Patches of results share their sums, in which 3e38 overflows and an infinity spoils its neighbours."""
    weft.manual_seed(3)
    x, weight = weft.rand(2, 64, 20, 22), weft.full((65, 64, 3, 3), 1e-3)
    x[1, 7, 5, 6] = value
    if layout == "channels last":
        x = x.contiguous(memory_format=weft.channels_last)
    out = F.conv2d(x, weight, padding=1)
    wanted = F.conv2d(x.double(), weight.double(), padding=1)
    assert int((~out.isfinite()).sum()) == (0 if value == 3e38 else 9 * 65)
    weft.testing.assert_close(out.double(), wanted, rtol=1e-5, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 3e38])
def test_a_gradient_beyond_the_range_reaches_the_filters_it_belongs_to_alone(value: float) -> None:
    weft.manual_seed(3)
    x, grad = weft.rand(2, 32, 20, 22) * 1e-3, weft.rand(2, 48, 20, 22)
    grad[1, 7, 5, 6:8] = value
    found, wanted = (
        weft.autograd.grad(F.conv2d(a, weight, padding=1), [weight], [b])[0].double()
        for a, b, weight in (
            (x, grad, weft.ones(48, 32, 3, 3, requires_grad=True)),
            (x.double(), grad.double(), weft.ones(48, 32, 3, 3, dtype=weft.float64, requires_grad=True)),
        )
    )
    assert int((~found.isfinite()).sum()) == (0 if value == 3e38 else 32 * 9)
    weft.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5, equal_nan=True)


def test_bias_of_patches_is_added_once_and_rectified() -> None:
    x, weight, bias = weft.randn(2, 64, 21, 30), weft.randn(72, 64, 3, 3), weft.randn(72)
    out = F.relu(F.conv2d(x, weight, bias, padding=1))
    wanted = F.relu(F.conv2d(x.double(), weight.double(), bias.double(), padding=1))
    bound = 8 * 576**0.5 * float(weft.finfo(weft.float32).eps) * float(wanted.abs().max())
    assert float((out.double() - wanted).abs().max()) <= bound


@pytest.mark.parametrize("layout", [weft.contiguous_format, weft.channels_last])
def test_a_huge_pixel_under_a_weight_of_zero_is_not_seen_without_winograds_way(layout: weft.memory_format) -> None:
    weft.manual_seed(5)
    x, weight = weft.rand(2, 64, 20, 22), weft.rand(64, 64, 3, 3)
    weight[:, :, 1, 1] = 0
    x[1, 7, 5, 6] = 1e8
    x = x.contiguous(memory_format=layout)
    wanted = F.conv2d(x.double(), weight.double(), padding=1)[1, :, 5, 6]
    with weft.backends.nnpack.flags(enabled=False):
        out = F.conv2d(x, weight, padding=1)[1, :, 5, 6]
        assert weft.allclose(out.double(), wanted, rtol=1e-5)
    assert weft.backends.nnpack.set_flags(True) == (True,)
    patches = F.conv2d(x, weight, padding=1)[1, :, 5, 6]
    assert not weft.allclose(patches.double(), wanted, rtol=1e-5)  # what the switch is for


@pytest.mark.parametrize("layout", [weft.contiguous_format, weft.channels_last])
def test_a_huge_gradient_over_a_pixel_of_zero_is_not_seen_without_winograds_way(layout: weft.memory_format) -> None:
    weft.manual_seed(5)
    x, grad = weft.rand(2, 64, 20, 22), weft.rand(2, 64, 20, 22)
    x[1, 7, 5, 6] = 0
    grad[1, 3, 5, 6] = 1e8

    def of_weight(a: weft.Tensor, b: weft.Tensor) -> weft.Tensor:
        weight = weft.zeros(64, 64, 3, 3, dtype=a.dtype, requires_grad=True)
        a, b = (t.contiguous(memory_format=layout) for t in (a, b))
        return weft.autograd.grad(F.conv2d(a, weight, padding=1), [weight], [b])[0][3, 7, 1, 1].double()

    wanted = of_weight(x.double(), grad.double())
    with weft.backends.nnpack.flags(enabled=False):
        assert weft.allclose(of_weight(x, grad), wanted, rtol=1e-5)
    assert not weft.allclose(of_weight(x, grad), wanted, rtol=1e-5)


@pytest.mark.parametrize("cut", ["whole", "columns", "rows", "images", "channels"])
def test_points_are_products_wherever_they_lie(cut: str) -> None:
    rng = np.random.default_rng(3)
    x = weft.from_numpy(rng.standard_normal((6, 12, 14, 40))).permute(0, 3, 1, 2)
    x = {"whole": x, "columns": x[..., 1:], "rows": x[:, :, 2:], "images": x[::2], "channels": x[:, 3:]}[cut]
    weight, bias = (
        weft.from_numpy(rng.standard_normal((30, x.shape[1], 1, 1))),
        weft.from_numpy(rng.standard_normal(30)),
    )
    exact = np.einsum("bchw,oc->bohw", x.numpy(), weight.numpy()[:, :, 0, 0]) + bias.numpy()[:, None, None]
    out = F.conv2d(x, weight, bias)
    assert np.abs(out.numpy() - exact).max() < 1e-12
    before = weft.get_num_threads()
    weft.set_num_threads(before + 3)
    try:
        assert weft.equal(F.conv2d(x, weight, bias), out)
    finally:
        weft.set_num_threads(before)
