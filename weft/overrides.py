"""``__torch_function__``: how subclasses of Tensor, other classes and modes answer calls of weft's functions.

A class with a classmethod ``__torch_function__(cls, func, types, args=(), kwargs=None)`` gets every call of a function of
weft or method of Tensor that one of its objects takes part in. What a subclass of Tensor inherits runs the call and gives
the results its own type.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from weft import _core
from weft._core import Tensor

__all__ = [
    "BaseTorchFunctionMode",
    "TorchFunctionMode",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class DisableTorchFunctionSubclass:
    """Within the block subclasses are treated as plain tensors; modes are still asked."""

    def __enter__(self) -> None:
        self._before = _core._set_subclasses_off(True)

    def __exit__(self, *_: object) -> None:
        _core._set_subclasses_off(self._before)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """Within the block neither subclasses nor modes are asked."""

    def __enter__(self) -> None:
        super().__enter__()
        self._modes, _modes.stack = _modes.stack, []
        _modes.tell()

    def __exit__(self, *_: object) -> None:
        _modes.stack = self._modes
        _modes.tell()
        super().__exit__()


class _Modes(threading.local):
    """The modes this thread has entered, innermost last."""

    def __init__(self) -> None:
        self.stack: list[TorchFunctionMode] = []

    def tell(self) -> None:
        _core._set_function_modes(len(self.stack), _ask_innermost)


def _ask_innermost(func: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """The innermost mode's answer; within it the modes further out are asked."""
    mode = _modes.stack.pop()
    _modes.tell()
    try:
        return mode.__torch_function__(func, types, args, kwargs)
    finally:
        _modes.stack.append(mode)
        _modes.tell()


_modes = _Modes()


class TorchFunctionMode:
    """Within a with block gets every call of a function of weft, whatever its arguments are.

    Override ``__torch_function__(self, func, types, args=(), kwargs=None)``; in it the mode is off.

    >>> class Count(weft.overrides.TorchFunctionMode):
    ...     calls = 0
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         self.calls += 1
    ...         return func(*args, **(kwargs or {}))
    >>> with Count() as count:
    ...     _ = weft.zeros(2) + 1
    >>> count.calls
    2
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The answer to a call. Override it."""
        raise NotImplementedError(f"{type(self).__name__} must implement __torch_function__")

    def __enter__(self) -> Any:
        _modes.stack.append(self)
        _modes.tell()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _modes.stack.pop()
        _modes.tell()


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextmanager
def _no_modes() -> Iterator[None]:
    """Modes are not asked within."""
    stack, _modes.stack = _modes.stack, []
    _modes.tell()
    try:
        yield
    finally:
        _modes.stack = stack
        _modes.tell()


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the objects, or a mode, answers calls for itself."""
    return _core._has_override(*relevant_args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the overriding arguments say to ``public_api(*args, **kwargs)``.

    Raises:
        TypeError: all of them returned NotImplemented.
    """
    return _core._ask_overrides(public_api, args, kwargs)


def wrap_torch_function(dispatcher: Callable[..., Iterable[Any]]) -> Callable[[_F], _F]:
    """Decorates a function so that its arguments may override it; dispatcher picks the relevant ones."""

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]  # a wrapper of the same signature

    return decorate


def is_tensor_like(obj: Any) -> bool:
    """Whether obj is a Tensor or has ``__torch_function__``."""
    return isinstance(obj, Tensor) or hasattr(type(obj), "__torch_function__")


def is_tensor_method_or_property(func: Callable[..., Any]) -> bool:
    """Whether func, as ``__torch_function__`` gets it, belongs to Tensor."""
    return getattr(func, "__name__", "") == "__get__" or getattr(Tensor, getattr(func, "__name__", ""), None) == func


def resolve_name(f: Callable[..., Any]) -> str | None:
    """The public name of a function that ``__torch_function__`` got."""
    name = getattr(f, "__name__", None)
    if name in ("__get__", "__set__"):
        return f"weft.Tensor.{f.__self__.__name__}.{name}"  # type: ignore[attr-defined]
    if name is None:
        return None
    return f"weft.Tensor.{name}" if is_tensor_method_or_property(f) else f"weft.{name}"


def _converted(result: Any, cls: type[Tensor]) -> Any:
    """Results of a call as objects of a subclass, also within tuples and lists."""
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else _core._as_differentiable_subclass(cls, result)
    if isinstance(result, tuple | list) and any(isinstance(item, Tensor) for item in result):
        items = [_converted(item, cls) for item in result]
        kind = type(result)
        return kind(items) if kind in (tuple, list) or not hasattr(kind, "_make") else kind._make(items)
    return result


def _tensor_function(cls: type[Tensor], func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """What subclasses of Tensor inherit: runs the call on plain tensors and gives the results the subclass."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if cls is Tensor or func in _KEPT_PLAIN else _converted(result, cls)


_KEPT_PLAIN = {Tensor.grad.__get__, Tensor.backward}  # type: ignore[attr-defined]  # what is no new tensor stays as it is
Tensor.__torch_function__ = classmethod(_tensor_function)  # type: ignore[attr-defined]
