"""What dense tensors answer to the methods of sparse ones; importing this module attaches them to Tensor."""

from __future__ import annotations

from typing import Any

from weft._core import Tensor
from weft._layout import sparse_coo, sparse_csr, strided

__all__: list[str] = []


def to_sparse(
    self: Tensor,
    sparse_dim: int | None = None,
    *,
    layout: Any = None,
    blocksize: Any = None,
    dense_dim: int | None = None,
) -> Any:
    """The elements that are not zero, with their coordinates; or as compressed rows, for layout weft.sparse_csr.

    Args:
        sparse_dim: how many dimensions the coordinates name, all by default; each value has the others.

    >>> weft.tensor([0.0, 2.0]).to_sparse().indices()
    tensor([[1]])
    """
    from weft.sparse import _create

    if layout is sparse_csr:
        return to_sparse_csr(self, dense_dim)
    if layout not in (None, sparse_coo):
        raise NotImplementedError(f"to_sparse: not implemented for layout {layout}; weft has COO and CSR")
    return _create.from_dense(self, sparse_dim)


def to_sparse_coo(self: Tensor) -> Any:
    """to_sparse()."""
    return to_sparse(self)


def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> Any:
    """The elements of a matrix that are not zero, as compressed rows.

    >>> weft.eye(2).to_sparse_csr().crow_indices()
    tensor([0, 1, 2])
    """
    if dense_dim:
        raise NotImplementedError("to_sparse_csr: not implemented for values with dense dimensions")
    if self.dim() != 2:
        raise NotImplementedError(f"to_sparse_csr: not implemented for {self.dim()} dimensions; a matrix has two")
    return to_sparse(self).to_sparse_csr()


def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """self: it is dense already."""
    return self if dtype is None else self.to(dtype)


def sparse_mask(self: Tensor, mask: Any) -> Any:
    """The elements where mask, a sparse tensor, has some."""
    from weft.sparse import _rules

    return _rules.sparse_mask(self, mask)


def sparse_dim(self: Tensor) -> int:
    """0: all dimensions are dense."""
    return 0


def dense_dim(self: Tensor) -> int:
    """The number of dimensions."""
    return self.dim()


def _only_sparse(name: str, layout: str) -> Any:
    def refuse(self: Tensor) -> Any:
        raise RuntimeError(f"{name} expected {layout} tensor layout but got Strided")

    refuse.__name__, refuse.__doc__ = name, f"Of {layout} tensors only."
    return refuse


def _attach() -> None:
    for function in (to_sparse, to_sparse_coo, to_sparse_csr, to_dense, sparse_mask, sparse_dim, dense_dim):
        setattr(Tensor, function.__name__, function)
    for name in ("coalesce", "indices", "is_coalesced", "values", "_indices", "_nnz", "_values"):
        setattr(Tensor, name, _only_sparse(name, "sparse"))
    for name in ("crow_indices", "col_indices"):
        setattr(Tensor, name, _only_sparse(name, "sparse row compressed"))
    for name in ("is_sparse", "is_sparse_csr"):
        setattr(Tensor, name, property(lambda self: False))
    setattr(Tensor, "layout", property(lambda self: strided))  # noqa: B010  # the stub has no such setter


_attach()
