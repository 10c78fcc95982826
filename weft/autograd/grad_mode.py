"""Whether operations are recorded: context managers that are decorators too. Each is per thread."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from weft import _core
from weft._core import is_grad_enabled, is_inference_mode_enabled

__all__ = [
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
    "set_multithreading_enabled",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])


class _Mode:
    """A mode entered by `with`, or by calling the function it decorates."""

    _grad = True
    _inference: bool | None = None  # None leaves it as it is

    def __enter__(self) -> None:
        self._previous = (is_grad_enabled(), is_inference_mode_enabled())
        _core._set_grad_enabled(self._grad)
        if self._inference is not None:
            _core._set_inference_enabled(self._inference)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        grad, inference = self._previous
        _core._set_grad_enabled(grad)
        _core._set_inference_enabled(inference)

    def _again(self) -> _Mode:
        """A fresh one: a decorated function may run on several threads at once."""
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                iterator = function(*args, **kwargs)
                resume: Callable[[], Any] = functools.partial(next, iterator)
                while True:
                    try:
                        with self._again():
                            value = resume()
                    except StopIteration as stop:
                        return stop.value
                    try:
                        sent = yield value
                    except GeneratorExit:
                        with self._again():
                            iterator.close()
                        raise
                    except BaseException as error:
                        resume = functools.partial(iterator.throw, error)
                    else:
                        resume = functools.partial(iterator.send, sent)

            return generator  # type: ignore[return-value]  # a wrapper of the same signature

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]  # a wrapper of the same signature


class no_grad(_Mode):
    """Records nothing: results do not require gradients.

    >>> x = weft.ones(1, requires_grad=True)
    >>> with weft.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    _grad = False

    def __new__(cls, function: Any = None) -> Any:
        """`@no_grad` without parentheses decorates too."""
        mode = super().__new__(cls)
        return mode if function is None else mode(function)

    def __init__(self, function: Any = None) -> None:
        pass


class enable_grad(no_grad):
    """Records again inside no_grad."""

    _grad = True


class inference_mode(_Mode):
    """no_grad whose results can never take part in recorded operations that save them.

    Args:
        mode: False leaves inference mode.
    """

    def __new__(cls, mode: Any = True) -> Any:
        """`@inference_mode` without parentheses decorates too."""
        if callable(mode):
            return cls()(mode)
        return super().__new__(cls)

    def __init__(self, mode: Any = True) -> None:
        self.mode = bool(mode)
        self._grad = not self.mode
        self._inference = self.mode

    def _again(self) -> _Mode:
        return inference_mode(self.mode)


class set_multithreading_enabled(_Mode):
    """Accepted for PyTorch's sake: a backward pass runs on the thread that asked for it, in either mode."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self._grad = is_grad_enabled()
        super().__enter__()

    def _again(self) -> _Mode:
        return set_multithreading_enabled(self.mode)


class set_grad_enabled(_Mode):
    """Sets the mode at once; as a context manager restores it at the end.

    >>> _ = weft.set_grad_enabled(True)
    """

    def __init__(self, mode: bool) -> None:
        self._grad = mode
        self._previous = (is_grad_enabled(), is_inference_mode_enabled())
        _core._set_grad_enabled(mode)

    def __enter__(self) -> None:
        _core._set_grad_enabled(self._grad)

    def __call__(self, function: F) -> F:
        _core._set_grad_enabled(self._previous[0])
        return super().__call__(function)

    def _again(self) -> _Mode:
        return set_grad_enabled(self._grad)
