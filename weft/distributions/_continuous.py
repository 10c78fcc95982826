"""ContinuousBernoulli and GeneralizedPareto: numbers on an interval, and tails."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import weft
from weft import Tensor
from weft.distributions import constraints
from weft.distributions._discrete import _Chance
from weft.distributions._location_scale import _Batch, standard_uniform
from weft.distributions.utils import clamp_probs

__all__ = ["ContinuousBernoulli", "GeneralizedPareto"]


class ContinuousBernoulli(_Chance):
    """Numbers between 0 and 1 with a density proportional to probs^x (1 - probs)^(1 - x).

    Args:
        probs, logits: one of them; the parameter, in (0, 1), or its log-odds.
        lims: between these, formulas that are 0/0 at one half are replaced by their series.

    Source: Loaiza-Ganem and Cunningham, The continuous Bernoulli, 2019.

    >>> weft.distributions.ContinuousBernoulli(0.5).log_prob(weft.tensor(0.3)).abs() < 1e-6
    tensor(True)
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        self._lims = lims
        self._set_chance(probs, logits, validate_args)
        if probs is not None:
            self.probs = clamp_probs(self.probs)

    def _expand_rest(self, new: Any, shape: Any) -> None:
        new._lims = self._lims

    def _split(self) -> tuple[Tensor, Tensor, Tensor]:
        """Whether the series is used; parameters for the closed formulas; the distance from one half for the series."""
        middle = (self.probs > self._lims[0]) & (self.probs < self._lims[1])
        return middle, weft.where(middle, self._lims[0], self.probs), weft.where(middle, self.probs - 0.5, 0.0)

    @property
    def log_norm(self) -> Tensor:
        """The logarithm of the constant that makes the density integrate to 1."""
        middle, p, x = self._split()
        gap = 1 - 2 * p
        exact = (2 * gap.atanh()).abs().log() - gap.abs().log()
        return weft.where(middle, math.log(2.0) + (4 / 3 + 104 / 45 * x.square()) * x.square(), exact)

    @property
    def mean(self) -> Tensor:
        middle, p, x = self._split()
        exact = p / (2 * p - 1) + 0.5 / (1 - 2 * p).atanh()
        return weft.where(middle, 0.5 + (1 / 3 + 16 / 45 * x.square()) * x, exact)

    @property
    def variance(self) -> Tensor:
        middle, p, x = self._split()
        gap = 1 - 2 * p
        exact = p * (p - 1) / gap.square() + 0.25 / gap.atanh().square()
        return weft.where(middle, 1 / 12 - (1 / 15 - 128 / 945 * x.square()) * x.square(), exact)

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(standard_uniform(self._extended_shape(sample_shape), self.probs))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return value * self.logits - weft.nn.functional.softplus(self.logits) + self.log_norm

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        middle, p, _ = self._split()
        inside = (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        inside = weft.where(middle, value, inside)
        return weft.where(value <= 0, 0.0, weft.where(value >= 1, 1.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        middle, p, _ = self._split()
        log_rest = (-p).log1p()
        exact = ((value * (2 * p - 1) - p).log1p() - log_rest) / (p.log() - log_rest)
        return weft.where(middle, value, exact)

    def entropy(self) -> Tensor:
        log_rest = (-self.probs).log1p()
        return -(self.mean * (self.probs.log() - log_rest) + log_rest + self.log_norm)


class GeneralizedPareto(_Batch):
    """What exceeds a high threshold: a tail of power 1 + 1 / concentration, exponential at 0, bounded below 0.

    Args:
        loc: the smallest value.
        scale: the width.
        concentration: the shape of the tail.

    >>> weft.distributions.GeneralizedPareto(0.0, 2.0, 0.25).mean
    tensor(2.6667)
    """

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    loc: Tensor
    scale: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, scale=scale, concentration=concentration)

    @property
    def support(self) -> Any:
        c = self.concentration
        upper = weft.where(c < 0, self.loc - self.scale / weft.where(c < 0, c, -1.0), math.inf)
        return constraints.interval(self.loc, upper)

    def _split(self) -> tuple[Tensor, Tensor]:
        """Whether the tail is exponential, and concentrations that may be divided by."""
        c = self.concentration
        flat = weft.isclose(c, weft.zeros_like(c))
        return flat, weft.where(flat, 1.0, c)

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return weft.where(c < 1, self.loc + self.scale / (1 - weft.where(c < 1, c, 0.0)), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.concentration < 0.5
        c = weft.where(finite, self.concentration, 0.0)
        return weft.where(finite, self.scale.square() / ((1 - c).square() * (1 - 2 * c)), math.inf)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.icdf(standard_uniform(self._extended_shape(sample_shape), self.loc))

    def _log_tail(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """log(1 - cdf), and log of what the value scales the density by."""
        flat, c = self._split()
        z = (value - self.loc) / self.scale
        grown = (c * z).log1p()
        return weft.where(flat, -z, -grown / c), weft.where(flat, 0.0, grown)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        tail, grown = self._log_tail(value)
        return tail - grown - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -self._log_tail(value)[0].expm1()

    def icdf(self, value: Tensor) -> Tensor:
        flat, c = self._split()
        rest = (-value).log1p()
        return self.loc + self.scale * weft.where(flat, -rest, (-c * rest).expm1() / c)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1
