"""Probability distributions: samples, densities, moments, and gradients through samples."""

from __future__ import annotations

from weft.distributions import _kl_mixed as _kl_mixed
from weft.distributions import constraints, kl, transforms
from weft.distributions._composed import (
    Independent,
    LogisticNormal,
    MixtureSameFamily,
    TransformedDistribution,
    VonMises,
)
from weft.distributions._continuous import ContinuousBernoulli, GeneralizedPareto
from weft.distributions._discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    LogitRelaxedBernoulli,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)
from weft.distributions._gamma import (
    Beta,
    Chi2,
    Dirichlet,
    FisherSnedecor,
    Gamma,
    InverseGamma,
    Kumaraswamy,
    Pareto,
    StudentT,
    Weibull,
)
from weft.distributions._location_scale import (
    Cauchy,
    Exponential,
    Gumbel,
    HalfCauchy,
    HalfNormal,
    Laplace,
    LogNormal,
    Normal,
    Uniform,
)
from weft.distributions._matrix import LKJCholesky, Wishart
from weft.distributions._multivariate import LowRankMultivariateNormal, MultivariateNormal
from weft.distributions.constraint_registry import biject_to, transform_to
from weft.distributions.distribution import Distribution
from weft.distributions.kl import kl_divergence, register_kl
from weft.distributions.transforms import *  # noqa: F403
from weft.distributions.transforms import __all__ as _transforms

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli", "Dirichlet",
    "Distribution", "Exponential", "FisherSnedecor", "Gamma", "GeneralizedPareto", "Geometric", "Gumbel",
    "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace", "LogNormal",
    "LogisticNormal", "LogitRelaxedBernoulli", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough",
    "Pareto", "Poisson", "RelaxedBernoulli", "RelaxedOneHotCategorical", "StudentT", "TransformedDistribution",
    "Uniform", "VonMises", "Weibull", "Wishart", "biject_to", "constraints", "kl", "kl_divergence", "register_kl",
    "transform_to", "transforms", *_transforms,
]  # fmt: skip
