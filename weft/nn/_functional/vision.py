"""Images: padding, resizing, resampling, and moving channels to pixels and back."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft._core import internal
from weft.nn import _native as native

__all__ = [
    "affine_grid",
    "channel_shuffle",
    "grid_sample",
    "interpolate",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

_LINEAR = ("linear", "bilinear", "trilinear")
_MODES = {
    1: ("nearest", "nearest-exact", "area", "linear"),
    2: ("nearest", "nearest-exact", "area", "bilinear", "bicubic"),
    3: ("nearest", "nearest-exact", "area", "trilinear"),
}


# Native as it is: the table documents it.
pad = native.pad


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize signals, images or volumes.

    Args:
        input: shape (N, C, L), (N, C, H, W) or (N, C, D, H, W).
        size: the new spatial size, an integer or a tuple; or
        scale_factor: what to multiply the size with.
        mode: "nearest", "nearest-exact", "area", "linear", "bilinear", "bicubic" or "trilinear".
        align_corners: for the linear and cubic modes: whether corner pixels keep their place.
        recompute_scale_factor: take the scale from the rounded sizes.
        antialias: filter when making images smaller; "bilinear" and "bicubic" only.

    >>> import weft
    >>> weft.nn.functional.interpolate(weft.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    n = input.dim() - 2
    interpolating = mode in _LINEAR or mode == "bicubic"
    if align_corners is not None and not interpolating:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    if n not in _MODES or mode not in _MODES[n]:
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the modes: "
            f"nearest | linear | bilinear | bicubic | trilinear | area | nearest-exact (got {mode})"
        )
    if antialias and not (mode in ("bilinear", "bicubic") and n == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    sizes, scales = _output_size(input, n, size, scale_factor, recompute_scale_factor)
    if mode == "area":
        pool = (native.adaptive_avg_pool1d, native.adaptive_avg_pool2d, native.adaptive_avg_pool3d)[n - 1]
        return pool(input, sizes)
    result = input
    for d in reversed(range(n)):
        result = _resize(result, d - n, sizes[d], scales[d], mode, bool(align_corners), antialias)
    return _laid_out_as(input, result.clone() if result is input else result)


def _laid_out_as(input: Tensor, result: Tensor) -> Tensor:
    """result with its channels last in memory where the input has them there."""
    formats = {4: weft.channels_last, 5: weft.channels_last_3d}
    last = formats.get(input.dim(), weft.contiguous_format)
    if input.is_contiguous() or not input.is_contiguous(memory_format=last):
        last = weft.contiguous_format
    return result.contiguous(memory_format=last)


def _output_size(
    input: Tensor, n: int, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    """The new spatial size, and the scale to compute positions with where it is given."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    spatial = list(input.shape[2:])
    if size is not None:
        sizes = list(size) if isinstance(size, (tuple, list)) else [size] * n
        if len(sizes) != n:
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got input with "
                f"spatial dimensions of {spatial} and output size of {size}."
            )
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return [int(s) for s in sizes], [None] * n
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    factors = list(scale_factor) if isinstance(scale_factor, (tuple, list)) else [scale_factor] * n
    if len(factors) != n:
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but got input with "
            f"spatial dimensions of {spatial} and scale_factor of shape {scale_factor}."
        )
    sizes = [math.floor(float(s * factor)) for s, factor in zip(spatial, factors, strict=True)]
    return sizes, [None] * n if recompute else [float(factor) for factor in factors]


def _resize(
    input: Tensor, dim: int, out: int, scale: float | None, mode: str, align_corners: bool, antialias: bool
) -> Tensor:
    """Resize one dimension: pick positions, or mix them with a sparse matrix of weights."""
    size = input.size(dim)
    if out <= 0 or size == 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input (size {size}) and output (size {out})"
        )
    if mode not in ("nearest", "nearest-exact") and not align_corners and out == size and scale in (None, 1.0):
        return input
    step = 1 / scale if scale is not None else size / out
    target = weft.arange(out, dtype=weft.float64)
    if mode in ("nearest", "nearest-exact"):
        shift = 0.5 if mode == "nearest-exact" else 0.0
        index = ((target + shift) * step).floor().clamp(0, size - 1).to(weft.int64)
        return input.index_select(dim, index)
    if align_corners:
        step = (size - 1) / (out - 1) if out > 1 else 0.0
        position = target * step
    else:
        position = (target + 0.5) * step - 0.5
    if antialias:
        return _filtered(input, dim, out, step, mode)
    if mode in _LINEAR:
        position = position.clamp_min(0)
        first = position.floor().clamp_max(size - 1)
        weights = [(0, 1 - (position - first)), (1, position - first)]
    else:
        first = position.floor()
        weights = [(k - 1, _cubic(position - first - (k - 1), -0.75)) for k in range(4)]
    index = weft.stack([(first + offset).clamp(0, size - 1) for offset, _ in weights]).to(weft.int64)
    weight = weft.stack([weight for _, weight in weights])
    if input.is_floating_point():
        return internal.mix_lines(input, index, weight, dim)
    return internal.mix_lines(input.to(weft.float64), index, weight, dim).round().to(input.dtype)


