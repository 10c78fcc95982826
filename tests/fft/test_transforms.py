"""Fourier transforms agree with NumPy in every norm, length, dimension and layout, differentiate twice, and refuse nonsense."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft
from weft.autograd import gradcheck, gradgradcheck

_rng = np.random.default_rng(7)
_ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
_REAL_INPUT = {"rfft", "ihfft", "rfft2", "rfftn"}


def numbers(name: str, shape: tuple[int, ...], dtype: Any = np.float64) -> np.ndarray:
    x = _rng.standard_normal(shape).astype(dtype)
    return x if name in _REAL_INPUT else x + 1j * _rng.standard_normal(shape).astype(dtype)


def close(result: weft.Tensor, expected: np.ndarray) -> None:
    single = result.dtype in (weft.float32, weft.complex64)
    scale = np.abs(expected).max(initial=0) * (4e-6 if single else 4e-15)  # errors grow as the length's logarithm
    assert result.shape == expected.shape
    assert np.abs(result.numpy() - expected).max(initial=0) <= scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 1, 2, 5, 6, 31, 64])
@pytest.mark.parametrize("name", _ONE)
def test_one_dimension(name: str, n: int | None, norm: str | None, dtype: Any) -> None:
    x = numbers(name, (3, 17, 2), dtype)
    result = getattr(weft.fft, name)(weft.from_numpy(x), n, 1, norm)
    close(result, getattr(np.fft, name)(x.astype(np.result_type(x, np.float64)), n, 1, norm))


@pytest.mark.parametrize("shape", [(64, 1000), (1000, 64), (5, 40, 3, 7), (2, 4099), (4096, 20), (20000, 9)])
@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("name", ["fft", "rfft", "irfft"])
def test_many_lines(name: str, dim: int, shape: tuple[int, ...]) -> None:
    x = numbers(name, shape)
    close(getattr(weft.fft, name)(weft.from_numpy(x), dim=dim), getattr(np.fft, name)(x, axis=dim))


@pytest.mark.parametrize(
    ("s", "dim"), [(None, None), ((3, 8), None), (None, (0, 2)), ((6, 5), (2, 0)), ((-1, 4), (0, 1)), (None, (1,))]
)
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_several_dimensions(name: str, s: Any, dim: Any) -> None:
    x = numbers(name, (4, 6, 5))
    axes = dim if dim is not None else None if s is None else tuple(range(3 - len(s), 3))
    sizes = None if s is None else [x.shape[a] if n == -1 else n for n, a in zip(s, axes, strict=True)]
    expected = getattr(np.fft, name)(x, sizes, axes)
    close(getattr(weft.fft, name)(weft.from_numpy(x), s, dim), expected)


def test_two_dimensions_are_the_last_two() -> None:
    x = weft.from_numpy(numbers("fft2", (2, 4, 6)))
    for name in ("fft", "ifft", "irfft", "hfft"):
        two, several = getattr(weft.fft, f"{name}2")(x), getattr(weft.fft, f"{name}n")(x, dim=(-2, -1))
        assert weft.equal(two, several)
    for name in ("rfft", "ihfft"):
        two, several = getattr(weft.fft, f"{name}2")(x.real), getattr(weft.fft, f"{name}n")(x.real, dim=(-2, -1))
        assert weft.equal(two, several)


def test_hfftn_and_ihfftn_undo_each_other() -> None:
    x = weft.randn(3, 4, 6, dtype=weft.float64)
    again = weft.fft.hfftn(weft.fft.ihfftn(x), s=(3, 4, 6))
    weft.testing.assert_close(again, x)


@pytest.mark.parametrize("layout", ["transposed", "every second", "expanded"])
@pytest.mark.parametrize("name", ["fft2", "rfft2", "irfft2"])
def test_layouts(name: str, layout: str) -> None:
    x = weft.from_numpy(numbers(name, (6, 8, 10)))
    view = {"transposed": x.mT, "every second": x[:, ::2, ::2], "expanded": x[:1].expand(4, 8, 10)}[layout]
    close(getattr(weft.fft, name)(view), getattr(np.fft, name)(view.numpy()))


def test_transforms_of_integers_and_of_nothing() -> None:
    assert weft.fft.fft(weft.arange(4)).dtype == weft.complex64
    assert weft.fft.irfft(weft.ones(3, dtype=weft.bool)).dtype == weft.float32
    assert weft.fft.fft(weft.ones(0, 4)).shape == (0, 4)
    assert weft.fft.fftn(weft.tensor(2.0)).item() == 2


def test_out_takes_the_result() -> None:
    x, out = weft.randn(3, 4), weft.empty(0, dtype=weft.complex64)
    assert weft.fft.fft(x, out=out) is out
    assert weft.equal(out, weft.fft.fft(x))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_same_bits_at_any_thread_count(threads: int) -> None:
    x = weft.randn(300, 200, 3, generator=weft.Generator().manual_seed(1))
    before = weft.get_num_threads()
    try:
        weft.set_num_threads(1)
        expected = weft.fft.fftn(x)
        weft.set_num_threads(threads)
        assert weft.equal(weft.fft.fftn(x), expected)
    finally:
        weft.set_num_threads(before)


_DERIVED: list[tuple[str, dict[str, Any]]] = [
    ("fft", {"n": 5}),
    ("fft", {"dim": 0, "norm": "ortho"}),
    ("ifft", {"n": 3}),
    ("rfft", {}),
    ("rfft", {"n": 5, "dim": 0}),
    ("irfft", {}),
    ("irfft", {"n": 5}),
    ("hfft", {"n": 4}),
    ("ihfft", {}),
    ("rfft2", {}),
    ("irfft2", {"s": (4, 5)}),
    ("fftn", {}),
]


@pytest.mark.parametrize("real", [False, True], ids=["complex", "real"])
@pytest.mark.parametrize(("name", "options"), _DERIVED)
def test_derivatives(name: str, options: dict[str, Any], real: bool) -> None:
    x = numbers(name, (3, 4))
    if not real and not np.iscomplexobj(x):
        pytest.skip("of real numbers only")
    leaf = weft.from_numpy(np.ascontiguousarray(x.real) if real else x).requires_grad_()

    def f(t: weft.Tensor) -> Any:
        return getattr(weft.fft, name)(t, **options)

    assert gradcheck(f, [leaf])
    assert gradgradcheck(f, [leaf])


def test_vmap_of_a_transform() -> None:
    x = weft.randn(4, 3, 6)
    weft.testing.assert_close(weft.func.vmap(weft.fft.rfft)(x), weft.fft.rfft(x))


@pytest.mark.parametrize("n", [0, 1, 4, 5])
def test_frequencies(n: int) -> None:
    if n:
        np.testing.assert_allclose(weft.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), rtol=1e-6)
        np.testing.assert_allclose(weft.fft.rfftfreq(n, 0.5).numpy(), np.fft.rfftfreq(n, 0.5), rtol=1e-6)
    x = weft.arange(3 * max(n, 1)).reshape(3, -1)
    np.testing.assert_array_equal(weft.fft.fftshift(x).numpy(), np.fft.fftshift(x.numpy()))
    np.testing.assert_array_equal(weft.fft.ifftshift(x, 1).numpy(), np.fft.ifftshift(x.numpy(), 1))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: weft.fft.fft(weft.ones(3), 0), RuntimeError, r"Invalid number of data points \(0\)"),
        (lambda: weft.fft.fft(weft.ones(0)), RuntimeError, r"Invalid number of data points \(0\)"),
        (lambda: weft.fft.irfft(weft.ones(1)), RuntimeError, r"Invalid number of data points \(0\)"),
        (lambda: weft.fft.fft(weft.ones(3), dim=1), IndexError, "out of range"),
        (lambda: weft.fft.fft(weft.tensor(1.0)), IndexError, "no dimensions"),
        (lambda: weft.fft.fft(weft.ones(3), norm="x"), RuntimeError, "normalization mode"),
        (lambda: weft.fft.fftn(weft.ones(3, 3), dim=(0, 0)), RuntimeError, "unique"),
        (lambda: weft.fft.fftn(weft.ones(3), s=(1, 2)), RuntimeError, "only has 1 dimensions"),
        (lambda: weft.fft.fftn(weft.ones(3, 3), s=(1, 2), dim=0), RuntimeError, "same length"),
        (lambda: weft.fft.rfft(weft.ones(3, dtype=weft.complex64)), RuntimeError, "expects a real input"),
        (lambda: weft.fft.rfftn(weft.ones(3), dim=()), RuntimeError, "at least one axis"),
        (lambda: weft.fft.fft(weft.ones(3, dtype=weft.float16)), RuntimeError, "Unsupported dtype Half"),
        (lambda: weft.fft.fft([1.0]), TypeError, "must be Tensor"),
        (lambda: weft.fft.fft(weft.ones(3), "3"), TypeError, "integer"),
        (lambda: weft.fft.fftn(weft.ones(3, 3), s=(2.5, 2)), TypeError, "integer"),
        (lambda: weft._core.internal.fft_c2r(weft.ones(3, dtype=weft.complex64), [0], 1.0, 9), RuntimeError, "points"),
        (lambda: weft._core.internal.fft_c2c(weft.ones(3), [], 1.0, True), RuntimeError, "one axis"),
    ],
)
def test_mistakes_raise(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
