"""What a function written in Python says of an argument that should have been a tensor: what native operators say."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar, cast

from weft._core import Tensor

__all__ = ["expects_tensors", "refuse", "refuse_others", "tensor_parameters"]

_F = TypeVar("_F", bound=Callable[..., Any])
_ABSENT = object()


def tensor_parameters(f: Callable[..., Any]) -> tuple[tuple[int, str], ...]:
    """Positions and names of the parameters annotated as Tensor."""
    parameters = inspect.signature(f).parameters.values()
    return tuple((i, p.name) for i, p in enumerate(parameters) if p.annotation == "Tensor")


def refuse(function: str, name: str, position: int, given: object) -> NoReturn:
    """Raises the TypeError for an argument that is no tensor; positions count from 0."""
    raise TypeError(
        f"{function}(): argument '{name}' (position {position + 1}) must be Tensor, not {type(given).__name__}"
    ) from None


def refuse_others(
    function: str, tensors: Sequence[tuple[int, str]], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raises TypeError for the first of these parameters that was given something else than a tensor."""
    for i, name in tensors:
        given = args[i] if i < len(args) else kwargs.get(name, _ABSENT)
        if given is not _ABSENT and not isinstance(given, Tensor):
            refuse(function, name, i, given)


def expects_tensors(f: _F) -> _F:
    """f, which when it fails blames an argument that is no tensor, if there is one: calls that succeed cost no check."""
    tensors = tensor_parameters(f)

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return f(*args, **kwargs)
        except Exception:
            refuse_others(f.__name__, tensors, args, kwargs)
            raise

    return cast(_F, call)
