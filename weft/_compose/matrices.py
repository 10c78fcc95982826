"""weft.linalg's functions that are made of factorizations, norms and products."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft._compose._registry import composite
from weft._core import dtype as Dtype


def _matrices(op: str, a: Tensor) -> None:
    if a.dim() < 2:
        raise RuntimeError(f"linalg.{op}: The input tensor A must have at least 2 dimensions.")


def _square(op: str, a: Tensor) -> None:
    _matrices(op, a)
    if a.size(-1) != a.size(-2):
        raise RuntimeError(
            f"linalg.{op}: A must be batches of square matrices, but they are {a.size(-2)} by {a.size(-1)} matrices"
        )


def _tolerances(op: str, a: Tensor, atol: Any, rtol: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors; rtol is epsilon times the larger dimension unless an atol above zero is given."""
    _matrices(op, a)
    real = a.dtype.to_real()
    absolute = atol if isinstance(atol, Tensor) else weft.tensor(0.0 if atol is None else atol, dtype=real)
    default = weft.finfo(a.dtype).eps * max(a.size(-1), a.size(-2)) if rtol is None else 0.0
    if isinstance(rtol, Tensor):
        return absolute, rtol
    if rtol is not None:
        return absolute, weft.tensor(rtol, dtype=real)
    return absolute, weft.where(absolute > 0, 0.0, default).to(real)


