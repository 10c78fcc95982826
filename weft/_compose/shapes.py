"""Rotations, reflections, scattered views, index grids, and the small words around shape and dtype."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(ref=lambda x, k=1, dims=(0, 1): __import__("numpy").rot90(x, k, dims),
           samples=[((2, 3),), ((2, 3), 2), ((2, 3, 2), 3, [1, 2]), ((2, 2), -1)])  # fmt: skip
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """Turned by k times 90 degrees in a plane, from the first of dims towards the second.

    >>> weft.tensor([[1, 2], [3, 4]]).rot90().tolist()
    [[2, 4], [1, 3]]
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.dim() < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.dim()}")
    first, second = dims
    if first == second or abs(first - second) == input.dim():
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {first} and dim1 = {second}")
    k %= 4
    if k == 0:
        return input.clone()
    if k == 2:
        return input.flip(dims)
    return input.flip([second if k == 1 else first]).transpose(first, second)


@composite(ref="numpy.fliplr", samples=[((2, 3),)])
def fliplr(input: Tensor) -> Tensor:
    """A copy with columns in reverse order.

    >>> weft.tensor([[1, 2]]).fliplr().tolist()
    [[2, 1]]
    """
    if input.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return input.flip([1])


@composite(ref="numpy.flipud", samples=[((2, 3),), ((3,),)])
def flipud(input: Tensor) -> Tensor:
    """A copy with rows in reverse order.

    >>> weft.tensor([1, 2]).flipud().tolist()
    [2, 1]
    """
    if input.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return input.flip([0])


@composite(samples=[((5, 2), 0, 1, 3)])
def narrow_copy(input: Tensor, dim: int, start: int, length: int, *, out: Tensor | None = None) -> Tensor:
    """A copy of narrow(dim, start, length).

    >>> weft.arange(5).narrow_copy(0, 1, 2).tolist()
    [1, 2]
    """
    if dim >= max(input.dim(), 1):  # PyTorch's class here, and IndexError for dim < -input.dim()
        raise RuntimeError(f"narrow_copy: expected dim to be less than {input.dim()}, got {dim}")
    return input.narrow(dim, start, length).clone()


