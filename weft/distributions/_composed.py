"""Distributions made of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import weft
from weft import Size, Tensor
from weft.distributions import constraints
from weft.distributions._discrete import Categorical
from weft.distributions._location_scale import Normal, _Batch
from weft.distributions.distribution import Distribution
from weft.distributions.transforms import ComposeTransform, StickBreakingTransform, Transform
from weft.distributions.utils import sum_rightmost

__all__ = ["Independent", "LogisticNormal", "MixtureSameFamily", "TransformedDistribution", "VonMises"]


class Independent(Distribution):
    """A distribution whose last so many batch dimensions are part of the event.

    >>> base = weft.distributions.Normal(weft.zeros(3), weft.ones(3))
    >>> weft.distributions.Independent(base, 1).log_prob(weft.zeros(3)).shape
    weft.Size([])
    """

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ) -> None:
        batch = base_distribution.batch_shape
        if reinterpreted_batch_ndims > len(batch):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{reinterpreted_batch_ndims} vs {len(batch)}"
            )
        kept = len(batch) - reinterpreted_batch_ndims
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, reinterpreted_batch_ndims
        super().__init__(batch[:kept], batch[kept:] + base_distribution.event_shape, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        moved = self._event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand(Size(batch_shape) + moved)
        return type(self)(base, self.reinterpreted_batch_ndims, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # the base's
        return bool(self.base_dist.has_rsample)

    @property
    def support(self) -> Any:
        support = self.base_dist.support
        n = self.reinterpreted_batch_ndims
        return constraints.independent(support, n) if n else support

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist!r}, {self.reinterpreted_batch_ndims})"


class TransformedDistribution(Distribution):
    """Values of a base distribution after transforms.

    Args:
        base_distribution: where the values come from.
        transforms: a Transform, or several, applied in order.
    """

    def __init__(
        self, base_distribution: Any, transforms: Transform | Sequence[Transform], validate_args: bool | None = None
    ) -> None:
        listed = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in listed):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        self.transforms = listed
        composed = ComposeTransform(listed)
        shape = base_distribution.batch_shape + base_distribution.event_shape
        if listed and len(shape) < composed.domain.event_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {composed.domain.event_dim}, but got {shape}."
            )
        extra = composed.domain.event_dim - len(base_distribution.event_shape) if listed else 0
        if extra > 0:
            base_distribution = Independent(base_distribution, extra, validate_args=False)
        self.base_dist = base_distribution
        forward = composed.forward_shape(shape)
        event = (
            max(len(base_distribution.event_shape), composed.codomain.event_dim)
            if listed
            else len(base_distribution.event_shape)
        )
        event += (
            max(len(base_distribution.event_shape) - composed.domain.event_dim, 0)
            if listed and (composed.codomain.event_dim > composed.domain.event_dim)
            else 0
        )
        cut = len(forward) - event
        super().__init__(forward[:cut], forward[cut:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        return TransformedDistribution(self.base_dist.expand(batch_shape), self.transforms, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # the base's
        return bool(self.base_dist.has_rsample)

    @property
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self._event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with weft.no_grad():
            return ComposeTransform(self.transforms)(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        x = self.base_dist.rsample(sample_shape)
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        event = len(self._event_shape)
        total: Any = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform._inv_call(y)
            event += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, y), event - transform.domain.event_dim)
            y = x
        log_prob = self.base_dist.log_prob(y)
        return total + sum_rightmost(log_prob, event - len(self.base_dist.event_shape))

    def _monotone_sign(self) -> Any:
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return sign

    def cdf(self, value: Tensor) -> Tensor:
        for transform in reversed(self.transforms):
            value = transform._inv_call(value)
        sign = self._monotone_sign()
        cdf = self.base_dist.cdf(value)
        return cdf if isinstance(sign, int) and sign == 1 else sign * (cdf - 0.5) + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        sign = self._monotone_sign()
        if not (isinstance(sign, int) and sign == 1):
            value = sign * (value - 0.5) + 0.5
        x = self.base_dist.icdf(value)
        return ComposeTransform(self.transforms)(x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_dist!r}, {self.transforms!r})"


class LogisticNormal(TransformedDistribution):
    """Points of the simplex with n + 1 coordinates, which stick breaking makes of n normal numbers.

    Args:
        loc, scale: of the normal numbers, shape (*batch, n).

    >>> weft.distributions.LogisticNormal(weft.zeros(2), weft.ones(2)).event_shape
    weft.Size([3])
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand((1,))
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        n = self.loc.shape[-1]
        return LogisticNormal(self.loc.expand(*batch_shape, n), self.scale.expand(*batch_shape, n), validate_args=False)

    @property
    def loc(self) -> Tensor:
        """Of the normal numbers."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """Of the normal numbers."""
        return self.base_dist.base_dist.scale


class MixtureSameFamily(Distribution):
    """A mixture of distributions of one family.

    Args:
        mixture_distribution: a Categorical over the components.
        component_distribution: its last batch dimension counts the components.
    """

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        count = mixture_distribution.logits.shape[-1]
        components = component_distribution.batch_shape
        if not components or components[-1] != count:
            raise ValueError(
                f"`mixture_distribution` component ({count}) does not equal `component_distribution.batch_shape[-1]` "
                f"({components[-1] if components else None})"
            )
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        super().__init__(components[:-1], component_distribution.event_shape, validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        shape = Size(batch_shape)
        count = self.component_distribution.batch_shape[-1]
        return MixtureSameFamily(
            self.mixture_distribution.expand(shape), self.component_distribution.expand((*shape, count)), False
        )

    @property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)

    @property
    def _weights(self) -> Tensor:
        probs = self.mixture_distribution.probs
        return probs.reshape(*probs.shape, *(1,) * len(self._event_shape))

    @property
    def mean(self) -> Tensor:
        return (self._weights * self.component_distribution.mean).sum(-1 - len(self._event_shape))

    @property
    def variance(self) -> Tensor:
        dim = -1 - len(self._event_shape)
        within = (self._weights * self.component_distribution.variance).sum(dim)
        between = (self.component_distribution.mean - self.mean.unsqueeze(dim)).square()
        return within + (self._weights * between).sum(dim)

    def cdf(self, value: Tensor) -> Tensor:
        each = self.component_distribution.cdf(value.unsqueeze(-1 - len(self._event_shape)))
        return (each * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        each = self.component_distribution.log_prob(value.unsqueeze(-1 - len(self._event_shape)))
        return (each + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        with weft.no_grad():
            event = len(self._event_shape)
            chosen = self.mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            index = chosen.reshape(*chosen.shape, *(1,) * (event + 1))
            samples = self.component_distribution.sample(sample_shape)
            index = index.expand(*chosen.shape, 1, *self._event_shape)
            return samples.gather(-1 - event, index).squeeze(-1 - event)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"


class VonMises(_Batch):
    """Angles around loc, the circle's normal distribution.

    Args:
        loc: the mean direction, in radians.
        concentration: how narrow, like one over a variance.
    """

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    loc: Tensor
    concentration: Tensor

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._set(validate_args, loc=loc, concentration=concentration)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The circular variance."""
        k = self.concentration
        return 1 - weft.special.i1e(k) / weft.special.i0e(k)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - weft.special.i0e(k).log()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """By rejection from a wrapped Cauchy distribution (Best and Fisher, 1979)."""
        shape = self._extended_shape(sample_shape)
        with weft.no_grad():
            loc, k = self.loc.double().expand(shape), self.concentration.double().expand(shape)
            tau = 1 + (1 + 4 * k.square()).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = weft.where(k < 1e-5, 1 / k + k, (1 + rho.square()) / (2 * rho))
            angle, done = weft.zeros_like(k), weft.zeros(shape, dtype=weft.bool)
            while not bool(done.all()):
                u1, u2, u3 = weft.rand((3, *shape), dtype=weft.float64).unbind(0)
                z = (math.pi * u1).cos()
                f = ((1 + r * z) / (r + z)).clamp(min=-1, max=1)
                c = k * (r - f)
                accepted = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                angle = weft.where(accepted & ~done, (u3 - 0.5).sign() * f.acos(), angle)
                done = done | accepted
            return ((angle + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)
