"""``biject_to`` and ``transform_to``: maps from all real numbers onto what a constraint allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from weft.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]

_F = TypeVar("_F", bound=Callable[..., Any])


def _key(constraint: Any) -> Any:
    """What names a constraint: its class, or, where many are of one class, itself."""
    return constraint if isinstance(constraint, type | constraints._Predicate) else type(constraint)


class ConstraintRegistry:
    """Factories of transforms by constraint.

    >>> weft.distributions.transform_to(weft.distributions.constraints.simplex)(weft.zeros(2))
    tensor([0.5000, 0.5000])
    """

    def __init__(self) -> None:
        self._factories: dict[Any, Callable[[Any], Any]] = {}

    def register(self, constraint: Any, factory: Any = None) -> Any:
        """Makes factory(constraint) the transform of constraints of that class; a decorator without factory."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        is_class = isinstance(constraint, type) and issubclass(constraint, constraints.Constraint)
        if not is_class and not isinstance(constraint, constraints.Constraint):
            raise TypeError(f"Expected constraint to be either a Constraint subclass or instance, but got {constraint}")
        self._factories[_key(constraint)] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        """The transform onto the constraint.

        Raises:
            NotImplementedError: there is none.
        """
        factory = self._factories.get(_key(constraint))
        if factory is None:
            raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")
        return factory(constraint)


biject_to = ConstraintRegistry()
transform_to = ConstraintRegistry()


def _register(*kinds: Any, only: ConstraintRegistry | None = None) -> Callable[[_F], _F]:
    """Registers factory(registry, constraint) for constraints, in both registries unless told one."""

    def register(factory: _F) -> _F:
        for registry in (biject_to, transform_to) if only is None else (only,):
            for kind in kinds:
                registry.register(kind, lambda constraint, registry=registry: factory(registry, constraint))
        return factory

    return register


@_register(constraints.real)
def _real(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.identity_transform


@_register(constraints.independent)
def _independent(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    base = registry(constraint.base_constraint)
    return transforms.IndependentTransform(base, constraint.reinterpreted_batch_ndims)


@_register(constraints.greater_than, constraints.greater_than_eq)
def _above(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    shift = transforms.AffineTransform(constraint.lower_bound, 1)
    return transforms.ComposeTransform([transforms.ExpTransform(), shift])


@_register(constraints.less_than)
def _below(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    shift = transforms.AffineTransform(constraint.upper_bound, -1)
    return transforms.ComposeTransform([transforms.ExpTransform(), shift])


@_register(constraints.interval, constraints.half_open_interval)
def _between(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    low, high = constraint.lower_bound, constraint.upper_bound
    if isinstance(low, int | float) and isinstance(high, int | float) and (low, high) == (0, 1):
        return transforms.SigmoidTransform()
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(low, high - low)])


@_register(constraints.simplex, only=biject_to)
def _simplex(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.StickBreakingTransform()


@_register(constraints.simplex, only=transform_to)
def _softmax(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.SoftmaxTransform()


@_register(constraints.lower_cholesky, only=transform_to)
def _lower_cholesky(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.LowerCholeskyTransform()


@_register(constraints.positive_definite, constraints.positive_semidefinite, only=transform_to)
def _positive_definite(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.PositiveDefiniteTransform()


@_register(constraints.corr_cholesky)
def _corr_cholesky(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.CorrCholeskyTransform()


@_register(constraints.cat)
def _cat(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.CatTransform([registry(c) for c in constraint.cseq], constraint.dim, constraint.lengths)


@_register(constraints.stack)
def _stack(registry: ConstraintRegistry, constraint: Any) -> transforms.Transform:
    return transforms.StackTransform([registry(c) for c in constraint.cseq], constraint.dim)
