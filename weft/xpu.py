"""``weft.xpu``: there is no Intel GPU.

>>> weft.xpu.is_available()
False
"""

from __future__ import annotations

from typing import Any

from weft._legacy import refusing

init = current_device = set_device = synchronize = get_device_name = get_device_properties = refusing(
    "Torch not compiled with XPU enabled: weft runs on the CPU"
)
get_device_capability = current_stream = set_stream = mem_get_info = get_rng_state = set_rng_state = init
Stream = Event = init


def is_available() -> bool:
    """Whether there is one: no."""
    return False


def is_initialized() -> bool:
    """Whether one is in use: no."""
    return False


def device_count() -> int:
    """How many there are: none."""
    return 0


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether one computes in bfloat16: there is none."""
    return False


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


manual_seed_all = manual_seed


def seed() -> None:
    """Nothing to seed."""


seed_all = seed


def empty_cache() -> None:
    """Nothing to empty."""


def memory_allocated(device: Any = None) -> int:
    """0: no memory is in use."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing to reset."""
