"""Products, sums and softmax of sparse tensors."""

from __future__ import annotations

import math
from typing import Any

import weft
from weft import Tensor, _core
from weft.sparse._rules import _coo, _like, _refuse, repeated_runs
from weft.sparse._tensor import CooTensor, CsrTensor, SparseTensor, rule

__all__ = ["addmm", "hspmm", "log_softmax", "mm", "sampled_addmm", "smm", "softmax", "spmm", "sum"]


def _matrix(op: str, a: Any) -> tuple[Tensor, Tensor, Tensor]:
    """crow_indices, col_indices and values."""
    if a.dim() != 2 or a.sparse_dim() != 2:
        raise RuntimeError(f"{op}: expected a sparse matrix, got {a.dim()} dimensions, {a.dense_dim()} of them dense")
    crow, col, order = a._rows
    return crow, col, a._v if order is None else a._v.index_select(0, order)


def _tensors(op: str, *arguments: Any) -> None:
    for i, argument in enumerate(arguments):
        if not isinstance(argument, Tensor):
            raise TypeError(f"{op}(): argument {i + 1} must be Tensor, not {type(argument).__name__}")


def _fit(op: str, a: Tensor, b: Tensor) -> None:
    if a.dim() != 2 or b.dim() != 2:
        raise RuntimeError(f"{op}: expected two matrices, got shapes {list(a.shape)} and {list(b.shape)}")
    if a.size(1) != b.size(0):
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.size(0)}x{a.size(1)} and {b.size(0)}x{b.size(1)})"
        )
    if a.dtype != b.dtype:
        raise RuntimeError(f"{op}: expected m1 and m2 to have the same dtype, but got: {a.dtype} != {b.dtype}")


@rule("mm", "spmm", "smm")
def mm(mat1: Tensor, mat2: Tensor, reduce: str | None = None) -> Tensor:
    """The product of matrices, of which at least one is sparse; sparse when both are.

    The gradient of a sparse factor has its pattern.

    >>> a = weft.sparse_coo_tensor([[0, 1], [1, 0]], [2.0, 3.0], (2, 2))
    >>> weft.sparse.mm(a, weft.ones(2, 2))
    tensor([[2., 2.],
            [3., 3.]])
    """
    if reduce not in (None, "sum"):
        raise NotImplementedError(f"sparse.mm: not implemented for reduce={reduce!r}; 'sum' is")
    _tensors("mm", mat1, mat2)
    if not isinstance(mat1, SparseTensor) and not isinstance(mat2, SparseTensor):
        return weft.mm(mat1, mat2)
    _fit("mm", mat1, mat2)
    if not isinstance(mat2, SparseTensor):
        return _sparse_dense(mat1, mat2)
    return _sparse_sparse(mat1, mat2) if isinstance(mat1, SparseTensor) else _dense_sparse(mat1, mat2)


def _sparse_dense(a: Any, dense: Tensor) -> Tensor:
    crow, col, values = _matrix("mm", a)
    if values.is_floating_point():
        return _core.internal.csr_mm(crow, col, values, dense)
    row = _core.arange(a.size(0)).repeat_interleave(crow.diff())
    products = values.unsqueeze(1) * dense.index_select(0, col)
    return _core.zeros((a.size(0), dense.size(1)), dtype=a.dtype).index_add(0, row, products)


def _dense_sparse(dense: Tensor, a: Any) -> Tensor:
    if not dense.is_floating_point():
        return _sparse_dense(a.t(), dense.t()).t()
    crow, col, values = _matrix("mm", a)
    return _core.internal.csr_mm_transposed(crow, col, values, dense.t(), [a.size(1), dense.size(0)]).t()


def _sparse_sparse(a: Any, b: Any) -> Tensor:
    """Each element of a meets the row of b that its column names."""
    left = _coo(a)
    crow, col, values = _matrix("mm", b)
    _matrix("mm", a)
    middle = left._i[1]
    starts = crow.index_select(0, middle)
    element, place = repeated_runs(starts, crow.index_select(0, middle + 1) - starts)
    indices = weft.stack([left._i[0].index_select(0, element), col.index_select(0, place).to(_core.int64)])
    products = left._v.index_select(0, element) * values.index_select(0, place)
    return _like(CooTensor.make(indices, products, (a.size(0), b.size(1))).coalesce(), a)


smm = spmm = mm


@rule("mv")
def _mv(input: Any, vec: Any) -> Tensor:
    _tensors("mv", input, vec)
    if input.dim() != 2 or vec.dim() != 1 or isinstance(vec, SparseTensor):
        raise RuntimeError(
            f"mv: expected a sparse matrix and a dense vector, got {input.dim()} and {vec.dim()} dimensions"
        )
    return mm(input, vec.unsqueeze(1)).squeeze(1)


@rule("matmul", "__matmul__")
def _matmul(input: Any, other: Any) -> Tensor:
    _tensors("matmul", input, other)
    if other.dim() == 1 and input.dim() == 2:
        return _mv(input, other)
    if input.dim() == 1 and other.dim() == 2:
        return mm(input.unsqueeze(0), other).squeeze(0)
    if input.dim() != 2 or other.dim() != 2:
        raise _refuse("matmul", f"of {input.dim()} and {other.dim()} dimensions")
    return mm(input, other)


rule("__rmatmul__")(lambda self, other: _matmul(other, self))


@rule("addmm", "sspaddmm")
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """beta * input + alpha * (mat1 @ mat2), of which the matrices may be sparse.

    >>> a = weft.eye(2).to_sparse()
    >>> weft.sparse.addmm(weft.ones(2, 2), a, weft.ones(2, 2), beta=2)
    tensor([[3., 3.],
            [3., 3.]])
    """
    return _combined(input, mm(mat1, mat2), beta, alpha)


