"""Mixed precision: ``autocast`` chooses the dtype of each operator, ``GradScaler`` keeps small gradients alive.

>>> with weft.autocast("cpu"):
...     (weft.ones(2, 2) @ weft.ones(2, 2)).dtype
weft.bfloat16
"""

from weft.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from weft.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