def _cubic(x: Tensor, a: float) -> Tensor:
    """Keys' cubic convolution kernel."""
    x = x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return weft.where(x <= 1, near, weft.where(x < 2, far, weft.zeros_like(x)))


def _filtered(input: Tensor, dim: int, out: int, step: float, mode: str) -> Tensor:
    """Resize with the kernel widened to the step, so that nothing is skipped when making images smaller."""
    size = input.size(dim)
    stretch = max(step, 1.0)
    support = (1 if mode == "bilinear" else 2) * stretch
    center = (weft.arange(out, dtype=weft.float64) + 0.5) * step
    position = weft.arange(size, dtype=weft.float64)
    low = (center - support + 0.5).floor().clamp_min(0).unsqueeze(1)
    high = (center + support + 0.5).floor().clamp_max(size).unsqueeze(1)
    distance = (position + 0.5 - center.unsqueeze(1)) / stretch
    weight = (1 - distance.abs()).clamp_min(0) if mode == "bilinear" else _cubic(distance, -0.5)
    weight = weft.where((position >= low) & (position < high), weight, weft.zeros_like(weight))
    weight = weight / weight.sum(1, keepdim=True)
    return weft.matmul(input.movedim(dim, -1), weight.t().to(input.dtype)).movedim(-1, dim)


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Deprecated name of :func:`interpolate`."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated: ``interpolate(mode="nearest")``."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Deprecated: ``interpolate(mode="bilinear", align_corners=True)``."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The sampling grid of a batch of affine maps, for :func:`grid_sample`.

    Args:
        theta: shape (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: (N, C, H, W) or (N, C, D, H, W) of the output.
        align_corners: whether -1 and 1 mean the centers of the corner pixels.

    Returns:
        Shape (N, H, W, 2) or (N, D, H, W, 3).

    >>> import weft
    >>> tuple(weft.nn.functional.affine_grid(weft.zeros(1, 2, 3), (1, 1, 4, 5), align_corners=False).shape)
    (1, 4, 5, 2)
    """
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
            "Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
    spatial = list(size)[2:]
    n = len(spatial)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if n not in (2, 3) or theta.dim() != 3 or list(theta.shape[1:]) != [n, n + 1]:
        raise ValueError(
            f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {list(size)}. "
            f"Got {list(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {list(size)}")
    axes = []
    for length in spatial:
        line = weft.linspace(-1, 1, length, dtype=theta.dtype)
        if length == 1:
            line = weft.zeros(1, dtype=theta.dtype)
        axes.append(line if align_corners else line * ((length - 1) / length))
    points = weft.stack([*reversed(weft.meshgrid(*axes, indexing="ij"))], -1).reshape(-1, n)
    grid = weft.matmul(points, theta[:, :, :n].transpose(1, 2)) + theta[:, :, n].unsqueeze(1)
    return grid.reshape([theta.size(0), *spatial, n])


@expects_tensors
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Images sampled at given positions.

    Args:
        input: shape (N, C, H, W) or (N, C, D, H, W).
        grid: positions (x, y) or (x, y, z) from -1 to 1, shape (N, Ho, Wo, 2) or (N, Do, Ho, Wo, 3).
        mode: "bilinear", "nearest" or, for images, "bicubic".
        padding_mode: what lies outside: "zeros", "border" or "reflection".
        align_corners: whether -1 and 1 mean the centers of the corner pixels.

    Returns:
        Shape (N, C, Ho, Wo) or (N, C, Do, Ho, Wo).

    >>> import weft
    >>> image = weft.arange(4.0).reshape(1, 1, 2, 2)
    >>> weft.nn.functional.grid_sample(image, weft.zeros(1, 1, 1, 2), align_corners=True)
    tensor([[[[1.5000]]]])
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
            f"but got: '{padding_mode}'"
        )
    if align_corners is None:
        warnings.warn(
            "Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
            "Please specify align_corners=True if the old behavior is desired.",
            stacklevel=2,
        )
    n = input.dim() - 2
    if n not in (2, 3) or grid.dim() != n + 2 or grid.size(-1) != n or grid.size(0) != input.size(0):
        raise RuntimeError(
            "grid_sampler(): expected 4D or 5D input and a grid with the same batch size, number of "
            f"dimensions and {n} coordinates, but got input with sizes {list(input.shape)} and grid with "
            f"sizes {list(grid.shape)}"
        )
    if mode == "bicubic" and n == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    spatial = list(input.shape[2:])
    positions = []
    for d, size in enumerate(spatial):  # grid's last dimension counts x first, ours last
        x = grid[..., n - 1 - d]
        position = (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2
        # The cubic kernel folds each of its taps instead of its center.
        positions.append(position if mode == "bicubic" else _fold(position, size, padding_mode, bool(align_corners)))
    return _gather_taps(input, positions, mode, padding_mode, bool(align_corners))


def _fold(position: Tensor, size: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Bring positions outside of the image to the border, or mirror them."""
    if padding_mode == "zeros":
        return position
    if padding_mode == "reflection":
        low, span = (0.0, size - 1) if align_corners else (-0.5, size)
        if span == 0:
            return weft.zeros_like(position)
        distance = (position - low).abs()
        extra = weft.fmod(distance, span)
        flipped = (distance / span).floor() % 2 != 0
        position = weft.where(flipped, span - extra, extra) + low
    return position.clamp(0, size - 1)


def _gather_taps(input: Tensor, positions: list[Tensor], mode: str, padding_mode: str, align_corners: bool) -> Tensor:
    """The weighted sum over all combinations of each dimension's taps."""
    n_batch, channels, *spatial = input.shape
    taps: list[list[tuple[Tensor, Tensor | None]]] = []
    for position in positions:
        if mode == "nearest":
            taps.append([(position.round(), None)])
            continue
        first = position.floor()
        fraction = position - first
        if mode == "bilinear":
            taps.append([(first, 1 - fraction), (first + 1, fraction)])
        else:
            taps.append([(first + k, _cubic(fraction - k, -0.75)) for k in range(-1, 3)])
    flat = input.reshape(n_batch, channels, -1)
    out_shape = list(positions[0].shape[1:])
    result: Tensor | None = None
    combinations: list[list[tuple[Tensor, Tensor | None]]] = [[]]
    for choices in taps:
        combinations = [[*chosen, choice] for chosen in combinations for choice in choices]
    for chosen in combinations:
        index: Any = 0
        weight: Any = None
        for (place, factor), size in zip(chosen, spatial, strict=True):
            if mode == "bicubic":
                place = _fold(place, size, padding_mode, align_corners)
            if padding_mode == "zeros":
                inside = ((place >= 0) & (place <= size - 1)).to(input.dtype)
                factor = inside if factor is None else factor * inside
            index = index * size + place.detach().clamp(0, size - 1).nan_to_num().to(weft.int64)
            if factor is not None:
                weight = factor if weight is None else weight * factor
        picked = flat.gather(2, index.reshape(n_batch, 1, -1).expand(n_batch, channels, -1))
        picked = picked.reshape([n_batch, channels, *out_shape])
        term = picked if weight is None else picked * weight.unsqueeze(1)
        result = term if result is None else result + term
    assert result is not None
    return result


@expects_tensors
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Move channels to pixels: (..., C * r * r, H, W) to (..., C, H * r, W * r).

    >>> import weft
    >>> weft.nn.functional.pixel_shuffle(weft.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    r = upscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    x = input.reshape(math.prod(lead), c // (r * r), r, r, h, w).permute(0, 1, 4, 2, 5, 3)
    result = x.clone(memory_format=weft.contiguous_format).view([*lead, c // (r * r), h * r, w * r])
    return _laid_out_as(input, result)


@expects_tensors
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Move pixels to channels: (..., C, H * r, W * r) to (..., C * r * r, H, W).

    >>> import weft
    >>> tuple(weft.nn.functional.pixel_unshuffle(weft.zeros(1, 4, 4), 2).shape)
    (4, 2, 2)
    """
    r = downscale_factor
    if input.dim() < 3:
        raise RuntimeError(
            "pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
            f"{input.dim()} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    for name, size, where in (("height", h, -2), ("width", w, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but "
                f"input.size({where})={size} is not divisible by {r}"
            )
    x = input.reshape(math.prod(lead), c, h // r, r, w // r, r).permute(0, 1, 3, 5, 2, 4)
    result = x.clone(memory_format=weft.contiguous_format).view([*lead, c * r * r, h // r, w // r])
    return _laid_out_as(input, result)


@expects_tensors
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deal the channels of ``input``, shape (N, C, ...), out to ``groups`` in turn.

    >>> import weft
    >>> weft.nn.functional.channel_shuffle(weft.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    n, c, *spatial = input.shape
    if c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    return input.reshape([n, groups, c // groups, *spatial]).transpose(1, 2).reshape(input.shape)
