"""weft.signal: windows of signals."""

from __future__ import annotations

from weft.signal import windows as windows

__all__ = ["windows"]
