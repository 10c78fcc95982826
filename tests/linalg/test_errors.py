"""What is not a matrix, not square, singular or not finite raises PyTorch's errors; LAPACK is loaded at the first call."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import weft

L = weft.linalg
SQUARE = [L.inv, L.det, L.slogdet, L.cholesky, L.eigh, L.eigvalsh, L.eig, L.eigvals, L.ldl_factor_ex]
ANY = [L.qr, L.svd, L.svdvals, L.lu_factor]


@pytest.mark.parametrize("f", SQUARE + ANY)
def test_a_vector_is_no_matrix(f: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match=r"2 (or more )?dimensions"):
        f(weft.ones(3))


@pytest.mark.parametrize("f", SQUARE)
def test_not_square(f: Callable[..., Any]) -> None:
    with pytest.raises(RuntimeError, match="must be batches of square matrices, but they are 2 by 3 matrices"):
        f(weft.ones(2, 3))


@pytest.mark.parametrize("f", SQUARE + ANY)
@pytest.mark.parametrize("dtype", [weft.int64, weft.bool, weft.float16, weft.bfloat16])
def test_dtypes_that_lapack_has_not(f: Callable[..., Any], dtype: weft.dtype) -> None:
    with pytest.raises(RuntimeError, match=r"Low precision|Expected a floating point or complex"):
        f(weft.ones(2, 2, dtype=dtype))


def test_linalg_error_is_a_runtime_error() -> None:
    assert issubclass(L.LinAlgError, RuntimeError)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (L.inv, "linalg.inv: {}The diagonal element 1 is zero"),
        (
            lambda a: L.solve(a, weft.ones(2, 1)),
            "linalg.solve: {}The solver failed because the input matrix is singular",
        ),
        (L.cholesky, "linalg.cholesky: {}The factorization could not be completed"),
        (L.lu_factor, "linalg.lu_factor: {}The diagonal element 1"),
        (lambda a: L.inv_ex(a, check_errors=True), "linalg.inv: {}The diagonal element 1 is zero"),
    ],
)
def test_singular(f: Callable[..., Any], words: str) -> None:
    with pytest.raises(L.LinAlgError) as error:
        f(weft.zeros(2, 2))
    assert str(error.value).startswith(words.format(""))
    with pytest.raises(L.LinAlgError) as error:
        f(weft.stack([weft.eye(2), weft.zeros(2, 2)]))
    assert str(error.value).startswith(words.format("(Batch element 1): "))


def test_info_instead_of_an_error() -> None:
    a = weft.stack([weft.eye(2), weft.zeros(2, 2)])
    assert L.inv_ex(a).info.tolist() == [0, 1]
    assert L.cholesky_ex(a).info.tolist() == [0, 1]
    assert L.solve_ex(a, weft.ones(2, 1)).info.tolist() == [0, 1]
    assert L.lu_factor_ex(a).info.tolist() == [0, 1]


@pytest.mark.parametrize("f", [L.svd, L.svdvals, L.eigh, L.eig, L.eigvals, lambda a: L.lstsq(a, a)])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_raises(f: Callable[..., Any], value: float) -> None:
    with pytest.raises(RuntimeError, match=r"converge|infs or NaNs"):
        f(weft.full((4, 4), value))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: L.solve(weft.eye(3), weft.ones(4, 2)), "Incompatible shapes of A and B"),
        (lambda: L.solve(weft.eye(3), weft.ones(3, 2).double()), "same dtype"),
        (lambda: L.solve(weft.eye(3), weft.ones(3), left=False), "Vector broadcasting"),
        (lambda: L.solve_triangular(weft.eye(3), weft.ones(4, 2), upper=True), "Incompatible shapes"),
        (lambda: L.solve_triangular(weft.eye(3), weft.ones(3), upper=True), "at least 2 dimensions"),
        (lambda: L.lu_factor(weft.eye(3), pivot=False), "LU without pivoting"),
        (lambda: L.qr(weft.eye(3), mode="x"), "unrecognized mode 'x'"),
        (lambda: L.svd(weft.eye(3), driver="gesvd"), "only supported on CUDA"),
        (lambda: L.eigh(weft.eye(3), UPLO="x"), "'L' or 'U'"),
        (lambda: L.lstsq(weft.ones(3, 2), weft.ones(4, 2)), "should match"),
        (lambda: L.lstsq(weft.ones(3, 2), weft.ones(3, 2), driver="x"), "`driver` should be one of"),
        (lambda: L.lu_solve(weft.eye(3), weft.ones(3), weft.ones(3, 2)), "scalar type torch.int32"),
        (lambda: L.lu_solve(weft.eye(3), weft.ones(2, dtype=weft.int32), weft.ones(3, 2)), "Number of pivots"),
        (lambda: L.lu_solve(weft.eye(3), weft.full((3,), 9, dtype=weft.int32), weft.ones(3, 2)), r"within \[1, 3\]"),
        (lambda: L.ldl_solve(weft.eye(3), weft.full((3,), 9, dtype=weft.int32), weft.ones(3, 2)), "out of range"),
    ],
)
def test_arguments_that_do_not_fit(call: Callable[[], Any], words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call()


_LAZY = """
import weft
maps = lambda: open("/proc/self/maps").read()
assert "scipy_openblas32" not in maps(), "import weft loads LAPACK"
weft.linalg.inv(weft.eye(3))
assert "scipy_openblas32" in maps()
"""

_MISSING = """
import importlib.util, weft
importlib.util.find_spec = lambda name: None
try:
    weft.linalg.inv(weft.eye(3))
except RuntimeError as error:
    assert "pip install scipy-openblas32" in str(error)
else:
    raise SystemExit("no error")
"""


@pytest.mark.parametrize("script", [_LAZY, _MISSING], ids=["lazy", "missing"])
def test_lapack_is_loaded_at_the_first_call(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_first_call_may_come_from_many_threads() -> None:
    script = """
import threading, weft
a = weft.eye(40) * 2
start, wrong = threading.Barrier(8), []
def run():
    start.wait()
    if not weft.equal(weft.linalg.inv(a), weft.eye(40) / 2): wrong.append(1)
workers = [threading.Thread(target=run) for _ in range(8)]
[w.start() for w in workers]; [w.join() for w in workers]
assert not wrong
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_callers_side_by_side_do_not_disturb_each_other() -> None:
    matrices = [weft.eye(50) * (i + 1) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for i, inverse in enumerate(pool.map(L.inv, matrices)):
                assert weft.equal(inverse, weft.eye(50) / (i + 1))
