"""``weft.jit``: programs that ask for TorchScript run as the Python they are.

`script` and `trace` return what they were given, so results and gradients are the same; nothing is compiled.
Archives of compiled code (`jit.save`, `jit.load`) are refused: they are not Python.

>>> @weft.jit.script
... def double(x):
...     return 2 * x
>>> double(weft.ones(1))
tensor([2.])
"""

from __future__ import annotations

import builtins
import contextlib
import typing
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from weft._legacy import refusing
from weft.nn.modules.module import Module

__all__ = [
    "Attribute",
    "Error",
    "ScriptFunction",
    "ScriptModule",
    "TracerWarning",
    "annotate",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "optimize_for_inference",
    "optimized_execution",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "set_fusion_strategy",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

_T = TypeVar("_T")
Final = typing.Final
Error = RuntimeError
ScriptModule = Module


class ScriptFunction:
    """The class of compiled functions: nothing is an instance of it."""


class TracerWarning(Warning):
    """A trace may not hold for other inputs: never issued."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """Nothing to ignore."""


def script(obj: _T, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> _T:
    """obj itself: a function, a class or a module."""
    return obj


def trace(func: _T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> _T:
    """func itself; example_inputs are not needed."""
    return func


def trace_module(mod: _T, inputs: Any, *args: Any, **kwargs: Any) -> _T:
    """mod itself."""
    return mod


def script_if_tracing(fn: _T) -> _T:
    """fn itself."""
    return fn


script_method = export = interface = _overload_method = _overload = script_if_tracing


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A decorator without effect: everything stays Python."""
    return drop if callable(drop) else script_if_tracing


def unused(fn: _T) -> _T:
    """A decorator without effect."""
    return fn


def freeze(mod: _T, preserved_attrs: Any = None, optimize_numerics: bool = True) -> _T:
    """mod itself."""
    return mod


def optimize_for_inference(mod: _T, other_methods: Any = None) -> _T:
    """mod itself."""
    return mod


def is_scripting() -> bool:
    """Whether a compiler reads this: no."""
    return False


def is_tracing() -> bool:
    """Whether a trace is made: no."""
    return False


def annotate(the_type: Any, the_value: _T) -> _T:
    """the_value."""
    return the_value


def Attribute(value: _T, type: Any = None) -> _T:
    """value."""
    return value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether obj is of that type; of generic types only the outer one is looked at."""
    origin = typing.get_origin(target_type)
    return builtins.isinstance(obj, origin or target_type)


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A future of func(*args, **kwargs), which has been computed."""
    from concurrent.futures import Future

    future: Future[Any] = Future()
    try:
        future.set_result(func(*args, **kwargs))
    except Exception as error:
        future.set_exception(error)
    return future


def wait(future: Any) -> Any:
    """The result of a future that fork gave."""
    return future.result()


def set_fusion_strategy(strategy: Any) -> list[Any]:
    """Remembers nothing: there is no fusion to choose."""
    return []


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """A `with` that changes nothing."""
    yield


save = load = refusing(
    "TorchScript archives hold compiled code; save a state_dict with weft.save instead", NotImplementedError
)
