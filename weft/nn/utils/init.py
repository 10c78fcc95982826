"""Modules without initial values."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from weft.nn.modules.module import Module

__all__ = ["skip_init"]

_Module = TypeVar("_Module", bound=Module)


def skip_init(module_cls: type[_Module], *args: Any, **kwargs: Any) -> _Module:
    """Make a module whose parameters are not initialised, for values that are loaded anyway.

    Raises:
        RuntimeError: the class is no module, or takes no ``device``.

    >>> import weft
    >>> tuple(skip_init(weft.nn.Linear, 3, 2).weight.shape)
    (2, 3)
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    return module_cls(*args, **kwargs).to_empty(device=device)
