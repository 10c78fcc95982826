"""The type stub of the native module: weft/_core/__init__.pyi and one file per namespace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.table import Op


def files(ops: Sequence[Op]) -> dict[Path, str]:
    """Committed stubs by path."""
    return {}
