"""Tensors cut into views."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from weft import Tensor
from weft._compose._registry import composite


@composite(samples=[((7, 2), 3), ((2, 5), [1, 3], 1), ((4,), [2, 9]), ((2, 3), 2, -1), ((5,), [3, 1])])
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views cut off before each of the given indices, or a number of views of nearly equal length.

    >>> [t.tolist() for t in weft.arange(5).tensor_split(2)]
    [[0, 1, 2], [3, 4]]
    """
    if input.dim() == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if isinstance(indices_or_sections, Tensor):
        indices_or_sections = indices_or_sections.tolist()
    size = input.size(dim)
    if isinstance(indices_or_sections, int):
        n = indices_or_sections
        if n <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {n}")
        return tuple(input.split([size // n + (i < size % n) for i in range(n)], dim))
    ends = [*(min(max(i + size if i < 0 else i, 0), size) for i in indices_or_sections), size]
    if all(a <= b for a, b in itertools.pairwise(ends)):
        return tuple(input.split([b - a for a, b in zip([0, *ends], ends, strict=False)], dim))
    starts = [0, *ends[:-1]]
    return tuple(input.narrow(dim, a, max(b - a, 0)) for a, b in zip(starts, ends, strict=True))


def _sections(name: str, input: Tensor, indices_or_sections: Any, dim: int) -> tuple[Tensor, ...]:
    if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or input.size(dim) % indices_or_sections):
        raise RuntimeError(
            f"{name} attempted to split along dimension {dim}, but the size of the dimension {input.size(dim)} is "
            f"not divisible by the split_size {indices_or_sections}!"
        )
    return tensor_split(input, indices_or_sections, dim)


@composite(samples=[((2, 4), 2), ((4,), [1])])
def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split along columns (along the only dimension of a 1-dim tensor), into equal parts.

    >>> len(weft.zeros(2, 4).hsplit(2))
    2
    """
    if input.dim() == 0:
        raise RuntimeError("hsplit requires a tensor with at least 1 dimension, but got a tensor with 0 dimensions!")
    return _sections("hsplit", input, indices_or_sections, 0 if input.dim() == 1 else 1)


@composite(samples=[((4, 2), 2), ((4, 2), [1])])
def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split along rows, into equal parts.

    >>> len(weft.zeros(4, 2).vsplit(2))
    2
    """
    if input.dim() < 2:
        raise RuntimeError(
            f"vsplit requires a tensor with at least 2 dimension, but got a tensor with {input.dim()} dimensions!"
        )
    return _sections("vsplit", input, indices_or_sections, 0)


@composite(samples=[((1, 2, 4), 2), ((1, 2, 4), [1])])
def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """tensor_split along the third dimension, into equal parts.

    >>> len(weft.zeros(1, 2, 4).dsplit(2))
    2
    """
    if input.dim() < 3:
        raise RuntimeError(
            f"dsplit requires a tensor with at least 3 dimension, but got a tensor with {input.dim()} dimensions!"
        )
    return _sections("dsplit", input, indices_or_sections, 2)
