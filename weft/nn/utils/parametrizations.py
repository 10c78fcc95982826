"""Parametrizations to use: orthogonal matrices, and weights by length and direction or over their largest singular value."""

from __future__ import annotations

from typing import Any, TypeVar

import weft
from weft import Tensor
from weft.nn._lower import norm_except_dim
from weft.nn.functional import normalize
from weft.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from weft.nn.modules.module import Module
from weft.nn.utils import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]

_Module = TypeVar("_Module", bound=Module)
_MAPS = ("matrix_exp", "cayley", "householder")


def _distance_to_orthogonal(q: Tensor) -> float:
    """The largest entry of |Q^H Q - 1|."""
    return float((q.mH @ q - weft.eye(q.size(-1), dtype=q.dtype)).abs().max())


class _Orthogonal(Module):
    """A matrix with orthonormal columns (rows, if it is wide) from one without restrictions."""

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The orthogonal matrix that ``X`` stands for."""
        n, k = X.size(-2), X.size(-1)
        transposed = n < k
        if transposed:
            X, n, k = X.mT, k, n
        if self.orthogonal_map == "householder":
            Q = self._reflected(X, self._scales(X))
            Q = Q * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
        else:
            X = X.tril()
            if n != k:  # a square one whose last columns do not matter
                X = weft.cat([X, X.new_zeros(*X.shape[:-2], n, n - k)], dim=-1)
            A = X - X.mH
            if self.orthogonal_map == "matrix_exp":
                Q = weft.matrix_exp(A)
            else:
                one = weft.eye(n, dtype=A.dtype)
                Q = weft.linalg.solve(weft.add(one, A, alpha=-0.5), weft.add(one, A, alpha=0.5))
            Q = Q[..., :k]
        if hasattr(self, "base"):
            Q = self.base @ Q
        return Q.mT if transposed else Q

    @staticmethod
    def _reflected(X: Tensor, scales: Tensor) -> Tensor:
        """The first columns of the product of the reflections whose vectors stand below the diagonal of ``X``."""
        n, k = X.size(-2), X.size(-1)
        vectors = X.tril(diagonal=-1) + weft.eye(n, k, dtype=X.dtype)
        Q = weft.eye(n, k, dtype=X.dtype).expand(X.shape)
        for i in reversed(range(k)):
            v = vectors[..., i : i + 1]
            Q = Q - scales[..., i, None, None] * v * (v.mT @ Q)
        return Q

    @staticmethod
    def _scales(X: Tensor) -> Tensor:
        below = X.tril(diagonal=-1)
        return 2.0 / (1.0 + (below * below).sum(dim=-2))

    def right_inverse(self, Q: Tensor) -> Tensor:
        """What stands for the orthogonal matrix ``Q``.

        Raises:
            ValueError: the shape is another one, or ``Q`` is not orthogonal and has no base to start from.
        """
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        n, k = Q.size(-2), Q.size(-1)
        transpose = n < k
        if transpose:
            Q, n, k = Q.mT, k, n
        if not hasattr(self, "base"):
            if self.orthogonal_map in ("cayley", "matrix_exp"):
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            A, tau = weft.geqrf(Q)
            A.diagonal(dim1=-2, dim2=-1).sign_()
            A.diagonal(dim1=-2, dim2=-1)[tau == 0.0] *= -1
            return A.mT if transpose else A
        if n == k:
            Q = Q.clone() if _distance_to_orthogonal(Q) < 1e-3 else self._orthogonalised(Q)
        else:
            filler = weft.randn(*Q.shape[:-2], n, n - k, dtype=Q.dtype)
            whole = weft.linalg.qr(weft.cat([Q, filler], dim=-1)).Q
            whole[..., :k] = Q if _distance_to_orthogonal(Q) < 1e-3 else whole[..., :k]
            Q = whole
        self.base = Q
        start = weft.zeros(*Q.shape[:-2], n, k, dtype=Q.dtype)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0 if self.orthogonal_map == "householder" else 0.0)
        return start.mT if transpose else start

    @staticmethod
    def _orthogonalised(Q: Tensor) -> Tensor:
        X, R = weft.linalg.qr(Q)
        return X * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _weight_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


def orthogonal(
    module: _Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> _Module:
    """Keep a matrix (or the matrices of a batch) orthogonal while it is trained.

    Args:
        orthogonal_map: "matrix_exp", "cayley" or "householder"; the first for square matrices, else the last.
        use_trivialization: store a base that the parametrization starts from, so that any matrix may be assigned.

    Raises:
        ValueError: there is no such tensor, it has fewer than two dimensions, or the map is unknown.

    Source: Lezcano-Casado, Trivializations for gradient-based optimization on manifolds, 2019.

    >>> import weft
    >>> layer = orthogonal(weft.nn.Linear(3, 3))
    >>> weft.allclose(layer.weight @ layer.weight.T, weft.eye(3), atol=1e-5)
    True
    """
    weight = _weight_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1] or weight.is_complex()
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    parametrize.register_parametrization(module, name, parametrization, unsafe=True)
    return module


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except_dim(weight_v, 2, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: _Module, name: str = "weight", dim: int | None = 0) -> _Module:
    """Train the lengths of a weight along ``dim`` and its direction apart from each other.

    Source: Salimans, Kingma, Weight Normalization, 2016.

    >>> import weft
    >>> layer = weight_norm(weft.nn.Linear(20, 40))
    >>> tuple(layer.parametrizations.weight.original0.shape), tuple(layer.parametrizations.weight.original1.shape)
    ((40, 1), (40, 20))
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: Any, prefix: str, *_: Any) -> None:
        """Names of the hook that did this before there were parametrizations."""
        for old, new in (("_g", "original0"), ("_v", "original1")):
            if f"{prefix}{name}{old}" in state_dict:
                state_dict[f"{prefix}parametrizations.{name}.{new}"] = state_dict.pop(f"{prefix}{name}{old}")

    module._register_load_state_dict_pre_hook(rename)
    return module


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim if dim >= 0 else dim + weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            with weft.no_grad():
                matrix = self._as_matrix(weight)
                rows, columns = matrix.shape
                u = matrix.new_empty(rows).normal_(0, 1)
                v = matrix.new_empty(columns).normal_(0, 1)
                self.register_buffer("_u", normalize(u, dim=0, eps=self.eps))
                self.register_buffer("_v", normalize(v, dim=0, eps=self.eps))
                self._power_method(matrix, 15)

    def _as_matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _power_method(self, matrix: Tensor, iterations: int) -> None:
        with weft.no_grad():
            for _ in range(iterations):
                self._u.copy_(normalize(weft.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(normalize(weft.mv(matrix.mH, self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._as_matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next call changes them in place
        return weight / weft.vdot(u, weft.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: _Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> _Module:
    """Divide a weight by its largest singular value, estimated by power iteration.

    Args:
        n_power_iterations: steps of the estimate each time the weight is read in training.
        eps: smallest norm to divide by.
        dim: of the outputs; default 0, and 1 for transposed convolutions.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.

    >>> import weft
    >>> layer = spectral_norm(weft.nn.Linear(20, 40))
    >>> sorted(layer.state_dict())[:3]
    ['bias', 'parametrizations.weight.0._u', 'parametrizations.weight.0._v']
    """
    weight = _weight_of(module, name)
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    parametrize.register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
    return module
