"""When native work lets go of Python's lock: the policy, counts of what was done, and a meter for any library.

An operation that lets the lock go lets other Python threads run; on short operations that costs more than it
gives, because a busy thread keeps the lock for a whole switch interval (5 ms). Under the policy `"auto"` weft
decides this per operation from its size and from how long the lock took to come back before. How:
docs/notes/gil.md.

A build of CPython without the lock never holds anything up, and the policy has no effect there.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Literal, cast

from weft import _core
from weft.gil._meter import Measurement as Measurement
from weft.gil._meter import measure as measure

__all__ = ["Measurement", "Policy", "Stats", "get_policy", "measure", "policy", "reset_stats", "set_policy", "stats"]

Policy = Literal["auto", "release", "hold"]


@dataclasses.dataclass(frozen=True)
class Stats:
    """What became of the lock since the process started or `reset_stats()` was called.

    Attributes:
        held: native calls that kept the lock.
        released: native calls that let it go.
        waited: seconds spent getting it back.
    """

    held: int
    released: int
    waited: float


def set_policy(policy: Policy) -> None:
    """Choose, for all threads without a policy of their own, when native work lets go of the lock.

    Args:
        policy: `"auto"` decides per operation; `"release"` always lets go, as PyTorch and NumPy do; `"hold"`
            never does.

    Raises:
        ValueError: `policy` is none of the three.

    Example:
        >>> weft.gil.set_policy("release")
        >>> weft.gil.get_policy()
        'release'
        >>> weft.gil.set_policy("auto")
    """
    _core._gil_set_policy(policy)


def get_policy() -> Policy:
    """The policy that this thread's native calls follow now."""
    return cast(Policy, _core._gil_thread_policy() or _core._gil_policy())


@contextlib.contextmanager
def policy(policy: Policy) -> Iterator[None]:
    """Give the calling thread a policy of its own for the length of a `with` block. Blocks nest.

    Args:
        policy: as for `set_policy`.

    Raises:
        ValueError: `policy` is none of the three.

    Example:
        >>> with weft.gil.policy("hold"):
        ...     weft.gil.get_policy()
        'hold'
    """
    before = _core._gil_thread_policy()
    _core._gil_set_thread_policy(policy)
    try:
        yield
    finally:
        _core._gil_set_thread_policy(before)


def stats() -> Stats:
    """Counts over all threads.

    Example:
        >>> weft.gil.reset_stats()
        >>> weft.gil.stats().waited
        0.0
    """
    held, released, waited_ns = _core._gil_stats()
    return Stats(held, released, waited_ns * 1e-9)


def reset_stats() -> None:
    """Start the counts at zero again."""
    _core._gil_reset_stats()
