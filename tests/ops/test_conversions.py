"""Operands of other types are converted a few elements at a time; results are those of converting them first."""

from __future__ import annotations

import pytest

import weft

DTYPES = [weft.uint8, weft.int8, weft.int32, weft.float16, weft.bfloat16, weft.float64]


def filled(dtype: weft.dtype, *shape: int) -> weft.Tensor:
    return (weft.arange(weft.Size(shape).numel()) % 7).reshape(shape).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "shapes", [((1500,), (1500,)), ((700, 10), (10,)), ((3, 600), (3, 1)), ((40, 33), (33,))], ids=str
)
def test_sum_is_that_of_converted_operands(dtype: weft.dtype, shapes: tuple[tuple[int, ...], ...]) -> None:
    a, b = filled(dtype, *shapes[0]), filled(weft.int16 if not dtype.is_floating_point else dtype, *shapes[1])
    result = a + b
    wide = weft.float64 if dtype.is_floating_point else weft.int64
    assert weft.equal(result, (a.to(wide) + b.to(wide)).to(result.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_transposed_operand_and_output_of_another_type(dtype: weft.dtype) -> None:
    a = filled(dtype, 70, 90)
    out = weft.empty(90, 70, dtype=weft.float64)
    assert weft.equal(weft.mul(a.t(), 2, out=out), a.double().t() * 2)


@pytest.mark.parametrize("dtype", [weft.int32, weft.bfloat16], ids=str)
def test_in_place_on_a_shifted_view_of_itself(dtype: weft.dtype) -> None:
    a = filled(dtype, 3000)
    expected = a[1:].clone() + a[:-1].clone()
    a[1:] += a[:-1]
    assert weft.equal(a[1:], expected)


def test_in_place_on_the_same_memory_seen_as_another_type() -> None:
    a = weft.arange(2000, dtype=weft.int32)
    halves = a.view(weft.int16)[:2000]
    expected = a + halves.clone()
    a += halves
    assert weft.equal(a, expected)


def test_bfloat16_chain_rounds_after_each_operation() -> None:
    x = weft.randn(2000).to(weft.bfloat16)
    assert weft.equal(x * x + x, (((x.float() * x.float()).to(weft.bfloat16)).float() + x.float()).to(weft.bfloat16))
