"""Names of the package that are imported when they are first used, so that `import weft` stays quick."""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["MODULES", "NAMES", "find"]

# Modules of the package that `import weft` does not load.
MODULES = frozenset({"distributed", "masked", "profiler", "serialization"})

# Functions and classes, by the module that has them.
NAMES = {"load": "serialization", "save": "serialization"}


def find(name: str) -> Any:
    """The attribute `weft.<name>`, imported and kept; AttributeError when there is none."""
    if name in MODULES:
        return importlib.import_module(f"weft.{name}")
    package = sys.modules["weft"]
    if name in NAMES:
        value = getattr(importlib.import_module(f"weft.{NAMES[name]}"), name)
        setattr(package, name, value)
        return value
    if name in ("uint16", "uint32", "uint64"):
        raise AttributeError(
            f"weft has no dtype {name}: its integers are uint8, int8, int16, int32 and int64", name=name, obj=package
        )
    raise AttributeError(f"module 'weft' has no attribute '{name}'", name=name, obj=package)
