"""cuDNN's switches: kept, without effect."""

from __future__ import annotations

import sys

from weft.backends._absent import flags_of, is_available

__all__ = ["flags", "is_acceptable", "is_available", "version"]

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True
fp32_precision = "none"
flags = flags_of(sys.modules[__name__])


def version() -> int | None:
    """Its version: None."""
    return None


def is_acceptable(tensor: object) -> bool:
    """Whether it takes a tensor: no."""
    return False


def set_flags(_enabled: bool | None = None, _benchmark: bool | None = None, **_: object) -> None:
    """Nothing to set."""
