"""``weft.compiler``: the switches around ``weft.compile``, which runs functions as they are.

>>> weft.compiler.is_compiling()
False
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
    "substitute_in_graph",
    "wrap_numpy",
]

_F = TypeVar("_F")


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
) -> Any:
    """model itself: it runs eagerly, operator by operator, whatever the other arguments say.

    Args:
        model: a function or module; without one, a decorator is returned.
    Raises:
        RuntimeError: both mode and options are given.
        TypeError: model cannot be called.

    >>> @weft.compile
    ... def f(x):
    ...     return x + 1
    >>> f(weft.ones(1))
    tensor([2.])
    """
    if mode is not None and options is not None:
        raise RuntimeError("Either mode or options can be specified, but both can't be specified at the same time.")
    if model is None:
        return lambda function: compile(function, mode=mode, options=options)
    if not callable(model):
        raise TypeError(f"compile: expected a function or module, got {type(model).__name__}")
    return model


def is_compiling() -> bool:
    """Whether a compiler reads this: no."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """Nothing to forget."""


def cudagraph_mark_step_begin() -> None:
    """Nothing to mark."""


def _itself(fn: _F) -> _F:
    """fn."""
    return fn


allow_in_graph = assume_constant_result = wrap_numpy = _itself


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """fn, or a decorator that changes nothing."""
    return _itself if fn is None else fn


def substitute_in_graph(
    original_fn: Any, *, can_constant_fold_through: bool = False, **kwargs: Any
) -> Callable[[_F], _F]:
    """A decorator that changes nothing."""
    return _itself


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The compilers there are: none but running as it is."""
    return ["eager"]


class set_stance(contextlib.AbstractContextManager[None]):
    """A switch, `with` or decorator that changes nothing."""

    def __init__(self, stance: str = "default", **kwargs: Any) -> None:
        self.stance = stance

    def __call__(self, fn: _F) -> _F:
        return fn

    def __exit__(self, *_: object) -> None:
        pass
