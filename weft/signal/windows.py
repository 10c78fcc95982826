"""Windows of M points, symmetric or (sym=False) with the period M, as SciPy has them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import weft
from weft import Tensor
from weft._compose.windows import finished
from weft._core import dtype as Dtype
from weft._device import DeviceLike, check_cpu

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _checked(name: str, M: int, dtype: Dtype | None, layout: Any, device: DeviceLike) -> Dtype:
    check_cpu(device)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout not in (None, weft.strided):
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    dtype = dtype or weft.get_default_dtype()
    if dtype not in (weft.float32, weft.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return dtype


def _steps(M: int, sym: bool) -> int:
    return M - 1 if sym and M > 1 else max(M, 1)


def bartlett(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A triangle from 0 over 1 back to 0.

    >>> weft.signal.windows.bartlett(3)
    tensor([0., 1., 0.])
    """
    dtype = _checked("bartlett", M, dtype, layout, device)
    return weft.bartlett_window(M, not sym, dtype=dtype, requires_grad=requires_grad)


def general_cosine(
    M: int,
    *,
    a: Iterable[float],
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """a[0] - a[1] cos(t) + a[2] cos(2 t) - ..., for t from 0 to 2 pi.

    >>> weft.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    dtype = _checked("general_cosine", M, dtype, layout, device)
    if not isinstance(a, Iterable):
        raise TypeError("Coefficients must be a list/tuple")
    weights = [float(c) for c in a]
    if not weights:
        raise ValueError("Coefficients cannot be empty")
    if M == 1:
        return weft.ones(1, dtype=dtype, requires_grad=requires_grad)
    t = weft.arange(M, dtype=dtype) * (2 * math.pi / _steps(M, sym))
    window = weft.zeros(M, dtype=dtype)
    for i, weight in enumerate(weights):
        window = window + (t * i).cos() * (weight if i % 2 == 0 else -weight)
    return window.requires_grad_(requires_grad)


def general_hamming(
    M: int,
    *,
    alpha: float = 0.54,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - (1 - alpha) cos(t), for t from 0 to 2 pi.

    >>> weft.signal.windows.general_hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_cosine(
        M, a=[alpha, 1 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def hamming(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.54 - 0.46 cos(t), for t from 0 to 2 pi.

    >>> weft.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """(1 - cos(t)) / 2, for t from 0 to 2 pi.

    >>> weft.signal.windows.hann(3)
    tensor([0., 1., 0.])
    """
    return general_hamming(
        M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def blackman(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.42 - 0.5 cos(t) + 0.08 cos(2 t), for t from 0 to 2 pi.

    >>> round(weft.signal.windows.blackman(3)[1].item(), 5)
    1.0
    """
    return general_cosine(
        M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad
    )


def nuttall(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Nuttall's minimum 4-term Blackman-Harris window.

    >>> round(weft.signal.windows.nuttall(3)[1].item(), 5)
    1.0
    """
    return general_cosine(
        M,
        a=[0.3635819, 0.4891775, 0.1365995, 0.0106411],
        sym=sym,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
    )


def cosine(
    M: int,
    *,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """One arch of a sine.

    >>> weft.signal.windows.cosine(1)
    tensor([1.])
    """
    dtype = _checked("cosine", M, dtype, layout, device)
    t = (weft.arange(M, dtype=dtype) + 0.5) * (math.pi / (M if sym and M > 1 else M + 1))
    return finished(t.sin(), requires_grad)


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """exp(-|k - center| / tau), around the middle unless center says otherwise.

    >>> weft.signal.windows.exponential(3)[1].item()
    1.0
    """
    dtype = _checked("exponential", M, dtype, layout, device)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _steps(M, sym) / 2 if center is None else center
    return finished((-(weft.arange(M, dtype=dtype) - middle).abs() / tau).exp(), requires_grad)


def gaussian(
    M: int,
    *,
    std: float = 1.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """exp(-(k - middle)^2 / (2 std^2)).

    >>> weft.signal.windows.gaussian(3)[1].item()
    1.0
    """
    dtype = _checked("gaussian", M, dtype, layout, device)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    k = (weft.arange(M, dtype=dtype) - _steps(M, sym) / 2) / (std * math.sqrt(2))
    return finished((-(k * k)).exp(), requires_grad)


def kaiser(
    M: int,
    *,
    beta: float = 12.0,
    sym: bool = True,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """i0(beta sqrt(1 - t^2)) / i0(beta), for t from -1 to 1.

    >>> weft.signal.windows.kaiser(3)[1].item()
    1.0
    """
    dtype = _checked("kaiser", M, dtype, layout, device)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return weft.kaiser_window(M, not sym, beta, dtype=dtype, requires_grad=requires_grad)
