"""Distributions of vectors and matrices, by Cholesky factors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import weft
from weft import Size, Tensor
from weft.distributions import constraints
from weft.distributions.distribution import Distribution
from weft.distributions.utils import lazy_property

__all__ = ["LowRankMultivariateNormal", "MultivariateNormal"]


def _diagonal(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1)


def _solve_lower(factor: Tensor, right: Tensor) -> Tensor:
    return weft.linalg.solve_triangular(factor, right, upper=False)


def batch_mahalanobis(factor: Tensor, difference: Tensor) -> Tensor:
    """The squared length of factor^-1 difference, with factor lower triangular."""
    shape = weft.broadcast_shapes(factor.shape[:-1], difference.shape)
    n = factor.shape[-1]
    solved = _solve_lower(factor.expand(*shape, n), difference.expand(shape).unsqueeze(-1))
    return solved.square().sum((-2, -1))


class MultivariateNormal(Distribution):
    """The normal distribution of vectors.

    Args:
        loc: the mean, shape (*batch, n).
        covariance_matrix, precision_matrix, scale_tril: one of them, shape (*batch, n, n); the last is the lower
            Cholesky factor of the covariance, which the others are turned into.

    >>> weft.distributions.MultivariateNormal(weft.zeros(2), weft.eye(2)).log_prob(weft.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            name: value
            for name, value in (
                ("covariance_matrix", covariance_matrix), ("precision_matrix", precision_matrix), ("scale_tril", scale_tril),
            )
            if value is not None
        }  # fmt: skip
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            raise ValueError(f"{name} must be at least two-dimensional, with optional leading batch dimensions")
        batch = weft.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        self.loc = loc.expand(*batch, loc.shape[-1])
        self.__dict__[name] = matrix.expand(*batch, *matrix.shape[-2:])
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        if covariance_matrix is not None:
            self._factor = weft.linalg.cholesky(covariance_matrix)
        elif precision_matrix is not None:
            self._factor = _factor_of_inverse(precision_matrix)
        else:
            assert scale_tril is not None
            self._factor = scale_tril

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return super().expand(batch_shape, type(self).__new__(type(self)) if _instance is None else _instance)

    def _expand_rest(self, new: Any, shape: Size) -> None:
        new._factor = self._factor

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        n = self._event_shape[0]
        return self._factor.expand(*self._batch_shape, n, n)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        n = self._event_shape[0]
        return (self._factor @ self._factor.mT).expand(*self._batch_shape, n, n)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        n = self._event_shape[0]
        inverse = _solve_lower(self._factor, weft.eye(n, dtype=self._factor.dtype).expand(self._factor.shape))
        return (inverse.mT @ inverse).expand(*self._batch_shape, n, n)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self._factor.square().sum(-1).expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        noise = weft.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self._factor @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        length = batch_mahalanobis(self._factor, value - self.loc)
        half_log_det = _diagonal(self._factor).log().sum(-1)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + length) - half_log_det

    def entropy(self) -> Tensor:
        half_log_det = _diagonal(self._factor).log().sum(-1)
        entropy = 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi)) + half_log_det
        return entropy.expand(self._batch_shape)


def _factor_of_inverse(precision: Tensor) -> Tensor:
    """The lower Cholesky factor of a matrix's inverse, without inverting it."""
    upper = weft.linalg.cholesky(precision.flip(-2, -1)).flip(-2, -1).mT
    return _solve_lower(upper, weft.eye(precision.shape[-1], dtype=precision.dtype).expand(precision.shape))


class LowRankMultivariateNormal(Distribution):
    """A normal distribution with covariance cov_factor cov_factor^T + diag(cov_diag).

    Args:
        loc: shape (*batch, n).
        cov_factor: shape (*batch, n, rank).
        cov_diag: positive, shape (*batch, n).
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        n = loc.shape[-1]
        if cov_factor.dim() < 2 or cov_factor.shape[-2] != n:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {n} x m")
        if cov_diag.shape[-1:] != (n,):
            raise ValueError(f"cov_diag must be a batch of vectors with shape {(n,)}")
        batch = weft.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        self.loc, self.cov_diag = loc.expand(*batch, n), cov_diag.expand(*batch, n)
        self.cov_factor = cov_factor.expand(*batch, *cov_factor.shape[-2:])
        super().__init__(batch, (n,), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return super().expand(batch_shape, type(self).__new__(type(self)) if _instance is None else _instance)

    @property
    def _capacitance_factor(self) -> Tensor:
        """The Cholesky factor of I + W^T D^-1 W, of the size of the rank."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        rank = self.cov_factor.shape[-1]
        return weft.linalg.cholesky(scaled @ self.cov_factor + weft.eye(rank, dtype=self.loc.dtype))

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return self.cov_factor.square().sum(-1) + self.cov_diag

    @property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self.cov_factor @ self.cov_factor.mT + weft.diag_embed(self.cov_diag)

    @property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        return weft.linalg.cholesky(self.covariance_matrix)

    @property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance, by Woodbury's identity."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        part = _solve_lower(self._capacitance_factor, scaled)
        return weft.diag_embed(self.cov_diag.reciprocal()) - part.mT @ part

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        low = weft.randn(*shape[:-1], self.cov_factor.shape[-1], dtype=self.loc.dtype)
        noise = weft.randn(shape, dtype=self.loc.dtype)
        return self.loc + (self.cov_factor @ low.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * noise

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        difference, factor = value - self.loc, self._capacitance_factor
        scaled = difference / self.cov_diag
        inner = (self.cov_factor.mT @ scaled.unsqueeze(-1)).squeeze(-1)
        length = (difference * scaled).sum(-1) - batch_mahalanobis(factor, inner)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det(factor) + length)

    def _log_det(self, factor: Tensor) -> Tensor:
        return 2 * _diagonal(factor).log().sum(-1) + self.cov_diag.log().sum(-1)

    def entropy(self) -> Tensor:
        return 0.5 * (self._event_shape[0] * (1 + math.log(2 * math.pi)) + self._log_det(self._capacitance_factor))
