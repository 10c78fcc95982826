"""What the libraries that weft does without have in common."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

__all__ = ["flags_of", "is_available", "is_built"]


def is_available() -> bool:
    """Whether it is there: no."""
    return False


def is_built() -> bool:
    """Whether it was built in: no."""
    return False


def flags_of(module: ModuleType) -> Any:
    """A `with` that sets a module's switches and puts them back."""

    @contextlib.contextmanager
    def flags(**values: Any) -> Iterator[None]:
        """Sets switches for a `with`."""
        before = {name: getattr(module, name) for name in values if hasattr(module, name)}
        for name, value in values.items():
            setattr(module, name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(module, name, value)

    return flags
