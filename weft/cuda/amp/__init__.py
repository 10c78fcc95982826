"""``weft.cuda.amp``: the older names of weft.amp for a GPU."""

from weft.cuda.amp.autocast_mode import autocast, custom_bwd, custom_fwd
from weft.cuda.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]
