"""``autocast`` for the CPU."""

from __future__ import annotations

import weft
from weft.amp import autocast_mode

__all__ = ["autocast"]


class autocast(autocast_mode.autocast):
    """weft.autocast("cpu")."""

    def __init__(self, enabled: bool = True, dtype: weft.dtype = weft.bfloat16, cache_enabled: bool = True) -> None:
        super().__init__("cpu", dtype, enabled, cache_enabled)
