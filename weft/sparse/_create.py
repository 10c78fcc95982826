"""Sparse tensors made of indices and values, and of dense tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor, _core, _layout
from weft._device import check_cpu
from weft.sparse._tensor import CooTensor, CsrTensor

__all__ = ["sparse_compressed_tensor", "sparse_coo_tensor", "sparse_csr_tensor"]


def _as_values(values: Any, dtype: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values if dtype is None else values.to(dtype)
    return weft.tensor(values, dtype=dtype)


def _as_indices(what: str, indices: Any) -> Tensor:
    given = indices if isinstance(indices, Tensor) else weft.tensor(indices)
    if given.numel() and (given.is_floating_point() or given.is_complex() or given.dtype == _core.bool):
        raise RuntimeError(f"{what} must be integers, got {given.dtype}")
    return given.detach()


def _finish(result: Any, requires_grad: bool | None) -> Any:
    """A new leaf when its gradient is asked for; else the history of the values that were given stays."""
    if not requires_grad:
        return result
    leaf = result._with(result._v.detach())
    leaf.requires_grad = True
    return leaf


def sparse_coo_tensor(
    indices: Any = None,
    values: Any = None,
    size: Sequence[int] | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
    layout: Any = None,
) -> CooTensor:
    """A sparse tensor of coordinates and values; what has the same coordinates counts as its sum.

    Args:
        indices: integers, shape (sparse dimensions, nnz).
        values: shape (nnz, *dense sizes).
        size: the shape; by default just large enough.
        is_coalesced: the caller's word that coordinates are sorted and each occurs once.
    Raises:
        RuntimeError: a coordinate lies outside the size.

    >>> weft.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    check_cpu(device)
    if values is None and indices is not None and size is None:  # sparse_coo_tensor(size)
        indices, size = None, indices
    if indices is None:
        if size is None:
            raise TypeError("sparse_coo_tensor(): expected indices and values, or a size")
        empty = _core.zeros(0, dtype=dtype if dtype is not None else weft.get_default_dtype())
        none = _core.zeros((len(size), 0), dtype=_core.int64)
        return _finish(CooTensor.make(none, empty, tuple(size), False), requires_grad)
    if values is None:
        raise TypeError("sparse_coo_tensor(): missing required argument 'values'")
    v, i = _as_values(values, dtype), _as_indices("indices", indices).to(_core.int64)
    if v.dim() == 0:  # one number for all
        v = v.expand(i.size(-1) if i.dim() else 1)
    if i.dim() != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(i.shape)}")
    if i.size(1) != v.size(0):
        raise RuntimeError(
            f"number of dimensions must be sparse_dim ({i.size(0)}) + dense_dim ({v.dim() - 1}), and indices and values "
            f"must have same nnz, but got nnz from indices: {i.size(1)}, nnz from values: {v.size(0)}"
        )
    if size is None:
        if i.size(1) == 0 and i.size(0):
            size = (*(0,) * i.size(0), *v.shape[1:])
        else:
            size = (*(int(m) + 1 for m in i.amax(1)), *v.shape[1:]) if i.size(0) else tuple(v.shape[1:])
        largest = None
    else:
        size = tuple(size)
        if len(size) != i.size(0) + v.dim() - 1:
            raise RuntimeError(
                f"number of dimensions must be sparse_dim ({i.size(0)}) + dense_dim ({v.dim() - 1}), but got {len(size)}"
            )
        if size[i.size(0) :] != tuple(v.shape[1:]):
            raise RuntimeError(
                f"values has incorrect size, expected {[v.size(0), *size[i.size(0) :]]}, got {list(v.shape)}"
            )
        largest = i.amax(1).tolist() if i.numel() else None
    if i.numel():
        if int(i.min()) < 0:
            raise RuntimeError(f"found negative index {int(i.min())}")
        for dim, found in enumerate(largest or ()):
            if found >= size[dim]:
                raise RuntimeError(
                    f"size is inconsistent with indices: for dim {dim}, size is {size[dim]} but found index {found}"
                )
    result = CooTensor.make(i, v, size, bool(is_coalesced) or i.size(1) == 0)
    if is_coalesced and check_invariants and int((result._keys().diff() <= 0).sum()):
        raise RuntimeError("cannot set is_coalesced to true if indices correspond to uncoalesced COO tensor")
    return _finish(result, requires_grad)


