"""Pooling: maxima, means and norms over windows, of fixed or of adapted size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft.nn import _native as native
from weft.nn._functional._arguments import ntuple

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

avg_pool1d = native.avg_pool1d
avg_pool2d = native.avg_pool2d
avg_pool3d = native.avg_pool3d
adaptive_avg_pool1d = native.adaptive_avg_pool1d


def _max_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    stride = kernel_size if stride is None or stride == [] else stride
    pool = getattr(native, f"max_pool{n}d_with_indices" if return_indices else f"max_pool{n}d")
    return pool(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of ``input``, shape (N, C, L) or (C, L).

    >>> import weft
    >>> weft.nn.functional.max_pool1d(weft.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of ``input``, shape (N, C, H, W) or (C, H, W).

    Args:
        kernel_size: window, an integer or (kH, kW).
        stride: step between windows; default: ``kernel_size``.
        padding: -inf put around the image, at most half of the window.
        dilation: step between the elements of a window.
        ceil_mode: round the size of the output up.
        return_indices: also return where in the image each maximum was.

    >>> import weft
    >>> weft.nn.functional.max_pool2d(weft.arange(4.0).reshape(1, 2, 2), 2)
    tensor([[[3.]]])
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maximum of each window of ``input``, shape (N, C, D, H, W) or (C, D, H, W).

    >>> import weft
    >>> tuple(weft.nn.functional.max_pool3d(weft.ones(1, 4, 4, 4), 2).shape)
    (1, 2, 2, 2)
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(input: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """:func:`max_pool1d` with the indices of the maxima."""
    return max_pool1d(input, kernel_size, *args, **{**kwargs, "return_indices": True})


def max_pool2d_with_indices(input: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """:func:`max_pool2d` with the indices of the maxima."""
    return max_pool2d(input, kernel_size, *args, **{**kwargs, "return_indices": True})


def max_pool3d_with_indices(input: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """:func:`max_pool3d` with the indices of the maxima."""
    return max_pool3d(input, kernel_size, *args, **{**kwargs, "return_indices": True})


def _unpool(
    n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    kernel = ntuple(kernel_size, n)
    strides = kernel if stride is None else ntuple(stride, n)
    pads = ntuple(padding, n)
    spatial = input.shape[-n:]
    default = [(size - 1) * s + k - 2 * p for size, s, k, p in zip(spatial, strides, kernel, pads, strict=True)]
    if output_size is None:
        size = default
    else:
        size = list(output_size)[-n:]
        for d, (got, want, step) in enumerate(zip(size, default, strides, strict=True)):
            if not want - step < got < want + step:
                raise ValueError(
                    f'invalid output_size "{output_size}" (dim {d} must be between {want - step} and {want + step})'
                )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({tuple(input.shape)}) but "
            f"got indices tensor with shape: {tuple(indices.shape)}"
        )
    lead = list(input.shape[:-n])
    flat = weft.zeros([*lead, _product(size)], dtype=input.dtype, device=input.device)
    flat = flat.scatter(-1, indices.reshape([*lead, -1]), input.reshape([*lead, -1]))
    result = flat.reshape([*lead, *size])
    if (
        n == 2
        and input.dim() == 4
        and not input.is_contiguous()
        and input.is_contiguous(memory_format=weft.channels_last)
    ):
        return result.contiguous(memory_format=weft.channels_last)
    return result


def _product(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Put maxima back where :func:`max_pool1d` found them, zeros elsewhere.

    >>> import weft
    >>> pooled, where = weft.nn.functional.max_pool1d(weft.tensor([[1.0, 3.0]]), 2, return_indices=True)
    >>> weft.nn.functional.max_unpool1d(pooled, where, 2)
    tensor([[0., 3.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Put maxima back where :func:`max_pool2d` found them, zeros elsewhere."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Put maxima back where :func:`max_pool3d` found them, zeros elsewhere."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _full_size(name: str, output_size: Any, input: Tensor, n: int) -> tuple[int, ...]:
    """``output_size`` with the input's own size where it says None."""
    if input.dim() < n + 1:
        # PyTorch looks into a list for None before the operator sees it, and refuses that in its own way.
        kind = RuntimeError if isinstance(output_size, int) or n == 1 else ValueError
        raise kind(f"{name}(): Input dimension should be at least {n + 1}, got {input.dim()}")
    sizes = (output_size,) * n if output_size is None or isinstance(output_size, int) else tuple(output_size)
    sizes = sizes * n if len(sizes) == 1 else sizes
    if len(sizes) != n:
        raise RuntimeError(f"{name}(): output_size must be {n} numbers, got {len(sizes)}")
    if any(size is not None and size < 0 for size in sizes):
        raise RuntimeError(f"{name}(): expected no negative output_size, got {list(sizes)}")
    return tuple(own if size is None else size for size, own in zip(sizes, input.shape[-n:], strict=True))


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The means of windows chosen so that the output has the size asked for.

    Args:
        input: shape (N, C, H, W) or (C, H, W).
        output_size: an integer or (H, W); None keeps the input's size.

    >>> import weft
    >>> weft.nn.functional.adaptive_avg_pool2d(weft.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[1.5000]]])
    """
    return native.adaptive_avg_pool2d(input, _full_size("adaptive_avg_pool2d", output_size, input, 2))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """:func:`adaptive_avg_pool2d` for volumes, shape (N, C, D, H, W) or (C, D, H, W).

    >>> import weft
    >>> tuple(weft.nn.functional.adaptive_avg_pool3d(weft.ones(1, 4, 4, 4), 2).shape)
    (1, 2, 2, 2)
    """
    return native.adaptive_avg_pool3d(input, _full_size("adaptive_avg_pool3d", output_size, input, 3))


def _windows_max(input: Tensor, starts: list[list[int]], ends: list[list[int]]) -> tuple[Tensor, Tensor]:
    """The maximum, and its flat index, over the product of one window per spatial dimension.

    One dimension after the other: a maximum of maxima, each carrying the index of where it came from.
    """
    n = len(starts)
    sizes = list(input.shape[-n:])
    index = weft.arange(_product(sizes), device=input.device).reshape(sizes).expand(list(input.shape))
    values = input
    for d in range(-1, -n - 1, -1):
        best_values, best_index = [], []
        for start, end in zip(starts[d], ends[d], strict=True):
            top, position = values.narrow(d, start, end - start).max(d, keepdim=True)
            best_values.append(top)
            best_index.append(index.narrow(d, start, end - start).gather(d, position))
        values, index = weft.cat(best_values, d), weft.cat(best_index, d)
    return values, index


def _adaptive_max_pool(n: int, input: Tensor, output_size: Any, return_indices: bool) -> Any:
    sizes = _full_size(f"adaptive_max_pool{n}d", output_size, input, n)
    if 0 in sizes:
        empty = input.new_empty([*input.shape[:-n], *sizes])
        return (empty, empty.to(weft.int64)) if return_indices else empty
    spans = list(zip(sizes, input.shape[-n:], strict=True))
    starts = [[i * have // want for i in range(want)] for want, have in spans]
    ends = [[-(-(i + 1) * have // want) for i in range(want)] for want, have in spans]
    values, index = _windows_max(input, starts, ends)
    return (values, index) if return_indices else values


@expects_tensors
def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of windows chosen so that the output has the size asked for; ``input``: (N, C, L) or (C, L).

    >>> import weft
    >>> weft.nn.functional.adaptive_max_pool1d(weft.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]])
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool1d` for images, shape (N, C, H, W) or (C, H, W).

    >>> import weft
    >>> weft.nn.functional.adaptive_max_pool2d(weft.arange(4.0).reshape(1, 2, 2), 1)
    tensor([[[3.]]])
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """:func:`adaptive_max_pool1d` for volumes, shape (N, C, D, H, W) or (C, D, H, W)."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


