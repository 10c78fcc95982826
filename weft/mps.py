"""``weft.mps``: there is no Apple GPU.

>>> weft.mps.is_available()
False
"""

from __future__ import annotations

from weft._legacy import refusing

synchronize = empty_cache = set_per_process_memory_fraction = get_rng_state = set_rng_state = refusing(
    "weft runs on the CPU: there is no MPS backend", RuntimeError
)


def is_available() -> bool:
    """Whether there is one: no."""
    return False


def device_count() -> int:
    """How many there are: none."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


def seed() -> None:
    """Nothing to seed."""


def current_allocated_memory() -> int:
    """0: no memory is in use."""
    return 0


driver_allocated_memory = recommended_max_memory = current_allocated_memory
