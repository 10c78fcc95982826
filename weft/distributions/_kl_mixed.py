"""Divergences between distributions of different families: the cross entropy less the entropy."""

from __future__ import annotations

import math
from typing import Any

import weft
from weft import Tensor
from weft.distributions._continuous import ContinuousBernoulli
from weft.distributions._discrete import Bernoulli, Binomial, Poisson
from weft.distributions._gamma import Beta, Gamma, Pareto
from weft.distributions._location_scale import Exponential, Gumbel, Laplace, Normal, Uniform
from weft.distributions._matrix import Wishart
from weft.distributions._multivariate import LowRankMultivariateNormal, MultivariateNormal
from weft.distributions.kl import multivariate_normal, register_kl

__all__: list[str] = []

# Where p has values that q cannot have.
_INFINITE: tuple[tuple[type, tuple[type, ...]], ...] = (
    (Poisson, (Bernoulli, Binomial)),
    (Beta, (Pareto,)),
    (ContinuousBernoulli, (Pareto,)),
    (Exponential, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, (Beta, ContinuousBernoulli, Uniform)),
)


def _infinite(p: Any, q: Any) -> Tensor:
    return weft.full(p.batch_shape, math.inf, dtype=p.entropy().dtype if not isinstance(p, Poisson) else p.rate.dtype)


for _kind, _others in _INFINITE:
    for _other in _others:
        register_kl(_kind, _other)(_infinite)


def _mean_log(p: Any) -> Tensor:
    """The mean of the logarithm of p's values."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return (weft.xlogy(p.high, p.high) - weft.xlogy(p.low, p.low)) / (p.high - p.low) - 1


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()


def _to_normal(p: Any, q: Normal) -> Tensor:
    spread = p.variance + (p.mean - q.loc).square()
    return 0.5 * (spread / q.scale.square() + math.log(2 * math.pi)) + q.scale.log() - p.entropy()


for _kind in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto):
    register_kl(_kind, Normal)(_to_normal)


def _to_exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - q.rate.log() - p.entropy()


for _kind in (Beta, ContinuousBernoulli, Gamma, Pareto):
    register_kl(_kind, Exponential)(_to_exponential)


def _to_gamma(p: Any, q: Gamma) -> Tensor:
    a, rate = q.concentration, q.rate
    return a.lgamma() - a * rate.log() - (a - 1) * _mean_log(p) + rate * p.mean - p.entropy()


register_kl(Beta, Gamma)(_to_gamma)
register_kl(Pareto, Gamma)(_to_gamma)


def _to_uniform(p: Any, q: Uniform) -> Tensor:
    outside = (q.low > 0) | (q.high < 1)
    return weft.where(outside, math.inf, (q.high - q.low).log() - p.entropy())


register_kl(Beta, Uniform)(_to_uniform)
register_kl(ContinuousBernoulli, Uniform)(_to_uniform)


def _to_continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    return -(p.mean * q.logits + (-q.probs).log1p() + q.log_norm) - p.entropy()


register_kl(Beta, ContinuousBernoulli)(_to_continuous_bernoulli)
register_kl(ContinuousBernoulli, ContinuousBernoulli)(_to_continuous_bernoulli)


def _to_gumbel(p: Any, q: Gumbel, mean_of_power: Tensor) -> Tensor:
    """mean_of_power: the mean of exp(-(x - loc) / scale) over p."""
    return q.scale.log() + (p.mean - q.loc) / q.scale + mean_of_power - p.entropy()


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Exponential, q: Gumbel) -> Tensor:
    ratio = p.rate * q.scale
    return _to_gumbel(p, q, (q.loc / q.scale).exp() * ratio / (ratio + 1))


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Gamma, q: Gumbel) -> Tensor:
    power = (q.loc / q.scale - p.concentration * (p.rate * q.scale).reciprocal().log1p()).exp()
    return _to_gumbel(p, q, power)


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Normal, q: Gumbel) -> Tensor:
    return _to_gumbel(p, q, ((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).square()).exp())


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Uniform, q: Gumbel) -> Tensor:
    low, high = (((q.loc - edge) / q.scale).exp() for edge in (p.low, p.high))
    return _to_gumbel(p, q, q.scale / (p.high - p.low) * (low - high))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = (p.loc - q.loc) / p.scale
    spread = math.sqrt(2 / math.pi) * (-0.5 * distance.square()).exp() + distance * (distance / math.sqrt(2)).erf()
    return p.scale * spread / q.scale + (2 * q.scale).log() - p.entropy()


@register_kl(Uniform, Beta)
def _uniform_beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    log_norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    value = log_norm - (a - 1) * _mean_log(p) - (b - 1) * _mean_log(mirrored) - p.entropy()
    return weft.where((p.low < 0) | (p.high > 1), math.inf, value)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Uniform, q: ContinuousBernoulli) -> Tensor:
    return weft.where((p.low < 0) | (p.high > 1), math.inf, _to_continuous_bernoulli(p, q))


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    return weft.where(p.low < 0, math.inf, _to_exponential(p, q))


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Uniform, q: Gamma) -> Tensor:
    return weft.where(p.low < 0, math.inf, _to_gamma(p, q))


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Uniform, q: Pareto) -> Tensor:
    cross = (q.alpha + 1) * _mean_log(p) - q.alpha.log() - q.alpha * q.scale.log()
    return weft.where(p.low < q.scale, math.inf, cross - p.entropy())


for _pair in (
    (LowRankMultivariateNormal, LowRankMultivariateNormal),
    (LowRankMultivariateNormal, MultivariateNormal),
    (MultivariateNormal, LowRankMultivariateNormal),
):
    register_kl(*_pair)(multivariate_normal)


@register_kl(Wishart, Wishart)
def _wishart(p: Wishart, q: Wishart) -> Tensor:
    return q.cross_entropy(p) - p.entropy()