@expects_tensors
def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool1d` with the indices of the maxima."""
    return _adaptive_max_pool(1, input, output_size, True)


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool2d` with the indices of the maxima."""
    return _adaptive_max_pool(2, input, output_size, True)


def adaptive_max_pool3d_with_indices(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool3d` with the indices of the maxima."""
    return _adaptive_max_pool(3, input, output_size, True)


def _fractional_starts(sample: float, have: int, want: int, kernel: int) -> list[int]:
    """Pseudo-random window starts: steps of floor or ceil of the ratio, shifted by ``sample``."""
    if want == 1:
        return [have - kernel]
    alpha = (have - kernel) / (want - 1)
    return [int((i + sample) * alpha) - int(sample * alpha) for i in range(want - 1)] + [have - kernel]


def _fractional_max_pool(
    n: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Any,
) -> Any:
    if output_size is None and output_ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    kernel = ntuple(kernel_size, n)
    spatial = list(input.shape[-n:])
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
        sizes = [int(size * ratio) for size, ratio in zip(spatial, ratios, strict=True)]
    else:
        sizes = list(ntuple(output_size, n))
    batched = input if input.dim() == n + 2 else input.unsqueeze(0)
    shape = [*input.shape[:-n], *sizes]
    if batched.size(0) == 0:
        empty = input.reshape(shape)
        return (empty, empty.to(weft.int64)) if return_indices else empty
    if samples is None:
        samples = weft.rand(batched.size(0), batched.size(1), n, dtype=input.dtype, device=input.device)
    planes = []
    shifts_of_planes = samples.reshape([-1, n])[: batched.size(0) * batched.size(1)].tolist()
    for plane, shifts in zip(batched.flatten(0, 1), shifts_of_planes, strict=True):
        order = shifts[::-1] if n == 2 else shifts  # PyTorch draws the shifts in the order (W, H) or (T, H, W)
        starts = [
            _fractional_starts(shift, have, want, k)
            for shift, have, want, k in zip(order, spatial, sizes, kernel, strict=True)
        ]
        ends = [[start + k for start in row] for row, k in zip(starts, kernel, strict=True)]
        planes.append(_windows_max(plane, starts, ends))
    values = weft.stack([value for value, _ in planes]).reshape(shape)
    if not return_indices:
        return values
    return values, weft.stack([index for _, index in planes]).reshape(shape)


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Max pooling of ``input``, shape (N, C, H, W), over windows at pseudo-random steps.

    Source: Graham, Fractional MaxPooling, 2014.

    >>> import weft
    >>> tuple(weft.nn.functional.fractional_max_pool2d(weft.ones(1, 1, 9, 9), 2, output_size=6).shape)
    (1, 1, 6, 6)
    """
    return _fractional_max_pool(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """:func:`fractional_max_pool2d` for volumes, shape (N, C, T, H, W)."""
    return _fractional_max_pool(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool2d_with_indices(input: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> Any:
    """:func:`fractional_max_pool2d` with the indices of the maxima."""
    return fractional_max_pool2d(input, kernel_size, *args, **{**kwargs, "return_indices": True})


def fractional_max_pool3d_with_indices(input: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> Any:
    """:func:`fractional_max_pool3d` with the indices of the maxima."""
    return fractional_max_pool3d(input, kernel_size, *args, **{**kwargs, "return_indices": True})


def _lp_pool(pool: Any, n: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil: bool) -> Tensor:
    count = _product(ntuple(kernel_size, n))
    mean = pool(input.pow(norm_type), kernel_size, stride, 0, ceil)
    return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type)


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-th root of the sum of that power of each window of ``input``, shape (N, C, L).

    >>> import weft
    >>> weft.nn.functional.lp_pool1d(weft.tensor([[3.0, 4.0]]), 2, 2)
    tensor([[5.]])
    """
    return _lp_pool(avg_pool1d, 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """:func:`lp_pool1d` for images, shape (N, C, H, W)."""
    return _lp_pool(avg_pool2d, 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """:func:`lp_pool1d` for volumes, shape (N, C, D, H, W)."""
    return _lp_pool(avg_pool3d, 3, input, norm_type, kernel_size, stride, ceil_mode)
