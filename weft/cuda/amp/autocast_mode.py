"""``autocast`` for a GPU, which is not here: it warns and does nothing."""

from __future__ import annotations

import weft
from weft.amp import autocast_mode
from weft.amp.autocast_mode import custom_bwd, custom_fwd

__all__ = ["autocast", "custom_bwd", "custom_fwd"]


class autocast(autocast_mode.autocast):
    """weft.autocast("cuda")."""

    def __init__(self, enabled: bool = True, dtype: weft.dtype = weft.float16, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)
