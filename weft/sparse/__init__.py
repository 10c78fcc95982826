"""Sparse tensors: coordinates (COO) and compressed rows (CSR), for graph networks and tables of embeddings.

What has no meaning here for a sparse tensor raises NotImplementedError and names the operator. See docs/notes/sparse.md.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from weft.sparse import _rules as _rules
from weft.sparse._create import sparse_compressed_tensor, sparse_coo_tensor, sparse_csr_tensor
from weft.sparse._products import addmm, hspmm, log_softmax, mm, sampled_addmm, smm, softmax, spmm, sum
from weft.sparse._tensor import CooTensor, CsrTensor, SparseTensor

__all__ = [
    "CooTensor",
    "CsrTensor",
    "SparseTensor",
    "addmm",
    "check_sparse_tensor_invariants",
    "hspmm",
    "log_softmax",
    "mm",
    "sampled_addmm",
    "smm",
    "softmax",
    "sparse_compressed_tensor",
    "sparse_coo_tensor",
    "sparse_csr_tensor",
    "spmm",
    "sum",
]


class check_sparse_tensor_invariants:
    """Kept for programs that switch these checks: weft always makes them.

    >>> with weft.sparse.check_sparse_tensor_invariants():
    ...     _ = weft.eye(2).to_sparse()
    """

    def __init__(self, enable: bool = True) -> None:
        pass

    @staticmethod
    def is_enabled() -> bool:
        """True."""
        return True

    @staticmethod
    def enable() -> None:
        """Nothing to do."""

    @staticmethod
    def disable() -> None:
        """Nothing to do."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def __call__(self, function: Any) -> Any:
        """The function itself."""
        return function
