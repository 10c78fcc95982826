"""Sets that parameters and values of distributions lie in.

A constraint's ``check(value)`` tells, for every element (or event, when ``event_dim`` dimensions make one), whether it lies
in the set. Constraints that depend on parameters of the distribution are made by ``dependent_property``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor

__all__ = [
    "Constraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property", "greater_than", "greater_than_eq",
    "half_open_interval", "independent", "integer_interval", "interval", "is_dependent", "less_than", "lower_cholesky",
    "lower_triangular", "MixtureSameFamilyConstraint", "multinomial", "nonnegative", "nonnegative_integer", "one_hot",
    "positive", "positive_definite", "positive_integer", "positive_semidefinite", "real", "real_vector", "simplex", "square",
    "stack", "symmetric", "unit_interval",
]  # fmt: skip


class Constraint:
    """A set of values.

    Attributes:
        is_discrete: whether the set is countable.
        event_dim: how many trailing dimensions make one value.
    """

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """A bool tensor: whether each value lies in the set."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return type(self).__name__.lstrip("_").rstrip("_").replace("Constraint", "") + "()"


class _Dependent(Constraint):
    """Depends on other parameters; it cannot be checked without them."""

    def __init__(self, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def __call__(self, *, is_discrete: bool | None = None, event_dim: int | None = None) -> _Dependent:
        return _Dependent(
            is_discrete=self.is_discrete if is_discrete is None else is_discrete,
            event_dim=self.event_dim if event_dim is None else event_dim,
        )

    def check(self, value: Tensor) -> Tensor:
        raise ValueError("Cannot determine validity of dependent constraint")


def is_dependent(constraint: Constraint) -> bool:
    """Whether the constraint needs other parameters to be checked."""
    return isinstance(constraint, _Dependent)


class dependent_property(property, _Dependent):
    """A property of a distribution that gives a constraint; on the class itself it stands for a dependent one."""

    def __init__(self, fn: Callable[..., Any] | None = None, *, is_discrete: bool = False, event_dim: int = 0) -> None:
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable[..., Any]) -> Any:  # type: ignore[override]  # as a decorator with arguments
        return dependent_property(fn, is_discrete=self.is_discrete, event_dim=self.event_dim)


