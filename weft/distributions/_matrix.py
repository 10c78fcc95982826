"""Distributions of matrices: Wishart, and Cholesky factors of correlations."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import weft
from weft import Size, Tensor
from weft.distributions import constraints
from weft.distributions._gamma import Beta, _standard_gamma
from weft.distributions._multivariate import _diagonal, _factor_of_inverse, _solve_lower
from weft.distributions.distribution import Distribution
from weft.distributions.utils import lazy_property

__all__ = ["LKJCholesky", "Wishart"]


class Wishart(Distribution):
    """The distribution of the scatter matrix of df normal vectors.

    Args:
        df: degrees of freedom, above n - 1.
        covariance_matrix, precision_matrix, scale_tril: one of them, shape (*batch, n, n): the covariance of the vectors,
            its inverse, or its lower Cholesky factor.

    Source: Bartlett's decomposition; Sawyer, Wishart distributions and inverse-Wishart sampling, 2007.

    >>> weft.distributions.Wishart(weft.tensor(3.0), weft.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    df: Tensor
    arg_constraints: ClassVar[Any] = {
        "df": constraints.positive,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        given = [
            (name, matrix)
            for name, matrix in (
                ("covariance_matrix", covariance_matrix), ("precision_matrix", precision_matrix), ("scale_tril", scale_tril),
            )
            if matrix is not None
        ]  # fmt: skip
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((name, matrix),) = given
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        degrees = df if isinstance(df, Tensor) else weft.scalar_tensor(df, dtype=matrix.dtype)
        batch = weft.broadcast_shapes(degrees.shape, matrix.shape[:-2])
        self.df = degrees.expand(batch)
        self.__dict__[name] = matrix.expand(*batch, *matrix.shape[-2:])
        n = matrix.shape[-1]
        if bool((self.df <= n - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {n - 1}.")
        super().__init__(batch, matrix.shape[-2:], validate_args)
        if covariance_matrix is not None:
            self._factor = weft.linalg.cholesky(covariance_matrix)
        else:
            self._factor = matrix if precision_matrix is None else _factor_of_inverse(precision_matrix)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return super().expand(batch_shape, type(self).__new__(type(self)) if _instance is None else _instance)

    def _expand_rest(self, new: Any, shape: Size) -> None:
        new._factor = self._factor
        new.df = self.df.expand(shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower Cholesky factor of the covariance."""
        return self._factor.expand(*self._batch_shape, *self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        return (self._factor @ self._factor.mT).expand(*self._batch_shape, *self._event_shape)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        identity = weft.eye(self._event_shape[0], dtype=self._factor.dtype).expand(self._factor.shape)
        inverse = _solve_lower(self._factor, identity)
        return (inverse.mT @ inverse).expand(*self._batch_shape, *self._event_shape)

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[0] - 1
        return weft.where(factor > 0, factor, math.nan)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        cov = self.covariance_matrix
        diagonal = _diagonal(cov)
        return self.df[..., None, None] * (cov.square() + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Tensor:
        n = self._event_shape[0]
        shape = self._extended_shape(sample_shape)
        degrees = (self.df.unsqueeze(-1) - weft.arange(n, dtype=self._factor.dtype)).expand(shape[:-1])
        lengths = (2 * _standard_gamma(degrees / 2)).clamp(min=weft.finfo(degrees.dtype).tiny).sqrt()
        noise = weft.randn(shape, dtype=self._factor.dtype).tril(-1)
        root = self._factor @ (noise + weft.diag_embed(lengths))
        return root @ root.mT

    @property
    def _half_log_det(self) -> Tensor:
        return _diagonal(self._factor).log().sum(-1)

    @property
    def _mean_log_det(self) -> Tensor:
        """The mean of the logarithm of the determinant of a value."""
        n = self._event_shape[0]
        halves = (self.df.unsqueeze(-1) - weft.arange(n, dtype=self._factor.dtype)) / 2
        return halves.digamma().sum(-1) + n * math.log(2.0) + 2 * self._half_log_det

    def _log_density(self, log_det: Tensor, trace: Tensor) -> Tensor:
        """At a value of that log-determinant, and that trace of covariance^-1 value."""
        n = self._event_shape[0]
        norm = self.df * (0.5 * n * math.log(2.0) + self._half_log_det) + weft.mvlgamma(self.df / 2, n)
        return 0.5 * ((self.df - n - 1) * log_det - trace) - norm

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        root = weft.linalg.cholesky(value)
        return self._log_density(2 * _diagonal(root).log().sum(-1), self._trace(root))

    def _trace(self, root: Tensor) -> Tensor:
        batch = weft.broadcast_shapes(self._factor.shape[:-2], root.shape[:-2])
        solved = _solve_lower(self._factor.expand(*batch, *self._event_shape), root.expand(*batch, *self._event_shape))
        return solved.square().sum((-2, -1))

    def entropy(self) -> Tensor:
        return self.cross_entropy(self)

    def cross_entropy(self, other: Wishart) -> Tensor:
        """Minus the mean of log_prob over the values of another Wishart distribution."""
        return -self._log_density(other._mean_log_det, other.df * self._trace(other._factor))


class LKJCholesky(Distribution):
    """Lower Cholesky factors of correlation matrices, whose density goes with det(correlation)^(concentration - 1).

    Args:
        dim: of the matrices.
        concentration: 1 for equal density everywhere, more to favour weak correlations.

    Source: Lewandowski, Kurowicka, Joe, Generating random correlation matrices, 2009 (the onion method).

    >>> weft.distributions.LKJCholesky(3, 0.5).sample().shape
    weft.Size([3, 3])
    """

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    concentration: Tensor

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        self.concentration = concentration if isinstance(concentration, Tensor) else weft.tensor(float(concentration))
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return LKJCholesky(self.dim, self.concentration.expand(batch_shape), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with weft.no_grad():
            shape, dtype = self._extended_shape(sample_shape), self.concentration.dtype
            below = weft.arange(self.dim, dtype=dtype)  # a row has so many elements before its diagonal
            before = (below - 1).clamp(min=0)
            rest = (self.concentration + 0.5 * (self.dim - 2)).unsqueeze(-1) - 0.5 * before
            share = Beta((0.5 * before + 0.5).expand(rest.shape), rest).sample(sample_shape).unsqueeze(-1)
            direction = weft.randn(shape, dtype=dtype).tril(-1)
            length = direction.norm(dim=-1, keepdim=True)
            direction = direction / weft.where(length > 0, length, 1.0)
            rows = share.sqrt() * direction
            left = (1 - rows.square().sum(-1)).clamp(min=weft.finfo(dtype).tiny).sqrt()
            return rows + weft.diag_embed(left)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        rows = weft.arange(2, self.dim + 1, dtype=self.concentration.dtype)
        powers = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - rows
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        norm = 0.5 * n * math.log(math.pi) + weft.mvlgamma(alpha - 0.5, n) - n * alpha.lgamma()
        return (powers * _diagonal(value)[..., 1:].log()).sum(-1) - norm
