"""stft transforms windowed frames, istft undoes it, and both differentiate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft
from weft.autograd import gradcheck

_rng = np.random.default_rng(3)


@pytest.mark.parametrize("win_length", [None, 5, 6])
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("normalized", [False, True])
def test_stft_transforms_each_frame(normalized: bool, center: bool, win_length: int | None) -> None:
    n, hop = 8, 3
    x, w = _rng.standard_normal((2, 40)), _rng.standard_normal(win_length or n)
    result = weft.stft(
        weft.from_numpy(x), n, hop, win_length, weft.from_numpy(w), center, normalized=normalized, return_complex=True
    )
    if center:
        x = np.pad(x, ((0, 0), (n // 2, n // 2)), "reflect")
    left = (n - len(w)) // 2
    weights = np.pad(w, (left, n - len(w) - left))
    frames = np.stack([x[:, k : k + n] * weights for k in range(0, x.shape[1] - n + 1, hop)], -2)
    expected = np.fft.rfft(frames, norm="ortho" if normalized else None).swapaxes(-1, -2)
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-13)


@pytest.mark.parametrize("length", [None, 50, 53])
@pytest.mark.parametrize("onesided", [None, False])
@pytest.mark.parametrize("n", [8, 9])
def test_istft_undoes_stft(n: int, onesided: bool | None, length: int | None) -> None:
    x, w = weft.from_numpy(_rng.standard_normal((3, 53))), weft.hann_window(n, dtype=weft.float64)
    spectrum = weft.stft(x, n, 3, window=w, onesided=onesided, return_complex=True)
    again = weft.istft(spectrum, n, 3, window=w, onesided=onesided, length=length)
    covered = min(again.size(-1), 50)
    assert length in (None, again.size(-1))
    weft.testing.assert_close(again[:, :covered], x[:, :covered])


def test_complex_signals_come_back() -> None:
    x = weft.from_numpy(_rng.standard_normal(40) + 1j * _rng.standard_normal(40))
    spectrum = x.stft(8, 2)
    assert spectrum.shape == (8, 21)
    weft.testing.assert_close(spectrum.istft(8, 2, return_complex=True), x)


def test_real_view_of_the_spectrum() -> None:
    x = weft.randn(40)
    whole = weft.stft(x, 8, return_complex=True)
    assert weft.equal(weft.stft(x, 8, return_complex=False), weft.view_as_real(whole))


def test_derivatives() -> None:
    w = weft.hann_window(6, dtype=weft.float64)
    x = weft.from_numpy(_rng.standard_normal(20)).requires_grad_()
    assert gradcheck(lambda t: weft.stft(t, 6, 2, window=w, return_complex=True), [x])
    spectrum = weft.stft(x.detach(), 6, 2, window=w, return_complex=True).requires_grad_()
    assert gradcheck(lambda t: weft.istft(t, 6, 2, window=w), [spectrum])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: weft.stft(weft.ones(8), 4), "return_complex"),
        (lambda: weft.stft(weft.ones(8, dtype=weft.int64), 4, return_complex=True), "floating point or complex"),
        (lambda: weft.stft(weft.ones(1, 1, 8), 4, return_complex=True), "1D or 2D"),
        (lambda: weft.stft(weft.ones(8), 9, center=False, return_complex=True), "n_fft < 8"),
        (lambda: weft.stft(weft.ones(8), 4, 0, return_complex=True), "hop_length > 0"),
        (lambda: weft.stft(weft.ones(8), 4, win_length=5, return_complex=True), "win_length <= n_fft"),
        (lambda: weft.stft(weft.ones(8), 4, window=weft.ones(3), return_complex=True), "size equal to win_length=4"),
        (lambda: weft.istft(weft.ones(3, 4), 4), "complex-valued"),
        (lambda: weft.istft(weft.ones(3, 4, dtype=weft.complex64), 8), "frequency dimension"),
        (lambda: weft.istft(weft.ones(3, 4, dtype=weft.complex64), 4, window=weft.zeros(4)), "covered by no window"),
        (lambda: weft.istft(weft.ones(3, 4, dtype=weft.complex64), 4, length=-5), "at least one point"),
    ],
)
def test_mistakes_raise(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        call()


def test_a_window_is_a_tensor() -> None:
    with pytest.raises(TypeError, match="argument 'window' must be Tensor"):
        weft.stft(weft.ones(8), 4, window=3, return_complex=True)
