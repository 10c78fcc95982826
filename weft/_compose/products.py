"""Products of vectors and matrices that are made of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite


@composite(
    method=False,
    ref=lambda a, b, dims=2: __import__("numpy").tensordot(a, b, dims),
    samples=[((2, 3, 4), (3, 4, 2)), ((2, 3), (3, 4), 1), ((2, 3), (4, 2), [[0], [1]]), ((2,), (3,), 0)],
)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, *, out: Tensor | None = None) -> Tensor:
    """The product of two tensors summed over several dimensions.

    Args:
        dims: the number of last dimensions of a and first of b to sum over, or two lists that pair them.

    >>> weft.tensordot(weft.ones(2, 3), weft.ones(3, 4), 1).shape
    weft.Size([2, 4])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims >= 0 and within both tensors, but got dims={dims}")
        dims = (list(range(a.dim() - dims, a.dim())), list(range(dims)))
    in_a, in_b = ([dims_of] if isinstance(dims_of, int) else list(dims_of) for dims_of in dims)
    if len(in_a) != len(in_b):
        raise RuntimeError("both dimension lists should have same length")
    in_a, in_b = [d % max(a.dim(), 1) for d in in_a], [d % max(b.dim(), 1) for d in in_b]
    for d, e in zip(in_a, in_b, strict=True):
        if a.size(d) == 1:  # one element against many: the many are added up
            b = b.sum(e, keepdim=True, dtype=b.dtype)
        elif b.size(e) == 1:
            a = a.sum(d, keepdim=True, dtype=a.dtype)
        elif a.size(d) != b.size(e):
            raise RuntimeError(
                "contracted dimensions need to match, but first has size "
                f"{a.size(d)} in dim {d} and second has size {b.size(e)} in dim {e}"
            )
    rows = [d for d in range(a.dim()) if d not in in_a]
    columns = [d for d in range(b.dim()) if d not in in_b]
    inner_size = math.prod(a.size(d) for d in in_a)
    left = a.permute(rows + in_a).reshape(math.prod(a.size(d) for d in rows), inner_size)
    right = b.permute(in_b + columns).reshape(inner_size, math.prod(b.size(d) for d in columns))
    return weft.mm(left, right).reshape([a.size(d) for d in rows] + [b.size(d) for d in columns])


@composite(
    out_casts=True, ref="numpy.kron", samples=[((2, 3), (3, 2)), ((2,), (2, 2)), ((), (2,))], big=[((20, 21), (22, 23))]
)
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: each element of input times the whole of other.

    >>> weft.kron(weft.eye(2), weft.ones(1, 2)).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    """
    ndim = max(input.dim(), other.dim())
    a = [1] * (ndim - input.dim()) + list(input.shape)
    b = [1] * (ndim - other.dim()) + list(other.shape)
    left = input.reshape([s for size in a for s in (size, 1)])
    right = other.reshape([s for size in b for s in (1, size)])
    return (left * right).reshape([m * n for m, n in zip(a, b, strict=True)])


def _cross(input: Tensor, other: Tensor, dim: int) -> Tensor:
    if input.size(dim) != 3 or other.size(dim) != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.size(dim)} and {other.size(dim)}"
        )
    a, b = weft.broadcast_tensors(input, other)
    return a.roll(-1, dim) * b.roll(1, dim) - a.roll(1, dim) * b.roll(-1, dim)


@composite(
    ref=lambda a, b, dim: __import__("numpy").cross(a, b, axis=dim),
    samples=[((2, 3), (2, 3), 1), ((3, 2), (3, 2), 0)],
    big=[((30_001, 3), (30_001, 3), 1)],
)
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The cross product of vectors of length three along a dimension, by default the first of that size.

    >>> weft.cross(weft.tensor([1, 0, 0]), weft.tensor([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if dim is None:
        threes = [d for d, size in enumerate(input.shape) if size == 3]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = threes[0]
    return _cross(input, other, dim)


@composite(
    namespace="linalg",
    method=False,
    ref=lambda tensors: __import__("numpy").linalg.multi_dot(tensors),
    samples=[([(2, 3), (3, 4), (4, 2)],), ([(3,), (3, 4), (4,)],), ([(2, 3), (3, 1)],)],
)
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of a chain of matrices, in the order with the fewest multiplications; vectors may stand at the ends.

    Source: Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, "Matrix-chain multiplication".
    """
    if len(tensors) < 2:
        raise RuntimeError("multi_dot(): expected at least 2 tensors but got " + str(len(tensors)))
    chain = list(tensors)
    first, last = chain[0].dim() == 1, chain[-1].dim() == 1
    if first:
        chain[0] = chain[0].unsqueeze(0)
    if last:
        chain[-1] = chain[-1].unsqueeze(1)
    for i, matrix in enumerate(chain):
        if matrix.dim() != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {matrix.dim()}D")
    n = len(chain)
    sizes = [chain[0].size(0), *(m.size(1) for m in chain)]
    # best[i, j] is (multiplications, split) of the product of matrices i to j.
    best = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return chain[i]
        k = best[i, j][1]
        return weft.mm(product(i, k), product(k + 1, j))

    out = product(0, n - 1)
    if first:
        out = out.squeeze(0)
    return out.squeeze(-1) if last else out


@composite(method=False)
def chain_matmul(*matrices: Any, out: Tensor | None = None) -> Tensor:
    """The product of a chain of matrices; see linalg.multi_dot.

    >>> weft.chain_matmul(weft.ones(1, 2), weft.ones(2, 3), weft.ones(3, 1)).tolist()
    [[6.0]]
    """
    listed = matrices[0] if len(matrices) == 1 and isinstance(matrices[0], list | tuple) else matrices
    for i, matrix in enumerate(listed):
        if not isinstance(matrix, Tensor):
            raise TypeError(f"chain_matmul(): expected Tensors, but argument {i} is {type(matrix).__name__}")
    return listed[0] if len(listed) == 1 else multi_dot(listed)