class _IndependentConstraint(Constraint):
    """A constraint whose last so many batch dimensions belong to the event."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.is_discrete = base_constraint.is_discrete
        self.event_dim = base_constraint.event_dim + reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        result = self.base_constraint.check(value)
        if result.dim() < self.reinterpreted_batch_ndims:
            expected = self.base_constraint.event_dim + self.reinterpreted_batch_ndims
            raise ValueError(f"Expected value.dim() >= {expected} but got {value.dim()}")
        kept = result.dim() - self.reinterpreted_batch_ndims
        return result.reshape((*result.shape[:kept], -1)).all(-1)

    def __repr__(self) -> str:
        return f"Independent({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """What every component of a mixture allows."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint
        self.is_discrete, self.event_dim = base_constraint.is_discrete, base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        unsqueezed = value.unsqueeze(-1 - self.event_dim)
        result = self.base_constraint.check(unsqueezed)
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape((*result.shape[: value.dim() - self.event_dim], -1)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class _Predicate(Constraint):
    """Values for which a function of theirs holds."""

    def __init__(self, name: str, test: Callable[[Tensor], Any], is_discrete: bool = False, event_dim: int = 0) -> None:
        self._name, self._test = name, test
        self.is_discrete, self.event_dim = is_discrete, event_dim

    def check(self, value: Tensor) -> Tensor:
        result: Tensor = self._test(value)
        return result

    def __repr__(self) -> str:
        return self._name


class _Bounded(Constraint):
    """Values between bounds, which may be tensors."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}(lower_bound={self.lower_bound}, upper_bound={self.upper_bound})"


class _Interval(_Bounded):
    def check(self, value: Tensor) -> Tensor:
        return (self.lower_bound <= value) & (value <= self.upper_bound)


class _HalfOpenInterval(_Bounded):
    def check(self, value: Tensor) -> Tensor:
        return (self.lower_bound <= value) & (value < self.upper_bound)


class _IntegerInterval(_Bounded):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (self.lower_bound <= value) & (value <= self.upper_bound)


class _OneSided(Constraint):
    def __init__(self, bound: Any) -> None:
        self.bound = bound

    @property
    def lower_bound(self) -> Any:
        return self.bound

    @property
    def upper_bound(self) -> Any:
        return self.bound

    def __repr__(self) -> str:
        return f"{type(self).__name__.lstrip('_')}(bound={self.bound})"


class _GreaterThan(_OneSided):
    def check(self, value: Tensor) -> Tensor:
        return value > self.bound


class _GreaterThanEq(_OneSided):
    def check(self, value: Tensor) -> Tensor:
        return value >= self.bound


class _LessThan(_OneSided):
    def check(self, value: Tensor) -> Tensor:
        return value < self.bound


class _IntegerGreaterThan(_OneSided):
    is_discrete = True

    def check(self, value: Tensor) -> Tensor:
        return (value % 1 == 0) & (value >= self.bound)


class _Multinomial(Constraint):
    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)


def _tolerance(value: Tensor) -> float:
    return 10 * weft.finfo(value.dtype).eps * value.shape[-1]


def _is_one_hot(value: Tensor) -> Tensor:
    return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


def _is_simplex(value: Tensor) -> Tensor:
    return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


def _is_lower_triangular(value: Tensor) -> Tensor:
    return (value.tril() == value).reshape((*value.shape[:-2], -1)).all(-1)


def _is_lower_cholesky(value: Tensor) -> Tensor:
    return _is_lower_triangular(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


def _is_corr_cholesky(value: Tensor) -> Tensor:
    unit = ((value * value).sum(-1).sqrt() - 1).abs().le(_tolerance(value)).all(-1)
    return _is_lower_cholesky(value) & unit


def _is_square(value: Tensor) -> Tensor:
    return weft.full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype=weft.bool)


def _is_symmetric(value: Tensor) -> Tensor:
    square = _is_square(value)
    if not bool(square.all()):
        return square
    return weft.isclose(value, value.mT, atol=1e-6).all(-2).all(-1)


def _has_cholesky(value: Tensor) -> Tensor:
    symmetric = _is_symmetric(value)
    if not bool(symmetric.all()):
        return symmetric
    return weft.linalg.cholesky_ex(value).info.eq(0)


def _is_semidefinite(value: Tensor) -> Tensor:
    symmetric = _is_symmetric(value)
    if not bool(symmetric.all()):
        return symmetric
    return weft.linalg.eigvalsh(value).ge(0).all(-1)


class _Joined(Constraint):
    """Several constraints along a dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        self.cseq, self.dim = list(cseq), dim
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]  # follows from the parts
        return any(c.is_discrete for c in self.cseq)

    @property
    def event_dim(self) -> int:  # type: ignore[override]  # follows from the parts
        return max(c.event_dim for c in self.cseq)


class _Cat(_Joined):
    def check(self, value: Tensor) -> Tensor:
        parts = value.split(self.lengths, self.dim)
        return weft.cat([c.check(v) for c, v in zip(self.cseq, parts, strict=True)], self.dim)


class _Stack(_Joined):
    @property
    def event_dim(self) -> int:  # type: ignore[override]  # one more where the parts lie within it
        dim = max(c.event_dim for c in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    def check(self, value: Tensor) -> Tensor:
        return weft.stack([c.check(v) for c, v in zip(self.cseq, value.unbind(self.dim), strict=True)], self.dim)


dependent = _Dependent()
independent = _IndependentConstraint
boolean = _Predicate("Boolean()", lambda value: (value == 0) | (value == 1), is_discrete=True)
one_hot = _Predicate("OneHot()", _is_one_hot, is_discrete=True, event_dim=1)
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
integer_interval = _IntegerInterval
real = _Predicate("Real()", lambda value: value == value)
real_vector = independent(real, 1)
positive = _GreaterThan(0.0)
nonnegative = _GreaterThanEq(0.0)
greater_than = _GreaterThan
greater_than_eq = _GreaterThanEq
less_than = _LessThan
multinomial = _Multinomial
unit_interval = _Interval(0.0, 1.0)
interval = _Interval
half_open_interval = _HalfOpenInterval
simplex = _Predicate("Simplex()", _is_simplex, event_dim=1)
lower_triangular = _Predicate("LowerTriangular()", _is_lower_triangular, event_dim=2)
lower_cholesky = _Predicate("LowerCholesky()", _is_lower_cholesky, event_dim=2)
corr_cholesky = _Predicate("CorrCholesky()", _is_corr_cholesky, event_dim=2)
square = _Predicate("Square()", _is_square, event_dim=2)
symmetric = _Predicate("Symmetric()", _is_symmetric, event_dim=2)
positive_semidefinite = _Predicate("PositiveSemidefinite()", _is_semidefinite, event_dim=2)
positive_definite = _Predicate("PositiveDefinite()", _has_cholesky, event_dim=2)
cat = _Cat
stack = _Stack
