"""weft.fft: the discrete Fourier transforms by PyTorch's names, over three native ones (ops/fourier.py)."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite
from weft._core import dtype as Dtype
from weft._device import DeviceLike, check_cpu

_native = weft._core.internal
_NORMS = (None, "backward", "ortho", "forward")
Sizes = Sequence[int] | int | None


def _scale(norm: str | None, sizes: Sequence[int], forward: bool) -> float:
    """What a transform multiplies by: the inverse divides by the number of points unless norm says otherwise."""
    if norm not in _NORMS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    points = math.prod(sizes)
    if norm == "ortho":
        return 1 / math.sqrt(points)
    return 1 / points if (norm == "forward") == forward else 1.0


def _promoted(input: Tensor, op: str, *, complex: bool = False, real: bool = False) -> Tensor:
    """input as floats, as complex numbers if it must be; RuntimeError where it is complex and may not be."""
    dtype = input.dtype
    if real and dtype.is_complex:
        raise RuntimeError(f"{op} expects a real input tensor, but got {_scalar_type(dtype)}")
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = weft.get_default_dtype()
    if dtype in (weft.float16, weft.bfloat16):
        raise RuntimeError(f"{op}: Unsupported dtype {_scalar_type(dtype)}")
    return input.to(dtype.to_complex() if complex else dtype)


def _scalar_type(dtype: Dtype) -> str:
    return {"complex64": "ComplexFloat", "complex128": "ComplexDouble", "float16": "Half", "bfloat16": "BFloat16"}[
        str(dtype).rpartition(".")[2]
    ]


def _list(value: Sizes) -> list[int] | None:
    return None if value is None else [value] if isinstance(value, int) else [operator.index(v) for v in value]


def _wrapped(input: Tensor, dim: int) -> int:
    rank = input.dim()
    if rank == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    if not -rank <= dim < rank:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
    return dim % rank


def _shape_and_dims(input: Tensor, s: Sizes, dim: Sizes) -> tuple[list[int], list[int]]:
    """The number of points in each transformed dimension, and these dimensions."""
    sizes, dims = _list(s), _list(dim)
    if dims is not None:
        dims = [_wrapped(input, d) for d in dims]
        if len(set(dims)) != len(dims):
            raise RuntimeError("FFT dims must be unique")
    if sizes is not None:
        if dims is not None and len(sizes) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
        if len(sizes) > input.dim():
            raise RuntimeError(
                f"Got shape with {len(sizes)} values but input tensor only has {input.dim()} dimensions."
            )
    if dims is None:
        dims = list(range(input.dim() - len(sizes) if sizes is not None else 0, input.dim()))
    if sizes is None:
        sizes = [-1] * len(dims)
    sizes = [input.size(d) if n == -1 else n for n, d in zip(sizes, dims, strict=True)]
    for n in sizes:
        _check_points(n)
    return sizes, dims


def _check_points(n: int) -> None:
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")


def _resized(input: Tensor, sizes: Sequence[int], dims: Sequence[int]) -> Tensor:
    """input cut off, or continued by zeros, to these sizes."""
    padding = [0] * (2 * input.dim())
    for n, d in zip(sizes, dims, strict=True):
        if n < input.size(d):
            input = input.narrow(d, 0, n)
        else:
            padding[2 * (input.dim() - 1 - d) + 1] = n - input.size(d)
    return weft.nn.functional.pad(input, padding) if any(padding) else input


def _complex_transform(op: str, input: Tensor, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Tensor:
    sizes, dims = _shape_and_dims(input, s, dim)
    x = _promoted(input, op)
    scale = _scale(norm, sizes, forward)
    if not dims:
        return x.to(x.dtype.to_complex())
    return _native.fft_c2c(_resized(x, sizes, dims), dims, scale, forward)


def _half_transform(op: str, input: Tensor, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Tensor:
    x = _promoted(input, op, real=True)
    sizes, dims = _shape_and_dims(input, s, dim)
    if not dims:
        raise RuntimeError(f"{op} must transform at least one axis")
    x, scale = _resized(x, sizes, dims), _scale(norm, sizes, forward)
    if forward:
        return _native.fft_r2c(x, dims, scale)
    half = _native.fft_r2c(x, dims[-1:], scale).conj()
    return _native.fft_c2c(half, dims[:-1], 1.0, False) if dims[:-1] else half


def _real_transform(op: str, input: Tensor, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Tensor:
    x = _promoted(input, op, complex=True)
    wanted, dims = _list(s), dim
    last = wanted[-1] if wanted else -1
    if wanted and last != -1:
        wanted[-1] = max(last, 0) // 2 + 1
    sizes, dims = _shape_and_dims(input, wanted, dims)
    if not dims:
        raise RuntimeError(f"{op} must transform at least one axis")
    points = 2 * (sizes[-1] - 1) if last == -1 else last
    _check_points(points)
    sizes[-1] = points // 2 + 1
    x = _resized(x, sizes, dims)
    return _native.fft_c2r(x.conj() if forward else x, dims, _scale(norm, [*sizes[:-1], points], forward), points)


_Transform = Callable[[str, Tensor, Sizes, Sizes, str | None, bool], Tensor]


def _one(f: _Transform, op: str, input: Tensor, n: int | None, dim: int, norm: str | None, forward: bool) -> Tensor:
    return f(op, input, None if n is None else [n], [dim], norm, forward)


@composite(out_casts=True, namespace="fft", method=False)
def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The discrete Fourier transform along a dimension: complex, n points.

    Args:
        input: cut off or continued by zeros to n points when n is given.
        norm: "backward" (the default) leaves sums as they are, "forward" divides by n, "ortho" by sqrt(n).

    >>> weft.fft.fft(weft.tensor([1.0, 0.0, -1.0, 0.0])).real
    tensor([0., 2., 0., 2.])
    """
    return _one(_complex_transform, "fft", input, n, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of fft: "backward", the default, divides by n, "ortho" by sqrt(n), "forward" by nothing.

    >>> weft.fft.ifft(weft.fft.fft(weft.tensor([1.0, 2.0]))).real
    tensor([1., 2.])
    """
    return _one(_complex_transform, "ifft", input, n, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The first n // 2 + 1 points of the transform of real numbers; the others are their conjugates.

    >>> weft.fft.rfft(weft.tensor([1.0, 0.0, -1.0, 0.0])).real
    tensor([0., 2., 0.])
    """
    return _one(_half_transform, "rfft", input, n, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of rfft: n real numbers, an even number of them when n is not given.

    >>> weft.fft.irfft(weft.fft.rfft(weft.tensor([1.0, 2.0, 3.0])), 3)
    tensor([1., 2., 3.])
    """
    return _one(_real_transform, "irfft", input, n, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The transform, n real numbers, of what equals its own conjugate backwards and is given by its first half.

    >>> weft.fft.hfft(weft.tensor([1.0, 2.0, 3.0]))
    tensor([ 8., -2.,  0., -2.])
    """
    return _one(_real_transform, "hfft", input, n, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of hfft: n // 2 + 1 points.

    >>> weft.fft.ihfft(weft.tensor([8.0, -2.0, 0.0, -2.0])).real
    tensor([1., 2., 3.])
    """
    return _one(_half_transform, "ihfft", input, n, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """fft along two dimensions.

    >>> weft.fft.fft2(weft.ones(2, 2)).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _complex_transform("fft2", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of fft2.

    >>> weft.fft.ifft2(weft.ones(2, 2)).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _complex_transform("ifft2", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """rfft along the last of two dimensions, then fft along the other.

    >>> weft.fft.rfft2(weft.ones(2, 2)).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _half_transform("rfft2", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of rfft2.

    >>> weft.fft.irfft2(weft.ones(2, 2)).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _real_transform("irfft2", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """fft along the first of two dimensions, hfft along the other.

    >>> weft.fft.hfft2(weft.ones(2, 2)).tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _real_transform("hfft2", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of hfft2.

    >>> weft.fft.ihfft2(weft.ones(2, 2)).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _half_transform("ihfft2", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """fft along several dimensions: all, the last len(s), or those of dim.

    >>> weft.fft.fftn(weft.ones(2, 2)).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _complex_transform("fftn", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of fftn.

    >>> weft.fft.ifftn(weft.ones(2, 2)).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _complex_transform("ifftn", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """rfft along the last of several dimensions, then fft along the others.

    >>> weft.fft.rfftn(weft.ones(2, 2)).real.tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _half_transform("rfftn", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of rfftn.

    >>> weft.fft.irfftn(weft.ones(2, 2)).tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _real_transform("irfftn", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """fft along several dimensions but the last, hfft along that.

    >>> weft.fft.hfftn(weft.ones(2, 2)).tolist()
    [[4.0, 0.0], [0.0, 0.0]]
    """
    return _real_transform("hfftn", input, s, dim, norm, True)


@composite(out_casts=True, namespace="fft", method=False)
def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None, *, out: Any = None) -> Tensor:
    """The inverse of hfftn.

    >>> weft.fft.ihfftn(weft.ones(2, 2)).real.tolist()
    [[1.0, 0.0], [0.0, 0.0]]
    """
    return _half_transform("ihfftn", input, s, dim, norm, False)


@composite(out_casts=True, namespace="fft", method=False)
def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of fft's n points, in cycles per unit of the sample spacing d; the second half is negative.

    >>> weft.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    check_cpu(device)
    points = weft.arange(n, dtype=dtype or weft.get_default_dtype())
    points[(n + 1) // 2 :] -= n
    return (points * (1.0 / (n * d)) if n else points).requires_grad_(requires_grad)


@composite(out_casts=True, namespace="fft", method=False)
def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Any = None,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of rfft's n // 2 + 1 points, in cycles per unit of the sample spacing d.

    >>> weft.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    check_cpu(device)
    points = weft.arange(n // 2 + 1, dtype=dtype or weft.get_default_dtype())
    return (points * (1.0 / (n * d)) if n else points).requires_grad_(requires_grad)


def _rolled(input: Tensor, dim: Sizes, share: Callable[[int], int]) -> Tensor:
    dims = _list(dim)
    dims = list(range(input.dim())) if dims is None else [_wrapped(input, d) for d in dims]
    return input.roll([share(input.size(d)) for d in dims], dims) if dims else input


@composite(namespace="fft", method=False)
def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The points of a transform in the order of their frequencies, zero in the middle, along all dimensions or those of dim.

    >>> weft.fft.fftshift(weft.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _rolled(input, dim, lambda n: n // 2)


@composite(namespace="fft", method=False)
def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Undoes fftshift.

    >>> weft.fft.ifftshift(weft.tensor([-0.5, -0.25, 0.0, 0.25]))
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return _rolled(input, dim, lambda n: (n + 1) // 2)
