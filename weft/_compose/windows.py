"""Windows for spectra, by the names they have in weft itself; weft.signal.windows has more."""

from __future__ import annotations

import math
import operator
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite
from weft._core import dtype as Dtype
from weft._device import DeviceLike, check_cpu


def _points(op: str, length: int, periodic: bool, dtype: Dtype | None, device: DeviceLike) -> tuple[Tensor, int]:
    """0, 1, ... and how many steps the whole window has."""
    check_cpu(device)
    length = operator.index(length)
    dtype = dtype or weft.get_default_dtype()
    if not dtype.is_floating_point and not dtype.is_complex:
        raise RuntimeError(f"{op} expects floating point dtypes, got: {dtype}")
    if length < 0:
        raise RuntimeError(f"{op} requires non-negative window_length, got window_length={length}")
    return weft.arange(length, dtype=dtype), max(length if periodic else length - 1, 1)


def finished(window: Tensor, requires_grad: bool) -> Tensor:
    """The window, which is 1 where it is one point alone."""
    if window.numel() == 1:
        window = weft.ones(1, dtype=window.dtype)
    return window.requires_grad_(requires_grad)


@composite(method=False)
def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A triangle from 0 over 1 back to 0, which the last point misses when periodic.

    >>> weft.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    k, steps = _points("bartlett_window", window_length, periodic, dtype, device)
    return finished(1 - (k * (2 / steps) - 1).abs(), requires_grad)


@composite(method=False)
def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.42 - 0.5 cos(t) + 0.08 cos(2 t), for t from 0 to 2 pi.

    >>> weft.blackman_window(2).round(decimals=4).abs()
    tensor([0., 1.])
    """
    k, steps = _points("blackman_window", window_length, periodic, dtype, device)
    t = k * (2 * math.pi / steps)
    return finished(t.cos() * -0.5 + (t * 2).cos() * 0.08 + 0.42, requires_grad)


@composite(method=False)
def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(t), for t from 0 to 2 pi.

    >>> weft.hamming_window(2)
    tensor([0.0800, 1.0000])
    """
    k, steps = _points("hamming_window", window_length, periodic, dtype, device)
    return finished((k * (2 * math.pi / steps)).cos() * -beta + alpha, requires_grad)


@composite(method=False)
def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """(1 - cos(t)) / 2, for t from 0 to 2 pi.

    >>> weft.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    k, steps = _points("hann_window", window_length, periodic, dtype, device)
    return finished((k * (2 * math.pi / steps)).cos() * -0.5 + 0.5, requires_grad)


@composite(method=False)
def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """i0(beta sqrt(1 - t^2)) / i0(beta), for t from -1 to 1.

    >>> weft.kaiser_window(3, periodic=False)[1].item()
    1.0
    """
    k, steps = _points("kaiser_window", window_length, periodic, dtype, device)
    t = (k - steps / 2) * (2 / steps)
    arch = (1 - t * t).clamp(min=0).sqrt() * beta  # rounding may take the ends below zero
    return finished(arch.i0() / weft.tensor(float(beta), dtype=k.dtype).i0(), requires_grad)
