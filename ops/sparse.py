"""Products of sparse matrices, given as compressed rows, with dense ones; weft.sparse is made of them."""

from __future__ import annotations

import numpy as np

from ops.table import Op, estimated


def _dense(crow: np.ndarray, col: np.ndarray, values: np.ndarray, columns: int) -> np.ndarray:
    """The matrix that crow, col and values stand for."""
    matrix = np.zeros((len(crow) - 1, columns), values.dtype)
    np.add.at(matrix, (np.repeat(np.arange(len(crow) - 1), np.diff(crow)), col), values)
    return matrix


def _sampled(crow: np.ndarray, col: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a[np.repeat(np.arange(len(crow) - 1), np.diff(crow))] * b[col]).sum(1)


_CROW = np.array([0, 2, 2, 5])
_COL = np.array([1, 3, 0, 1, 3])
_BIG_CROW = np.arange(0, 4001, 5)
_BIG_COL = np.arange(4000) * 7 % 90

Op(
    "csr_mm(crow: Tensor, col: Tensor, values: Tensor, dense: Tensor) -> Tensor",
    "The product of a sparse matrix A of n rows and a dense one, shape (m, k): shape (n, k).",
    namespace="_",
    cost=estimated("sparse_product"),
    vjp={
        "values": lambda g, crow, col, dense: csr_sample(crow, col, g, dense),
        "dense": lambda g, crow, col, values, dense: csr_mm_transposed(crow, col, values, g, dense.sizes),
    },
    samples=lambda: [(_CROW, _COL, (5,), (4, 3)), (_CROW, _COL, (5,), (4, 1)), (_CROW, _COL, (5,), (4, 85))],
    big=lambda: [(_BIG_CROW, _BIG_COL, (4000,), (90, 40))],
    ref=lambda crow, col, values, dense: _dense(crow, col, values, len(dense)) @ dense,
)
Op(
    "csr_mm_transposed(crow: Tensor, col: Tensor, values: Tensor, dense: Tensor, sizes: list[int]) -> Tensor",
    "The product of the transpose of a sparse matrix of n rows and a dense one, shape (n, k): shape `sizes`, (m, k).",
    namespace="_",
    cost=estimated("sparse_product_transposed"),
    vjp={
        "values": lambda g, crow, col, dense: csr_sample(crow, col, dense, g),
        "dense": lambda g, crow, col, values: csr_mm(crow, col, values, g),
    },
    samples=lambda: [(_CROW, _COL, (5,), (3, 2), [4, 2]), (_CROW, _COL, (5,), (3, 85), [6, 85])],
    big=lambda: [(_BIG_CROW, _BIG_COL, (4000,), (800, 40), [90, 40])],
    ref=lambda crow, col, values, dense, sizes: _dense(crow, col, values, sizes[0]).T @ dense,
)
Op(
    "csr_sample(crow: Tensor, col: Tensor, a: Tensor, b: Tensor) -> Tensor",
    "The elements of a @ b.T that a sparse pattern names, shapes (n, k) and (m, k): one for each of col.",
    namespace="_",
    cost=estimated("sparse_product"),
    vjp={
        "a": lambda g, crow, col, b: csr_mm(crow, col, g, b),
        "b": lambda g, crow, col, a, b: csr_mm_transposed(crow, col, g, a, b.sizes),
    },
    samples=lambda: [(_CROW, _COL, (3, 2), (4, 2)), (_CROW, _COL, (3, 37), (4, 37))],
    big=lambda: [(_BIG_CROW, _BIG_COL, (800, 40), (90, 40))],
    ref=_sampled,
)