@composite(samples=[((3, 3), (3,)), ((2, 3, 4), (2, 2), -1, 1, 2)])
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy of input whose diagonal is src.

    >>> weft.zeros(2, 2).diagonal_scatter(weft.ones(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return _scattered(input, lambda x: x.diagonal(offset, dim1, dim2), src, "diagonal_scatter")


@composite(samples=[((2, 3), (3,), 0, 1), ((2, 3), (2,), -1, -1)])
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """A copy of input which holds src at one index of a dimension.

    >>> weft.zeros(2, 2).select_scatter(weft.ones(2), 0, 1).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    """
    return _scattered(input, lambda x: x.select(dim, index), src, "select_scatter")


@composite(samples=[((5, 2), (2, 2), 0, 1, 3), ((2, 6), (2, 2), 1, None, 3, 2)])
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of input which holds src in a slice of a dimension.

    >>> weft.zeros(3).slice_scatter(weft.ones(1), 0, 1, 2).tolist()
    [0.0, 1.0, 0.0]
    """
    leading = (slice(None),) * (dim % max(input.dim(), 1))
    return _scattered(input, lambda x: x[(*leading, slice(start, end, step))], src, "slice_scatter")


def _scattered(input: Tensor, view: Any, src: Tensor, name: str) -> Tensor:
    out = input.clone()
    target = view(out)
    if target.shape != src.shape:
        raise RuntimeError(f"{name}: expected src to have size {list(target.shape)}, but got {list(src.shape)}")
    target.copy_(src)
    return out


@composite(function=False)
def fill_diagonal_(self: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Sets the main diagonal (where all indices agree) to a number; wrap continues it below a tall matrix.

    >>> weft.zeros(2, 2).fill_diagonal_(1).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if self.dim() < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.dim() > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    length = min(self.shape)
    step = sum(self.stride())
    self.as_strided((length,), (step,), self.storage_offset()).fill_(fill_value)
    if wrap and self.dim() == 2 and self.size(0) > length + 1:
        columns = self.size(1)
        count = (self.numel() + columns) // (columns + 1) - length
        below = self.as_strided((count,), (step,), self.storage_offset() + (columns + 1) * self.stride(0))
        below.fill_(fill_value)
    return self


def _triangle_indices(mask: Tensor, dtype: Any) -> Tensor:
    return mask.nonzero().t().contiguous().to(dtype)


@composite(method=False)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """The row and column indices of the lower triangle of a matrix, shape (2, count), in row-major order.

    >>> weft.tril_indices(2, 2).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    return _triangle_indices(weft.ones(row, col, dtype=weft.bool).tril(offset), dtype or weft.int64)


@composite(method=False)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
) -> Tensor:
    """The row and column indices of the upper triangle of a matrix, shape (2, count), in row-major order.

    >>> weft.triu_indices(2, 2).tolist()
    [[0, 0, 1], [0, 1, 1]]
    """
    return _triangle_indices(weft.ones(row, col, dtype=weft.bool).triu(offset), dtype or weft.int64)


@composite(method=False)
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The coordinates of flat indices into a tensor of the given shape, one tensor a dimension.

    >>> [t.tolist() for t in weft.unravel_index(weft.tensor([3, 5]), (2, 3))]
    [[1, 1], [0, 2]]
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    found = []
    for size in reversed(sizes):
        found.append(indices % size)
        indices = indices // size
    return tuple(reversed(found))


@composite(method=False, samples=[((3,),), ((3,), 2), ((3,), 4, True)], big=[((301,),)], ref="numpy.vander")
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix whose columns are powers of a 1-dim tensor, highest first unless increasing.

    >>> weft.vander(weft.tensor([1, 2, 3])).tolist()
    [[1, 1, 1], [4, 2, 1], [9, 3, 1]]
    """
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    columns = x.numel() if N is None else N
    if columns < 0:
        raise RuntimeError("N must be non-negative.")
    powers = [weft.ones_like(x)]
    for _ in range(columns - 1):
        powers.append(powers[-1] * x)
    ordered = powers[:columns] if increasing else powers[:columns][::-1]
    return weft.stack(ordered, 1) if ordered else x.new_empty((x.numel(), 0))


@composite(samples=[((2, 3),)], ref=lambda x: x.swapaxes(-1, -2))
def adjoint(input: Tensor) -> Tensor:
    """The conjugate transpose of matrices, shape (..., m, n); the attribute mH.

    >>> weft.zeros(2, 3).adjoint().shape
    weft.Size([3, 2])
    """
    if input.dim() < 2:
        raise RuntimeError(
            f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.dim()}-D tensor."
        )
    return input.transpose(-2, -1).conj()


@composite(attribute=True, function=False)
def mH(input: Tensor) -> Tensor:
    """The conjugate transpose of matrices."""
    return adjoint(input)


@composite(attribute=True, function=False)
def H(input: Tensor) -> Tensor:
    """The conjugate transpose of a matrix."""
    if input.dim() not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {input.dim()}-D tensor.")
    return input if input.dim() == 0 else adjoint(input)


@composite(function=False)
def type_as(input: Tensor, other: Tensor) -> Tensor:
    """input in the dtype of other."""
    return input.to(other.dtype)


@composite(function=False, samples=[((2, 3), [3]), ((2, 3), [2, 1]), ((2, 3), [])])
def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """input summed over the dimensions along which `size` would be broadcast to it.

    >>> weft.ones(2, 3).sum_to_size(3).tolist()
    [2.0, 2.0, 2.0]
    """
    sizes = list(size[0]) if len(size) == 1 and not isinstance(size[0], int) else list(size)
    leading = input.dim() - len(sizes)
    if leading < 0 or any(n not in (1, m) for n, m in zip(sizes, input.shape[max(leading, 0) :], strict=True)):
        raise RuntimeError(f"size {{{sizes}}} is not expandable to size {{{list(input.shape)}}}.")
    dims = [*range(leading), *(leading + d for d, n in enumerate(sizes) if n == 1 and input.size(leading + d) != 1)]
    return input.sum(dims, keepdim=True).reshape(sizes) if dims else input.reshape(sizes)