def _combined(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    return (input if beta == 1 else input * beta) + (product if alpha == 1 else product * alpha)


@rule("addmv")
def _addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _combined(input, _mv(mat, vec), beta, alpha)


@rule("linear")
def _linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    product = mm(input, weight.t())
    return product if bias is None else product + bias


def hspmm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """The product of a sparse and a dense matrix, as a sparse tensor whose rows are dense."""
    return weft.sparse._create.from_dense(mm(mat1, mat2), 1)


def sampled_addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
    """beta * input + alpha * (mat1 @ mat2) where input, a CSR matrix, has elements.

    >>> mask = weft.eye(2).to_sparse_csr()
    >>> weft.sparse.sampled_addmm(mask, weft.ones(2, 3), weft.ones(3, 2)).values()
    tensor([4., 4.])
    """
    if not isinstance(input, CsrTensor):
        raise RuntimeError(f"sampled_addmm: expected input to have sparse csr layout, but got {input.layout}")
    _fit("sampled_addmm", mat1, mat2)
    sampled = _core.internal.csr_sample(input._crow, input._col, mat1, mat2.t())
    return input._with(input._v * beta + sampled * alpha)


@rule("sum")
def _sum(self: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    result = sum(self, dim, dtype)
    if not keepdim or dim is None:
        return result
    for d in sorted(d % self.dim() for d in ([dim] if isinstance(dim, int) else dim)):
        result = result.unsqueeze(d)
    return result if isinstance(result, SparseTensor) else result.to_sparse()


def sum(input: Any, dim: Any = None, dtype: Any = None) -> Tensor:
    """The sum over some dimensions of a sparse tensor; dense when all its sparse dimensions are among them.

    >>> a = weft.tensor([[0.0, 2.0], [3.0, 4.0]]).to_sparse()
    >>> weft.sparse.sum(a, 0).to_dense()
    tensor([3., 6.])
    """
    if not isinstance(input, SparseTensor):
        return weft.sum(input) if dim is None else weft.sum(input, dim)
    source = _coo(input)
    values = source._v if dtype is None else source._v.to(dtype)
    if dim is None:
        return values.sum()
    if not values.is_floating_point() and not values.is_complex():
        values = values.to(_core.int64)
    n, dims = source.sparse_dim(), sorted({_axis(source, d) for d in ([dim] if isinstance(dim, int) else dim)})
    dense = [d - n + 1 for d in dims if d >= n]
    if dense:
        values = values.sum(dense)
    kept = [d for d in range(n) if d not in dims]
    if not kept:
        return values.sum(0)
    shape = [size for d, size in enumerate(source.shape) if d not in dims]
    if len(kept) == n:
        return CooTensor.make(source._i, values, shape, source._coalesced)
    return CooTensor.make(source._i.index_select(0, weft.tensor(kept)), values, shape)


def _axis(self: Tensor, dim: int) -> int:
    if not -self.dim() <= dim < self.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-self.dim()}, {self.dim() - 1}], but got {dim})"
        )
    return dim % self.dim()


def _groups(source: CooTensor, dim: int) -> Tensor:
    """Which elements lie in a line along dim: a number for each."""
    others = [d for d in range(source.sparse_dim()) if d != dim]
    keys = _core.zeros(source._nnz(), dtype=_core.int64)
    for d in others:
        keys = keys * source.shape[d] + source._i[d]
    return weft.unique(keys, return_inverse=True)[1]


def _log_normalised(op: str, input: Any, dim: int, dtype: Any, log: bool) -> Any:
    if not isinstance(input, SparseTensor):
        function = weft.log_softmax if log else weft.softmax
        return function(input, dim, dtype=dtype)
    source = _coo(input).coalesce()
    values = source._v if dtype is None else source._v.to(dtype)
    if not values.is_floating_point():
        raise RuntimeError(f"{op}: expected floating-point values, got {values.dtype}")
    d = _axis(source, dim)
    if d >= source.sparse_dim():
        function = weft.log_softmax if log else weft.softmax
        return _like(source._with(function(values, d - source.sparse_dim() + 1)), input)
    if values.size(0) == 0:
        return _like(source._with(values), input)
    group = _groups(source, d)
    lines = (int(group.max()) + 1, *values.shape[1:])
    index = group.reshape(-1, *(1,) * (values.dim() - 1)).expand(values.shape)
    start = _core.full(lines, -math.inf, dtype=values.dtype)
    largest = start.scatter_reduce(0, index, values.detach(), "amax").index_select(0, group)
    shifted = values - largest
    powers = shifted.exp()
    total = _core.zeros(lines, dtype=values.dtype).index_add(0, group, powers).index_select(0, group)
    return _like(source._with(shifted - total.log() if log else powers / total), input)


def softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Softmax along a dimension over the elements that are there: the others count as minus infinity.

    >>> a = weft.tensor([[0.0, 2.0], [3.0, 3.0]]).to_sparse()
    >>> weft.sparse.softmax(a, 1).to_dense()
    tensor([[0.0000, 1.0000],
            [0.5000, 0.5000]])
    """
    return _log_normalised("sparse.softmax", input, dim, dtype, log=False)


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The logarithm of softmax."""
    return _log_normalised("sparse.log_softmax", input, dim, dtype, log=True)


rule("softmax")(lambda input, dim, dtype=None: softmax(input, dim, dtype=dtype))
rule("log_softmax")(lambda input, dim, dtype=None: log_softmax(input, dim, dtype=dtype))