@composite(out_casts=True, namespace="linalg", method=False)
def pinv(
    input: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The Moore-Penrose inverse, shape (..., n, m).

    Args:
        input: shape (..., m, n).
        rcond: another name of rtol.
        hermitian: whether input is Hermitian: eigenvalues serve, and only the lower triangle is read.
        atol, rtol: singular values up to max(atol, rtol times the largest) count as zero; numbers or tensors.

    >>> weft.linalg.pinv(weft.tensor([[2.0], [0.0]])).tolist()
    [[0.5, 0.0]]
    """
    absolute, relative = _tolerances("pinv", input, atol, rcond if rcond is not None else rtol)
    return weft._core.internal.pinv_native(input, absolute, relative, hermitian)


@composite(out_casts=True, namespace="linalg", method=False)
def matrix_rank(
    input: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None, out: Any = None
) -> Tensor:
    """The number of singular values above max(atol, rtol times the largest), shape (...).

    Args:
        input: shape (..., m, n).
        tol: another name of atol, with an rtol of zero.

    >>> weft.linalg.matrix_rank(weft.ones(2, 2)).item()
    1
    """
    absolute, relative = _tolerances("matrix_rank", input, atol if tol is None else tol, rtol if tol is None else 0.0)
    source = input.detach()
    values = weft.linalg.eigvalsh(source).abs() if hermitian else weft.linalg.svdvals(source)
    if values.size(-1) == 0:
        return weft.zeros(values.shape[:-1], dtype=weft.int64)
    cutoff = weft.maximum(absolute.unsqueeze(-1), relative.unsqueeze(-1) * values.amax(-1, keepdim=True))
    return (values > cutoff).sum(-1)


@composite(namespace="linalg", method=False)
def matrix_norm(
    input: Tensor,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
    out: Any = None,
) -> Tensor:
    """A norm of matrices: "fro", "nuc", 1 and -1 (sums of columns), inf and -inf (of rows), 2 and -2 (singular values).

    >>> weft.linalg.matrix_norm(weft.tensor([[3.0, 4.0]])).item()
    5.0
    """
    _matrices("matrix_norm", input)
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    rows, columns = (d % input.dim() for d in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    a = input if dtype is None else input.to(dtype)
    if ord == "fro":
        return weft.linalg.vector_norm(a, 2, [rows, columns], keepdim)
    if ord in ("nuc", 2, -2):
        s = weft.linalg.svdvals(a.movedim([rows, columns], [-2, -1]))
        value = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
        return value.unsqueeze(min(rows, columns)).unsqueeze(max(rows, columns)) if keepdim else value
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
    sums = weft.linalg.vector_norm(a, 1, [first], True)
    value = sums.amax(second, keepdim=True) if ord > 0 else sums.amin(second, keepdim=True)
    return value if keepdim else value.squeeze([rows, columns])


@composite(namespace="linalg", method=False)
def norm(
    input: Tensor,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
    out: Any = None,
) -> Tensor:
    """A vector norm or, over two dimensions, a matrix norm; without ord and dim the 2-norm of all elements.

    >>> weft.linalg.norm(weft.tensor([[3.0], [4.0]])).item()
    5.0
    """
    dims = [dim] if isinstance(dim, int) else None if dim is None else list(dim)
    if ord is not None:
        if dims is not None and len(dims) not in (1, 2):
            raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
        if dims is None and input.dim() not in (1, 2):
            raise RuntimeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {input.dim()}D"
            )
        if len(dims) == 2 if dims is not None else input.dim() == 2:
            return matrix_norm(input, ord, dims or (-2, -1), keepdim, dtype=dtype)
        if isinstance(ord, str):
            raise RuntimeError(f"linalg.norm: Order {ord} needs matrices: two dimensions")
    return weft.linalg.vector_norm(input, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


@composite(out_casts=True, namespace="linalg", method=False)
def cond(input: Tensor, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition number norm(A) norm(inv(A)): by singular values when p is None, 2 or -2; inf for singular matrices.

    >>> weft.linalg.cond(weft.tensor([[4.0, 0.0], [0.0, 1.0]])).item()
    4.0
    """
    _matrices("cond", input)
    if p in (None, 2, -2):
        s = weft.linalg.svdvals(input)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    _square("cond", input)
    inverse, info = weft.linalg.inv_ex(input)
    value = matrix_norm(input, p) * matrix_norm(inverse, p)
    return weft.where(info > 0, math.inf, value) if bool((info > 0).any()) else value


@composite(out_casts=True, namespace="linalg", method=False)
def matrix_power(input: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The n-th power of a square matrix by repeated squaring; of the inverse for a negative n.

    >>> weft.linalg.matrix_power(weft.tensor([[1.0, 1.0], [0.0, 1.0]]), 3).tolist()
    [[1.0, 3.0], [0.0, 1.0]]
    """
    _square("matrix_power", input)
    if n == 0:
        return input.clone().copy_(weft.eye(input.size(-1), dtype=input.dtype))
    base = weft.linalg.inv(input) if n < 0 else input
    if abs(n) == 1:
        return base.clone() if base is input else base
    result: Tensor | None = None
    rest = abs(n)
    while True:
        if rest & 1:
            result = base if result is None else result @ base
        rest >>= 1
        if not rest:
            assert result is not None
            return result
        base = base @ base


@composite(namespace="linalg", method=False)
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of every element, shape (..., n, N); N is n by default.

    >>> weft.linalg.vander(weft.tensor([2, 3])).tolist()
    [[1, 2], [1, 3]]
    """
    if x.dim() == 0:
        x = x.unsqueeze(-1)
    n = x.size(-1) if N is None else N
    if n <= 1:
        raise RuntimeError("vander: N must be greater than 1.")
    powers = x.unsqueeze(-1).expand(*x.shape, n - 1).cumprod(-1)
    return weft.cat([weft.ones(*x.shape, 1, dtype=powers.dtype), powers], -1)


@composite(namespace="linalg", method=False)
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Any = None) -> Tensor:
    """Inner products of vectors along a dimension, the first conjugated.

    >>> weft.linalg.vecdot(weft.ones(2, 3), weft.ones(3)).tolist()
    [3.0, 3.0]
    """
    return (x.conj() * y).sum(dim)


@composite(namespace="linalg", method=False)
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The view of a diagonal of matrices.

    >>> weft.linalg.diagonal(weft.eye(2)).tolist()
    [1.0, 1.0]
    """
    return A.diagonal(offset, dim1, dim2)


@composite(out_casts=True, namespace="linalg", method=False)
def tensorinv(input: Tensor, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse for tensordot(input, _, ind) of a tensor whose first ind dimensions hold as many elements as the others.

    >>> weft.linalg.tensorinv(weft.eye(6).reshape(2, 3, 6), 2).shape
    weft.Size([6, 2, 3])
    """
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    left, right = list(input.shape[:ind]), list(input.shape[ind:])
    if math.prod(left) != math.prod(right):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(right)} != {math.prod(left)}"
        )
    flat = input.reshape(math.prod(left), math.prod(right))
    return weft.linalg.inv(flat).reshape(right + left)


