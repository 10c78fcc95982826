"""Loading data, hooks, and other tools around training."""

from __future__ import annotations

import importlib
from typing import Any

from weft._lazy import absent as _absent
from weft.utils import checkpoint, data, hooks

__all__ = ["checkpoint", "data", "hooks"]

_MODULES = ("benchmark", "dlpack", "model_zoo", "tensorboard")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"weft.utils.{name}")
    raise _absent("weft.utils", name)
