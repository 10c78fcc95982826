"""Operators composed of native ones in Python, a module per family; a new module is found by itself.

What is here differentiates to any order because what it is made of does. `from weft._compose import *` gives the functions
of weft itself.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

from weft._compose._registry import registered

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        importlib.import_module(f"{__name__}.{_module.name}")


def exports(namespace: str) -> dict[str, Callable[..., Any]]:
    """The functions of a namespace by name, aliases included."""
    return {name: c.function for c in registered(namespace) if c.as_function for name in c.names}


globals().update(exports(""))
__all__ = list(exports(""))
