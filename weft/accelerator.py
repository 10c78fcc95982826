"""``weft.accelerator``: whichever accelerator there is, and there is none.

>>> weft.accelerator.is_available(), weft.accelerator.current_accelerator()
(False, None)
"""

from __future__ import annotations

from typing import Any

from weft._device import device
from weft._legacy import refusing

synchronize = current_device_index = current_device_idx = set_device_index = set_device_idx = refusing(
    "Cannot access accelerator device when none is available: weft runs on the CPU", RuntimeError
)
current_stream = set_stream = memory_stats = get_memory_info = get_device_capability = device_index = synchronize
memory_allocated = memory_reserved = max_memory_allocated = max_memory_reserved = synchronize
reset_peak_memory_stats = reset_accumulated_memory_stats = synchronize


def is_available() -> bool:
    """Whether there is one: no."""
    return False


def device_count() -> int:
    """How many there are: none."""
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """The accelerator: None."""
    return None


def empty_cache() -> Any:
    """Nothing to empty."""
