"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

import weft
from weft import Tensor
from weft._compose._registry import composite

_native = weft._core.internal


def _frame(
    op: str, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None
) -> tuple[int, int, Tensor | None]:
    """The hop, the window's length, and the window continued by zeros on both sides to n_fft points."""
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{op}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{op}: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and (window.dim() != 1 or window.size(0) != length):
        raise RuntimeError(
            f"{op}: expected a 1D window tensor of size equal to win_length={length}, but got window with size "
            f"{list(window.shape)}"
        )
    if length < n_fft:
        left = (n_fft - length) // 2
        window = weft.ones(length) if window is None else window
        window = weft.nn.functional.pad(window, [left, n_fft - length - left])
    return hop, length, window


def _check_window(op: str, window: Tensor | None) -> None:
    if window is not None and not isinstance(window, Tensor):
        raise TypeError(f"{op}(): argument 'window' must be Tensor, not {type(window).__name__}")


@composite()
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The Fourier transforms of frames of n_fft points, hop_length apart: shape (..., frequencies, frames).

    Args:
        input: shape (length,) or (batch, length).
        hop_length: n_fft // 4 by default.
        window: win_length weights, ones by default; continued by zeros to n_fft points.
        center: whether the frames' middles lie at multiples of hop_length, input being continued by pad_mode.
        normalized: whether to divide by sqrt(n_fft).
        onesided: whether to give n_fft // 2 + 1 frequencies; by default when input and window are real.
        return_complex: must be given for real input; False gives a last dimension of real and imaginary parts.

    >>> weft.stft(weft.ones(8), 4, return_complex=True).shape
    weft.Size([3, 9])
    """
    _check_window("stft", window)
    rank = input.dim()
    if not (input.dtype.is_floating_point or input.dtype.is_complex):
        raise RuntimeError(f"stft: expected a tensor of floating point or complex values, got {input.dtype}")
    if not 1 <= rank <= 2:
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {rank}D")
    if center and align_to_window is not None:
        raise RuntimeError("stft align_to_window should only be set when center = false")
    is_complex = input.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None:
        if not is_complex:
            raise RuntimeError("stft requires the return_complex parameter be given for real inputs")
        return_complex = True
    if n_fft <= 0:
        raise RuntimeError(f"stft: expected 0 < n_fft, but got n_fft={n_fft}")
    if center:
        extended = input.reshape(1, 1, -1) if rank == 1 else input.unsqueeze(0)
        input = weft.nn.functional.pad(extended, [n_fft // 2, n_fft // 2], pad_mode).reshape(*input.shape[:-1], -1)
    if n_fft > input.size(-1):
        raise RuntimeError(f"stft: expected 0 < n_fft < {input.size(-1)}, but got n_fft={n_fft}")
    hop, length, window = _frame("stft", n_fft, hop_length, win_length, window)
    if align_to_window and length < n_fft:
        # Frames begin where the window does; what it does not cover counts for nothing.
        left = (n_fft - length) // 2
        input = weft.nn.functional.pad(input, [left, n_fft - length - left])
    frames = input.unfold(-1, n_fft, hop)
    if window is not None:
        frames = frames * window
    if onesided is None:
        onesided = not is_complex
    if onesided and is_complex:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    scale = n_fft**-0.5 if normalized else 1.0
    spectrum = _native.fft_r2c(frames, [-1], scale) if onesided else _native.fft_c2c(frames, [-1], scale, True)
    spectrum = spectrum.transpose(-2, -1)
    return spectrum if return_complex else weft.view_as_real(spectrum)


@composite()
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The signal whose short-time Fourier transform is nearest to input, in the sense of least squares.

    Args:
        input: complex, shape (frequencies, frames) or (batch, frequencies, frames).
        length: of the result, cut off or continued by zeros.

    Griffin and Lim (1984), Signal estimation from modified short-time Fourier transform. Raises RuntimeError where the
    windows leave points uncovered.

    >>> spectrum = weft.stft(weft.ones(8), 4, window=weft.hann_window(4), return_complex=True)
    >>> weft.istft(spectrum, 4, window=weft.hann_window(4)).round(decimals=3)
    tensor([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    _check_window("istft", window)
    if not input.dtype.is_complex:
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    rank = input.dim()
    if input.numel() == 0:
        raise RuntimeError("istft: input tensor cannot be empty.")
    if rank not in (2, 3):
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions, but got {rank}")
    frequencies, frames = input.size(-2), input.size(-1)
    if onesided is None:
        onesided = frequencies != n_fft
    expected = n_fft // 2 + 1 if onesided else n_fft
    if frequencies != expected:
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft / 2 + 1 when "
            f"onesided=True or n_fft when it is not: {expected}, but got {frequencies}"
        )
    if onesided and return_complex:
        raise RuntimeError("istft: cannot have onesided output if window or input is complex")
    if not return_complex and window is not None and window.dtype.is_complex:
        raise RuntimeError("Complex windows are incompatible with return_complex=False")
    hop, win_length, window = _frame("istft", n_fft, hop_length, win_length, window)
    if hop > win_length:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got hop_length={hop}")
    if window is None:
        window = weft.ones(n_fft, dtype=input.dtype.to_real())
    spectrum = (input if rank == 3 else input.unsqueeze(0)).transpose(1, 2)
    scale = n_fft**-0.5 if normalized else 1 / n_fft
    if return_complex:
        lines = _native.fft_c2c(spectrum, [-1], scale, False)
    else:
        half = spectrum if onesided else spectrum.narrow(-1, 0, n_fft // 2 + 1)
        lines = _native.fft_c2r(half, [-1], scale, n_fft)
    total = n_fft + hop * (frames - 1)
    signal = _overlapped(lines * window, total, hop)
    weights = _overlapped((window * window).expand(1, frames, n_fft), total, hop)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - n_fft // 2 if center else total
    count = min(end, total) - start
    if count <= 0:
        raise RuntimeError(f"istft: expected at least one point, but the frames and length={length} leave {count}")
    signal, weights = signal.narrow(-1, start, count), weights.narrow(-1, start, count)
    if not float(weights.detach().abs().min()) > 1e-11:
        raise RuntimeError("istft: window overlap add min: 1 or more points are covered by no window")
    result = signal / weights
    if end > total:
        result = weft.nn.functional.pad(result, [0, end - total])
    return result if rank == 3 else result.squeeze(0)


def _overlapped(frames: Tensor, total: int, hop: int) -> Tensor:
    """Sums frames (batch, frames, n), each hop points after the one before, to lines of `total` points."""
    places = weft.arange(frames.size(1)).unsqueeze(1) * hop + weft.arange(frames.size(2))
    line = frames.new_zeros(frames.size(0), total)
    return line.index_add(1, places.flatten(), frames.flatten(1))
