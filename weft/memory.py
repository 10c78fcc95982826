"""What the tensors' memory costs: bytes in use, bytes kept for reuse, and the highest use so far.

Freed memory is kept for the next tensor of its size instead of going back to the system; `empty_cache()`
gives it back.
"""

from __future__ import annotations

import dataclasses

from weft import _core

__all__ = ["Stats", "empty_cache", "reset_peak", "stats"]


@dataclasses.dataclass(frozen=True)
class Stats:
    """Bytes, summed over all threads; exact while no other thread allocates.

    Attributes:
        allocated: in live tensors, each rounded up to its size class.
        cached: freed, and kept for reuse.
        peak: the largest `allocated` since the process started or `reset_peak()` was called.
    """

    allocated: int
    cached: int
    peak: int


def stats() -> Stats:
    """The figures of this moment.

    Example:
        >>> before = weft.memory.stats().allocated
        >>> x = weft.zeros(1024, 1024)
        >>> weft.memory.stats().allocated - before >= 4 * 1024 * 1024
        True
    """
    return Stats(*_core._memory_stats())


def empty_cache() -> None:
    """Give kept memory back to the system, but for what other threads keep in small caches of their own."""
    _core._empty_cache()


def reset_peak() -> None:
    """Let `stats().peak` start again from what is allocated now."""
    _core._reset_peak_memory()
