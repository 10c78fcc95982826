"""What PyTorch has only to say that it was removed, and what to use instead."""

from __future__ import annotations

from typing import Any, NoReturn

from weft._core import Tensor

__all__ = ["eig", "lstsq", "matrix_rank", "solve", "symeig"]


def _removed(name: str, instead: str) -> NoReturn:
    raise RuntimeError(f"{name} was removed from PyTorch in version 1.9: use {instead}")


def eig(self: Tensor, eigenvectors: bool = False, *, e: Any = None, v: Any = None) -> NoReturn:
    """Raises RuntimeError: linalg.eig gives complex values."""
    _removed("eig", "linalg.eig or linalg.eigvals, which give complex tensors")


def lstsq(input: Tensor, A: Tensor, *, out: Any = None) -> NoReturn:
    """Raises RuntimeError: linalg.lstsq takes its arguments in the other order."""
    _removed("lstsq", "linalg.lstsq, which takes its arguments in the other order and gives no QR decomposition")


def matrix_rank(input: Tensor, tol: Any = None, symmetric: bool = False, *, out: Any = None) -> NoReturn:
    """Raises RuntimeError: linalg.matrix_rank calls `symmetric` `hermitian`."""
    _removed("matrix_rank", "linalg.matrix_rank, which calls symmetric hermitian")


def solve(input: Tensor, A: Tensor, *, out: Any = None) -> NoReturn:
    """Raises RuntimeError: linalg.solve takes its arguments in the other order."""
    _removed("solve", "linalg.solve, which takes its arguments in the other order; linalg.lu_factor gives the factors")


def symeig(input: Tensor, eigenvectors: bool = False, upper: bool = True, *, out: Any = None) -> NoReturn:
    """Raises RuntimeError: linalg.eigh reads the lower triangle unless told otherwise."""
    _removed("symeig", 'linalg.eigh or linalg.eigvalsh with UPLO="U", by default of the lower triangle')


def reinforce(self: Tensor, reward: Any) -> NoReturn:
    """Raises RuntimeError: distributions.Categorical has log_prob."""
    _removed(
        "reinforce", "distributions.Categorical: m = Categorical(probs); (-m.log_prob(action) * reward).backward()"
    )


METHODS = {f.__name__: f for f in (eig, lstsq, solve, symeig, reinforce)}
