"""``weft.compiler``: the switches around ``weft.compile``, which runs functions and modules as they are.

>>> weft.compiler.is_compiling()
False
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Self, TypeVar

from weft.nn import Module

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
    """The function itself, or the module in a wrapper: it runs operator by operator, whatever the other arguments say.

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
    return OptimizedModule(model) if isinstance(model, Module) else model


class OptimizedModule(Module):
    """What ``compile`` makes of a module: its attributes are the module's, its state_dict keys begin with "_orig_mod.".

    >>> model = weft.compile(weft.nn.Linear(2, 3))
    >>> model.out_features, list(model.state_dict())
    (3, ['_orig_mod.weight', '_orig_mod.bias'])
    """

    _orig_mod: Module

    def __init__(self, mod: Module) -> None:
        super().__init__()
        self._modules["_orig_mod"] = mod

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._orig_mod(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_modules"]["_orig_mod"]
        return module if name == "_orig_mod" else getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # What a new module is made of is its own; the rest is set where it will be read.
        if "_orig_mod" not in self.__dict__.get("_modules", ()):
            super().__setattr__(name, value)
        elif name == "_orig_mod":
            self._modules[name] = value
        else:
            setattr(self._orig_mod, name, value)

    def train(self, mode: bool = True) -> Self:
        """Change the module, whose ``training`` is this one's too."""
        self.__dict__["training"] = mode
        self._orig_mod.train(mode)
        return self


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
