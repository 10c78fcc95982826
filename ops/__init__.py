"""The operator table: one record per operator, pure Python data, a file per family.

``python -m gen`` turns it into C++ entries, bindings, autograd nodes, stubs, the reference and the tests' parameters.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ops.table import Op, registered

_VOCABULARY = {"table", "signature", "formula"}


@cache
def all_ops() -> tuple[Op, ...]:
    """Every record, by name. A new family file in this folder is found by itself."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _VOCABULARY:
            importlib.import_module(f"ops.{module.name}")
    return tuple(sorted(registered(), key=lambda op: op.key))