def sparse_csr_tensor(
    crow_indices: Any,
    col_indices: Any,
    values: Any,
    size: Sequence[int] | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    layout: Any = None,
) -> CsrTensor:
    """A sparse matrix in compressed rows.

    Args:
        crow_indices: where each row starts among the values, and the last ends; shape (rows + 1,).
        col_indices: the column of each value, shape (nnz,).
        values: shape (nnz,).
        size: the shape; by default just large enough.
    Raises:
        RuntimeError: the indices are not those of such a matrix.

    >>> weft.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0, 4.0], (2, 2)).to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    check_cpu(device)
    crow, col = _as_indices("crow_indices", crow_indices), _as_indices("col_indices", col_indices)
    v = _as_values(values, dtype)
    if crow.dim() > 1:
        raise NotImplementedError("sparse_csr_tensor: not implemented for batches of matrices")
    if crow.dim() != 1 or col.dim() != 1 or v.dim() < 1 or crow.numel() == 0:
        raise RuntimeError("sparse_csr_tensor: crow_indices, col_indices and values must have a dimension of nnz")
    if v.dim() != 1:
        raise NotImplementedError("sparse_csr_tensor: not implemented for values with dense dimensions")
    if size is None:
        size = (crow.numel() - 1, int(col.max()) + 1 if col.numel() else 0)
    rows, columns = _two(size)
    if crow.numel() != rows + 1:
        raise RuntimeError(
            f"crow_indices.shape[-1] must be equal to the number of rows + 1 ({rows + 1}), got {crow.numel()}"
        )
    if col.numel() != v.numel():
        raise RuntimeError(
            f"col_indices and values must have the same number of elements, got {col.numel()} and {v.numel()}"
        )
    steps = crow.diff()
    if int(crow[0]) != 0 or int(crow[-1]) != v.numel() or (steps.numel() and int(steps.min()) < 0):
        raise RuntimeError(f"crow_indices must rise from 0 to nnz, {v.numel()}")
    if steps.numel() and int(steps.max()) > columns:
        raise RuntimeError(
            f"`0 <= crow_indices[..., 1:] - crow_indices[..., :-1] <= ncols`, {columns}, is not satisfied"
        )
    if col.numel() and (int(col.min()) < 0 or int(col.max()) >= columns):
        raise RuntimeError(f"col_indices must lie between 0 and the number of columns, {columns}")
    return _finish(CsrTensor.make(crow, col, v, (rows, columns)), requires_grad)


def _two(size: Sequence[int]) -> tuple[int, int]:
    if len(size) != 2:
        raise NotImplementedError(
            f"sparse_csr_tensor: not implemented for sizes other than (rows, columns), got {size}"
        )
    return int(size[0]), int(size[1])


def sparse_compressed_tensor(
    compressed_indices: Any, plain_indices: Any, values: Any, size: Any = None, *, layout: Any = None, **options: Any
) -> CsrTensor:
    """sparse_csr_tensor, for layout weft.sparse_csr.

    >>> weft.sparse_compressed_tensor([0, 1], [0], [1.0], (1, 1), layout=weft.sparse_csr).layout
    torch.sparse_csr
    """
    if layout is not _layout.sparse_csr:
        raise NotImplementedError(
            f"sparse_compressed_tensor: not implemented for layout {layout}; weft has COO and CSR"
        )
    return sparse_csr_tensor(compressed_indices, plain_indices, values, size, **options)


def from_dense(dense: Tensor, sparse_dim: int | None = None) -> CooTensor:
    """The elements of a dense tensor that are not zero."""
    count = dense.dim() if sparse_dim is None else sparse_dim
    if not (0 <= count <= dense.dim()) or (count == 0 and dense.dim() > 0):
        raise RuntimeError(f"to_sparse: sparse_dim must be in (0, {dense.dim()}], got {count}")
    occupied = dense.detach() != 0
    for _ in range(dense.dim() - count):
        occupied = occupied.any(-1)
    where = occupied.nonzero() if dense.dim() else occupied.reshape(1).nonzero()[:, :0]
    flat = dense.reshape(-1, *dense.shape[count:]) if count else dense.reshape(1)
    keys = _core.zeros(where.size(0), dtype=_core.int64)
    for dim in range(count):
        keys = keys * dense.size(dim) + where[:, dim]
    return CooTensor.make(where.t().contiguous(), flat.index_select(0, keys), dense.shape, True)
