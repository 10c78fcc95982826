"""``weft.cpu.amp``: the older names of weft.amp for the CPU."""

from weft.cpu.amp.autocast_mode import autocast
from weft.cpu.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast"]
