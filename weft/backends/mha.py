"""The fast path of attention modules: a switch that is kept."""

from __future__ import annotations

__all__ = ["get_fastpath_enabled", "set_fastpath_enabled"]

_enabled = True


def get_fastpath_enabled() -> bool:
    """What set_fastpath_enabled was told."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """Remembers the switch: results are the same either way."""
    global _enabled
    _enabled = value
