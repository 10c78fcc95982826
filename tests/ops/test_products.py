"""Matrix products of every shape that has a way of its own (docs/notes/gemm.md) are those of float64."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

import weft

SHAPES = [
    (1, 1, 1),
    (1, 33, 70),
    (2, 64, 65),
    (3, 5, 200),
    (9, 16, 16),
    (16, 16, 16),
    (17, 48, 64),
    (56, 32, 64),
    (57, 32, 64),
    (16, 40, 900),
    (40, 16, 33),
    (64, 10, 512),
    (130, 7, 40),
    (169, 95, 385),
    (200, 33, 800),
    (340, 64, 20),
    (90, 64, 1100),
    (300, 70, 1),
    (350, 96, 700),
    (2800, 17, 3),
    (60, 3200, 9),
    (8, 8, 33000),
    (1030, 70, 520),  # TN: few columns, computed as the transpose
    (1030, 140, 520),  # TN: A spans too much to be read in place
    (530, 128, 257),
    (140, 32, 300),
]
ABOUT = {weft.float32: 2e-6, weft.float64: 1e-14, weft.int64: 0}


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = weft.get_num_threads()
    yield
    weft.set_num_threads(before)


def numbers(seed: int, shape: tuple[int, ...], dtype: weft.dtype) -> weft.Tensor:
    values = np.random.default_rng(seed).integers(-99, 100, shape)
    return weft.from_numpy(values).to(dtype) if dtype == weft.int64 else (weft.from_numpy(values) / 64).to(dtype)


def laid_out(t: weft.Tensor, form: str) -> weft.Tensor:
    """The same matrices with consecutive rows, consecutive columns, or neither."""
    if form == "N":
        return t
    if form == "T":
        return t.mT.contiguous().mT
    wide = t.new_zeros(*t.shape[:-1], 2 * t.shape[-1])
    wide[..., ::2] = t
    return wide[..., ::2]


def check(result: weft.Tensor, a: weft.Tensor, b: weft.Tensor) -> None:
    exact = a.double().numpy() @ b.double().numpy()
    size = np.abs(a.double().numpy()) @ np.abs(b.double().numpy())
    assert result.shape == exact.shape
    assert (np.abs(result.double().numpy() - exact) <= ABOUT[result.dtype] * size).all()


@pytest.mark.parametrize("dtype", ABOUT, ids=str)
@pytest.mark.parametrize("forms", ["NN", "NT", "TN", "TT", "SS"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_exact_to_rounding(shape: tuple[int, int, int], forms: str, dtype: weft.dtype) -> None:
    m, n, k = shape
    a, b = laid_out(numbers(1, (m, k), dtype), forms[0]), laid_out(numbers(2, (k, n), dtype), forms[1])
    check(a @ b, a, b)


@pytest.mark.parametrize("shared", ["neither", "left", "right"])
@pytest.mark.parametrize("forms", ["NN", "NT", "TN", "SS"])
@pytest.mark.parametrize(
    "shape", [(5, 16, 16), (33, 32, 20), (40, 17, 70), (70, 49, 400), (180, 30, 50), (200, 33, 140)], ids=str
)
def test_batches_are_products_of_each_pair(shape: tuple[int, int, int], forms: str, shared: str) -> None:
    m, n, k = shape
    a = laid_out(numbers(3, (1 if shared == "left" else 7, m, k), weft.float32), forms[0]).expand(7, m, k)
    b = laid_out(numbers(4, (1 if shared == "right" else 7, k, n), weft.float32), forms[1]).expand(7, k, n)
    check(weft.bmm(a, b), a, b)
    added = weft.baddbmm(weft.ones(7, m, n), a, b, beta=2, alpha=0.5)
    assert weft.allclose(added, 2 + 0.5 * weft.bmm(a, b), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "shape",
    [(130, 130, 130), (1, 1500, 700), (16, 1024, 256), (30, 1100, 200), (400, 300, 500), (700, 96, 600)],
    ids=str,
)
def test_bias_is_added_once_and_threads_do_not_change_bits(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    x, weight, bias = numbers(5, (m, k), weft.float32), numbers(6, (n, k), weft.float32), weft.arange(float(n))
    results = []
    for threads in (1, 2, 5):
        weft.set_num_threads(threads)
        results.append(weft.nn.functional.linear(x, weight, bias))
        results.append(x @ weight.mT.contiguous() + bias)
        results.append(weft.addmm(bias, x.mT.contiguous().mT, weight.mT))
    for each in results[:3]:
        check(each - bias, x, weight.mT)
    assert all(weft.equal(r, results[i % 3]) for i, r in enumerate(results))


@pytest.mark.parametrize("dtype", [weft.bfloat16, weft.float16], ids=str)
@pytest.mark.parametrize("forms", ["NN", "NT", "TN", "TT", "SS"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_half_precision_products_are_summed_in_float32(
    shape: tuple[int, int, int], forms: str, dtype: weft.dtype
) -> None:
    m, n, k = shape
    a, b = laid_out(numbers(7, (m, k), dtype), forms[0]), laid_out(numbers(8, (k, n), dtype), forms[1])
    exact = a.double().numpy() @ b.double().numpy()
    size = np.abs(a.double().numpy()) @ np.abs(b.double().numpy())
    for result in (a @ b, weft.nn.functional.linear(a, b.mT), weft.bmm(a[None], b[None])[0]):
        assert result.dtype == dtype
        rounding = weft.finfo(dtype).eps
        assert (np.abs(result.double().numpy() - exact) <= rounding * np.abs(exact) + 2e-6 * size).all()


@pytest.mark.parametrize("dtype", [weft.bfloat16, weft.float16], ids=str)
def test_half_precision_products_read_repeated_and_odd_rows(dtype: weft.dtype) -> None:
    a, b = numbers(9, (20, 1), dtype).expand(20, 40), numbers(10, (40, 24), dtype)
    assert weft.equal(a @ b, (a.double() @ b.double()).to(dtype))
    wide = numbers(11, (20, 41), dtype)
    assert weft.equal(wide[:, 1:] @ b, wide[:, 1:].contiguous() @ b)


@pytest.mark.parametrize("dtype", [weft.bfloat16, weft.float16], ids=str)
@pytest.mark.parametrize("shape", [(400, 300, 500), (1, 1500, 700), (40, 600, 900)], ids=str)
def test_threads_do_not_change_bits_of_half_precision(shape: tuple[int, int, int], dtype: weft.dtype) -> None:
    m, n, k = shape
    a, b = numbers(12, (m, k), dtype), numbers(13, (n, k), dtype).mT
    results = []
    for threads in (1, 2, 5):
        weft.set_num_threads(threads)
        results.append((a @ b, a @ b.contiguous()))
    for each in results[1:]:
        assert all(weft.equal(x, y) for x, y in zip(each, results[0], strict=True))


@pytest.mark.parametrize("way", ["float32", "pairs"])
def test_both_ways_of_bfloat16_products_are_exact_to_rounding(way: str) -> None:
    # Which of them a process takes, it decides once (docs/notes/gemm.md).
    run = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        __file__,
        "-k",
        "half_precision and bfloat16",
    ]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"WEFT_BFLOAT16": way})
    if "no instruction for pairs" in done.stdout + done.stderr:
        pytest.skip("this CPU has no instruction for pairs")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["WEFT_ISA", "WEFT_BFLOAT16"])
def test_importing_tells_of_a_wrong_choice_of_kernels(name: str) -> None:
    run = [sys.executable, "-c", "import weft"]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {name: "fast"})
    assert done.returncode == 1
    assert f"ValueError: {name}: unknown" in done.stderr
    assert "expected" in done.stderr


@pytest.mark.parametrize("isa", ["portable", "v2", "v3", "v4"])
def test_kernels_that_are_not_there_are_refused_on_import(isa: str) -> None:
    run = [sys.executable, "-c", "import weft; print((weft.ones(3, 3) @ weft.ones(3, 3)).sum().item())"]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"WEFT_ISA": isa})
    refused = f"ValueError: WEFT_ISA: '{isa}' is not supported by this CPU or was not built"
    assert done.stdout == "27.0\n" or (done.returncode == 1 and refused in done.stderr)


@pytest.mark.parametrize("equation", ["bhid,bhjd->bhij", "bhid,bhjd->ibj", "bhid,bhjd", "bhid,bhjd->bhijd"])
def test_einsum_follows_the_shapes_of_each_call(equation: str) -> None:
    shapes = [
        ((2, 3, 4, 5), (2, 3, 6, 5)),
        ((2, 1, 4, 5), (2, 3, 6, 5)),
        ((1, 3, 4, 1), (2, 1, 6, 5)),
        ((2, 0, 4, 5),) * 2,
    ]
    for left, right in [*shapes, *shapes[::-1]]:
        a, b = numbers(12, left, weft.float64), numbers(13, right, weft.float64)
        np.testing.assert_allclose(
            weft.einsum(equation, a, b).numpy(), np.einsum(equation, a.numpy(), b.numpy()), 1e-13
        )
