"""oneDNN's switches: kept, without effect; weft has its own kernels."""

from __future__ import annotations

import sys

from weft.backends._absent import flags_of, is_available

__all__ = ["flags", "is_available"]

enabled = True
deterministic = True
allow_tf32 = False
fp32_precision = "none"
flags = flags_of(sys.modules[__name__])