@composite(out_casts=True, namespace="linalg", method=False)
def householder_product(input: Tensor, tau: Tensor, *, out: Any = None) -> Tensor:
    """The first columns of the product of Householder reflections, as geqrf leaves them, shape (..., m, n).

    Source: Joffrain et al. (2006), Accumulating Householder transformations, revisited.

    >>> weft.linalg.householder_product(weft.ones(2, 1), weft.zeros(1)).tolist()
    [[1.0], [0.0]]
    """
    _matrices("householder_product", input)
    m, n, k = input.size(-2), input.size(-1), tau.size(-1)
    if m < n or n < k:
        raise RuntimeError(f"linalg.householder_product: expected m >= n >= k, got {m}, {n} and {k} factors in tau")
    v, right = reflections(input, tau, n)
    return by_columns(weft.eye(m, n, dtype=input.dtype) - v @ right)


def by_columns(t: Tensor) -> Tensor:
    """t with its matrices column by column in memory, as LAPACK leaves them."""
    return t.mT.contiguous().mT


def reflections(input: Tensor, tau: Tensor, columns: int) -> tuple[Tensor, Tensor]:
    """v and w such that I - v w is the first `columns` of the product of Householder reflections."""
    m, k = input.size(-2), tau.size(-1)
    v = input[..., :k].tril(-1) + weft.eye(m, k, dtype=input.dtype)
    scale = tau.unsqueeze(-1)
    coupling = (v.mH @ v).triu(1) * scale
    return v, weft.linalg.solve_triangular(coupling, scale * v[..., :columns, :].mH, upper=True, unitriangular=True)


@composite(out_casts=True, namespace="linalg", method=False)
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None, *, out: Any = None) -> Tensor:
    """The X with tensordot(A, X, X.dim()) equal to B.

    Args:
        A: shape B.shape + X.shape, once dims have been moved to the end.

    >>> weft.linalg.tensorsolve(weft.eye(6).reshape(2, 3, 6), weft.ones(2, 3)).shape
    weft.Size([6])
    """
    if dims is not None:
        moved = [dims] if isinstance(dims, int) else list(dims)
        A = A.movedim(moved, list(range(A.dim() - len(moved), A.dim())))
    shape = A.shape[B.dim() :]
    rows, columns = math.prod(A.shape[: B.dim()]), math.prod(shape)
    if rows != columns:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but "
            f"got {columns} != {rows}"
        )
    return weft.linalg.solve(A.reshape(B.numel(), columns), B.flatten()).reshape(shape)


@composite(namespace="linalg", method=False)
def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Any = None) -> Tensor:
    """The vector products along a dimension of size three; the other dimensions broadcast.

    >>> weft.linalg.cross(weft.tensor([1, 0, 0]), weft.tensor([0, 1, 0])).tolist()
    [0, 0, 1]
    """
    if input.dim() != other.dim():
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    if input.size(dim) != 3 or other.size(dim) != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.size(dim)} and {other.size(dim)}"
        )
    a, b = weft.broadcast_tensors(input, other)
    return weft.cross(a, b, dim)


class LDL(NamedTuple):
    LD: Tensor
    pivots: Tensor


@composite(namespace="linalg", method=False)
def ldl_factor(input: Tensor, *, hermitian: bool = False, out: Any = None) -> LDL:
    """A compact LDL factorization of a symmetric (or Hermitian) matrix, for ldl_solve.

    Args:
        input: shape (..., n, n); the lower triangle is read.

    Raises LinAlgError when a pivot is zero.

    >>> weft.linalg.ldl_factor(weft.tensor([[2.0]])).LD.item()
    2.0
    """
    factors, pivots, _ = weft.linalg.ldl_factor_ex(input, hermitian=hermitian, check_errors=True)
    return LDL(factors, pivots)
