"""The reference pages below docs/reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.table import Op


def files(ops: Sequence[Op]) -> dict[Path, str]:
    """Committed pages by path."""
    return {}
