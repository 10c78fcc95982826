"""Conversions between all dtypes, and which dtype an operation has: bit for bit what PyTorch does."""

import itertools

import pytest
from oracle import agree

INTEGERS = {
    "bool": [True, False],
    "uint8": [0, 3, 255],
    "int8": [-128, 0, 127],
    "int16": [-300, 0, 32767],
    "int32": [-70000, 0, 2**31 - 1],
    "int64": [-(2**40), 0, 2**53 + 1],
}
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
SMALL = [0.0, 1.5, 2.7, 100.25]  # what every integer type can hold: beyond, C leaves the result open
EDGES = [
    *(0.0, -0.0, 1.5, -2.7, 65504.0, 65519.0, 65520.0, 70000.0, 1e-8, 6e-8, 3e-8, 2.0**-25, 1 / 3, 2049.0, 2051.0),
    *(3.4e38, 1e-40, float("inf"), float("-inf"), float("nan")),
]
REAL = (*INTEGERS, *FLOATS)


def sample(m, dtype, target):
    if dtype in INTEGERS:
        return m.tensor(INTEGERS[dtype], dtype=getattr(m, dtype))
    if dtype in COMPLEX:
        return m.tensor([1 + 2j, 0j, 3.5 - 0.25j], dtype=getattr(m, dtype))
    values = SMALL if target in INTEGERS and target != "bool" else EDGES
    return m.tensor(values, dtype=getattr(m, dtype))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("source", "target"), list(itertools.product((*REAL, *COMPLEX), repeat=2)))
def test_conversion(source, target):
    agree(lambda m: sample(m, source, target).to(getattr(m, target)), tolerance=0)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(REAL, repeat=2)))
def test_promotion_of_tensors(a, b):
    def case(m):
        x, y = m.tensor([1, 0, 1]).to(getattr(m, a)), m.tensor([1, 1, 0]).to(getattr(m, b))
        zero = m.tensor(1).to(getattr(m, b))
        types = [m.result_type(x, y), m.result_type(x, zero), m.result_type(zero, x)]
        types += [m.promote_types(x.dtype, y.dtype), m.can_cast(x.dtype, y.dtype)]
        return types, [x + y, x * zero, zero + x, x / y]

    agree(case)


@pytest.mark.parametrize(("dtype", "number"), list(itertools.product(REAL, (True, 2, 2.5))))
def test_promotion_of_numbers(dtype, number):
    def case(m):
        x, zero = m.tensor([1, 0, 1]).to(getattr(m, dtype)), m.tensor(1).to(getattr(m, dtype))
        types = [m.result_type(x, number), m.result_type(number, x), m.result_type(zero, number)]
        return types, [x + number, number + x, zero * number, x / number, number / x, number * x]

    agree(case)


@pytest.mark.parametrize(("dtype", "number"), list(itertools.product(REAL, (True, 2, 2.5))))
def test_in_place_results_must_fit(dtype, number):
    agree(lambda m: m.tensor([1, 0, 1]).to(getattr(m, dtype)).add_(number))


@pytest.mark.parametrize(("dtype", "out"), list(itertools.product(REAL, repeat=2)))
def test_out_results_must_fit(dtype, out):
    def case(m):
        x = m.tensor([1, 0, 1]).to(getattr(m, dtype))
        return m.mul(x, x, out=m.empty(3, dtype=getattr(m, out)))

    agree(case)


@pytest.mark.parametrize("number", [300, -1, -256, 2**31, float("nan"), float("inf"), 1e30, 1.5, True])
@pytest.mark.parametrize("dtype", REAL)
def test_numbers_must_fit_their_dtype(number, dtype):
    agree(lambda m: m.tensor(number, dtype=getattr(m, dtype)))
