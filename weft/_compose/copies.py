"""Copies of views: each `name_copy` is the view `name` in memory of its own, contiguous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


def _fresh(view: Tensor) -> Tensor:
    return view.clone(memory_format=weft.contiguous_format)


@composite(method=False, samples=[((2, 3),)])
def alias_copy(input: Tensor, *, out: Any = None) -> Tensor:
    """A copy of the tensor."""
    return _fresh(input)


@composite(method=False)
def as_strided_copy(
    input: Tensor, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None, *, out: Any = None
) -> Tensor:
    """A copy of as_strided(input, ...)."""
    return _fresh(input.as_strided(size, stride, storage_offset))


@composite(method=False)
def detach_copy(input: Tensor, *, out: Any = None) -> Tensor:
    """A copy of detach(input)."""
    return _fresh(input.detach())


@composite(method=False, samples=[((2, 3),)])
def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1, *, out: Any = None) -> Tensor:
    """A copy of diagonal(input, ...)."""
    return _fresh(input.diagonal(offset, dim1, dim2))


@composite(method=False, samples=[((1, 3), [2, 3])])
def expand_copy(input: Tensor, size: Sequence[int], *, implicit: bool = False, out: Any = None) -> Tensor:
    """A copy of expand(input, ...)."""
    return _fresh(input.expand(size))


@composite(method=False, samples=[((2, 3), [1, 0])])
def permute_copy(input: Tensor, dims: Sequence[int], *, out: Any = None) -> Tensor:
    """A copy of permute(input, ...)."""
    return _fresh(input.permute(dims))


@composite(method=False, samples=[((2, 3), 0, 1)])
def select_copy(input: Tensor, dim: int, index: int, *, out: Any = None) -> Tensor:
    """A copy of select(input, ...)."""
    return _fresh(input.select(dim, index))


def _slice(input: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    dim = dim if dim >= 0 else dim + input.dim()
    return input[(slice(None),) * dim + (slice(start, end, step),)]


@composite(method=False, samples=[((4, 3), 0, 1, 3)])
def slice_copy(
    input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1, *, out: Any = None
) -> Tensor:
    """A copy of slice(input, ...)."""
    return _fresh(_slice(input, dim, start, end, step))


@composite(method=False, samples=[((1, 3),)])
def squeeze_copy(input: Tensor, dim: Any = None, *, out: Any = None) -> Tensor:
    """A copy of squeeze(input, ...)."""
    return _fresh(input.squeeze() if dim is None else input.squeeze(dim))


@composite(method=False, samples=[((2, 3),)])
def t_copy(input: Tensor, *, out: Any = None) -> Tensor:
    """A copy of t(input)."""
    return _fresh(input.t())


@composite(method=False, samples=[((2, 3), 0, 1)])
def transpose_copy(input: Tensor, dim0: int, dim1: int, *, out: Any = None) -> Tensor:
    """A copy of transpose(input, ...)."""
    return _fresh(input.transpose(dim0, dim1))


@composite(method=False, samples=[((5,), 0, 2, 1)])
def unfold_copy(input: Tensor, dimension: int, size: int, step: int, *, out: Any = None) -> Tensor:
    """A copy of unfold(input, ...)."""
    return _fresh(input.unfold(dimension, size, step))


@composite(method=False, samples=[((2,), 0)])
def unsqueeze_copy(input: Tensor, dim: int, *, out: Any = None) -> Tensor:
    """A copy of unsqueeze(input, ...)."""
    return _fresh(input.unsqueeze(dim))


@composite(method=False)
def view_copy(input: Tensor, size: Any, *, out: Any = None) -> Tensor:
    """A copy of view(input, ...)."""
    return _fresh(input.view(size))


@composite(method=False)
def view_as_complex_copy(input: Tensor, *, out: Any = None) -> Tensor:
    """A copy of view_as_complex(input)."""
    return _fresh(weft.view_as_complex(input))


@composite(method=False)
def view_as_real_copy(input: Tensor, *, out: Any = None) -> Tensor:
    """A copy of view_as_real(input)."""
    return _fresh(weft.view_as_real(input))


@composite(method=False, samples=[((4,), 2)])
def split_copy(input: Tensor, split_size: int, dim: int = 0, *, out: Any = None) -> tuple[Tensor, ...]:
    """Copies of split(input, ...)."""
    return tuple(_fresh(part) for part in input.split(split_size, dim))


@composite(method=False, samples=[((4,), [1, 3])])
def split_with_sizes_copy(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0, *, out: Any = None
) -> tuple[Tensor, ...]:
    """Copies of split_with_sizes(input, ...)."""
    return tuple(_fresh(part) for part in input.split_with_sizes(split_sizes, dim))


@composite(method=False, samples=[((2, 3),)])
def unbind_copy(input: Tensor, dim: int = 0, *, out: Any = None) -> tuple[Tensor, ...]:
    """Copies of unbind(input, ...)."""
    return tuple(_fresh(part) for part in input.unbind(dim))
