"""How modules and their error messages name things."""

from __future__ import annotations

from typing import Any

from weft import Tensor


def _addindent(text: str, spaces: int) -> str:
    """``text`` with all lines but the first indented."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line if line.strip() else "" for line in rest)])


def _typename(value: Any) -> str:
    """How error messages name the type of ``value``."""
    if isinstance(value, Tensor):
        return value.type()
    cls = value if isinstance(value, type) else type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
