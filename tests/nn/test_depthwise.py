"""Depthwise convolutions against dense ones of the same weights in float64, which take another path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft
from weft.nn import functional as F

CASES: dict[str, tuple[tuple[int, ...], tuple[int, int], dict[str, Any]]] = {
    "3x3": ((2, 17, 19, 21), (3, 3), {"padding": 1}),
    "5x5 on a plane of 14": ((2, 40, 14, 14), (5, 5), {"padding": 2}),
    "7x7": ((1, 33, 23, 9), (7, 7), {"padding": 3}),
    "3x3, stride 2": ((2, 20, 15, 18), (3, 3), {"padding": 1, "stride": 2}),
    "5x5, stride 2": ((1, 130, 16, 13), (5, 5), {"padding": 2, "stride": 2}),
    "kernel smaller than the stride": ((2, 6, 11, 10), (1, 2), {"stride": (2, 3)}),
    "stride along one axis": ((1, 8, 12, 37), (4, 3), {"padding": (2, 1), "stride": (1, 2)}),
    "dilated": ((2, 19, 20, 24), (3, 3), {"padding": 2, "dilation": 2}),
    "dilated and strided": ((1, 5, 21, 40), (2, 3), {"padding": (1, 3), "dilation": (3, 2), "stride": (2, 3)}),
    "no padding": ((3, 16, 9, 33), (3, 2), {}),
    "padding beyond the plane": ((1, 3, 2, 3), (4, 4), {"padding": 3}),
    "one row": ((2, 4, 1, 300), (1, 7), {"padding": (0, 3)}),
}


def _passes(x: Any, weight: Any, bias: Any, grad: Any, groups: int, options: dict[str, Any]) -> list[Any]:
    x, weight, bias = (t.detach().requires_grad_() for t in (x, weight, bias))
    out = F.conv2d(x, weight, bias, groups=groups, **options)
    return [out, *weft.autograd.grad(out, (x, weight, bias), grad)]


@pytest.mark.parametrize("layout", ["planes", "channels last"])
@pytest.mark.parametrize("case", CASES)
def test_depthwise_is_the_dense_convolution_of_a_diagonal(case: str, layout: str) -> None:
    shape, kernel, options = CASES[case]
    channels = shape[1]
    weft.manual_seed(3)
    x, weight, bias = weft.randn(*shape), weft.randn(channels, 1, *kernel), weft.randn(channels)
    grad = weft.randn(*F.conv2d(x, weight, groups=channels, **options).shape)
    if layout == "channels last":
        x, grad = (t.contiguous(memory_format=weft.channels_last) for t in (x, grad))

    found = _passes(x, weight, bias, grad, channels, options)

    dense = weight.double() * weft.eye(channels, dtype=weft.float64).reshape(channels, channels, 1, 1)
    wanted = _passes(*(t.double() for t in (x, dense, bias, grad)), 1, options)
    wanted[2] = wanted[2].diagonal().permute(2, 0, 1).unsqueeze(1)
    terms = [kernel[0] * kernel[1]] * 2 + [grad.numel() // channels] * 2
    for name, a, b, n in zip(("output", "input", "weight", "bias"), found, wanted, terms, strict=True):
        bound = 2 * n**0.5 * 2**-24 * max(1.0, float(b.abs().max()))
        np.testing.assert_allclose(
            a.detach().double().numpy(), b.detach().numpy(), rtol=0, atol=8 * bound, err_msg=name
        )


def test_values_outside_the_windows_of_a_row_do_not_reach_its_gradient() -> None:
    """A row of 9 points is a group of 8 and one more: what only the last one reads must not meet the others' weights."""
    x = weft.randn(1, 16, 3, 11).contiguous(memory_format=weft.channels_last)
    x[0, 0, 1, 10] = float("inf")
    weight = weft.randn(16, 1, 3, 3).requires_grad_()
    F.conv2d(x, weight, groups=16).sum().backward()
    finite = weight.grad.isfinite()
    assert not bool(finite[0, 0, 1, 2])
    assert int(finite.logical_not().sum()) == 1
