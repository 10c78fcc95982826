"""The meter: how much of a call's time other Python threads could run, and what a busy one leaves of its rate."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import threading
import time
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from typing import Any

from weft import _core

__all__ = ["Measurement", "measure"]

_MEAN_GAP = 60_000  # nanoseconds between two looks at the thread
_BATCH = 0.002  # seconds of calls between two looks at the clock
_LEARNING = 0.15  # seconds beside the busy thread before its effect is measured: weft's governor learns meanwhile
_MUCH, _LITTLE = 0.8, 0.2  # free shares above and below which a verdict says so
_KEPT = 0.3  # half of its rate is what a call can keep beside a busy thread if it holds the lock all the time


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What `measure` found out about a call. Printing it gives the figures and the verdict.

    Attributes:
        free: share of the call's time, 0 to 1, during which other threads could run Python; None when this version
            of CPython does not tell.
        error: standard error of `free` by the number of looks. Beyond it, known cases came out within 0.03.
        beside: share of its rate that the call keeps beside one thread that counts without pause.
        neighbour: share of its own rate that this counting thread keeps.
        seconds: time of one call, alone.
        calls: calls made, alone and beside the counting thread.
        cpus: CPUs the two threads had. On one, even a call that never takes the lock keeps no more than half.
    """

    free: float | None
    error: float
    beside: float
    neighbour: float
    seconds: float
    calls: int
    cpus: int

    @property
    def verdict(self) -> str:
        """What the figures mean, in a sentence."""
        kept = f"{self.beside:.0%} of its rate beside a busy one"
        if self.cpus == 1 and self.beside >= _KEPT:
            kept += ", on one CPU"
        lost = f"falls to {percent(self.beside)} of its rate beside a busy one"
        if self.free is None:
            known = "This Python does not tell who holds its lock; the call "
            return known + (f"keeps {kept}." if self.beside >= _KEPT else f"{lost}.")
        if self.free >= _MUCH:
            lets = "Lets other threads run nearly all the time"
        elif self.free >= _LITTLE:
            lets = f"Lets other threads run {self.free:.0%} of the time"
        else:
            lets = "Keeps other threads waiting"
        if self.beside >= _KEPT:
            return f"{lets} and keeps {kept}."
        reason = "each time it lets go of the lock, a busy thread keeps it for a switch interval"
        if self.free < 0.02:
            reason = "threads that want the lock take turns with it"
        return f"{lets}, but {lost}: {reason}."

    def __str__(self) -> str:
        free = "not known" if self.free is None else f"{self.free:.1%} of the time"
        return (
            f"one call, alone              {duration(self.seconds)}\n"
            f"other threads could run      {free}\n"
            f"beside a busy thread it kept {percent(self.beside)} of its rate\n"
            f"and the busy thread          {percent(self.neighbour)}\n"
            f"{self.verdict}"
        )


def percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def seconds_queued() -> float:
    """How long the calling thread was ready to run but had no CPU; 0 where the system (not Linux) does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) * 1e-9
    except (OSError, IndexError):
        return 0.0


class _Neighbour:
    """A Python thread that first only exists and then counts without pause; who waits for the lock is nobody's guess."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._count, name="weft-gil-neighbour", daemon=True)
        self._marks: list[tuple[float, float, float]] = []
        self._mark_wanted = False

    def __enter__(self) -> _Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping = True
        self._go.set()
        self._thread.join()

    def start_counting(self) -> None:
        self._go.set()

    def _count(self) -> None:
        self._go.wait()
        while not self._stopping:
            for _ in repeat(None, 1000):
                pass
            if self._mark_wanted:
                self._mark_wanted = False
                self._marks.append((time.perf_counter(), time.thread_time(), seconds_queued()))

    def mark(self) -> tuple[float, float, float]:
        """Wall time, CPU time and time queued for a CPU of the counting thread, read by itself."""
        known = len(self._marks)
        self._mark_wanted = True
        while len(self._marks) == known:
            time.sleep(0.0005)
        return self._marks[-1]


def _rate(call: Callable[[], object], seconds: float) -> tuple[float, int]:
    """Calls a second, over at least `seconds` and one call, and their number. Time without a CPU does not count."""
    batch, done = 1, 0
    queued = seconds_queued()
    start = now = time.perf_counter()
    while True:
        for _ in repeat(None, batch):
            call()
        done += batch
        before, now = now, time.perf_counter()
        if now - start >= seconds:
            break
        if now - before < _BATCH / 2:
            batch *= 2
        elif now - before > 2 * _BATCH and batch > 1:
            batch //= 2
    elapsed = now - start
    return done / max(elapsed - (seconds_queued() - queued), 0.1 * elapsed), done


def measure(fn: Callable[..., object], *args: Any, seconds: float = 1.0, **kwargs: Any) -> Measurement:
    """Measure how a callable of any library shares Python's lock.

    Calls `fn(*args, **kwargs)` over and over: first with nobody else busy, while a native thread looks at random
    moments whether this thread holds the lock, then beside a thread that counts. Both numbers matter: a call that
    lets the lock go all the time may still be starved by a busy thread, which keeps the lock for a whole switch
    interval whenever it gets it. The method and what was found with it: docs/notes/meter.md.

    Args:
        fn: what to call; whatever it returns is dropped. It is called from the calling thread only.
        seconds: time to spend, half on each part. A call that takes longer is made once a part.

    Returns:
        The figures, with a verdict in a sentence.

    Raises:
        ValueError: `seconds` is not positive.
        Exception: whatever `fn` raises.

    Example:
        >>> import time
        >>> weft.gil.measure(time.sleep, 0.001, seconds=0.2).free > 0.5
        True
    """
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"measure: seconds must be positive, got {seconds}")
    call = functools.partial(fn, *args, **kwargs) if args or kwargs else fn
    call()  # what only the first call does is not measured
    found: list[tuple[float, int]] = []
    with _Neighbour() as neighbour:
        looks = _core._gil_sample(lambda: found.append(_rate(call, seconds / 2)), _MEAN_GAP)
        (alone, calls), free, error = found[0], None, 0.0
        if looks is not None:
            total, unlocked = looks
            free = unlocked / max(total, 1)
            error = math.sqrt(max(free * (1 - free), 1 / max(total, 1)) / max(total, 1))
        neighbour.start_counting()
        _rate(call, min(_LEARNING, seconds / 4))
        wall, cpu, queued = neighbour.mark()
        beside, more_calls = _rate(call, seconds / 2)
        wall2, cpu2, queued2 = neighbour.mark()
    ran = (cpu2 - cpu) / max(wall2 - wall - (queued2 - queued), 1e-9)
    return Measurement(
        free=free,
        error=error,
        beside=min(beside / alone, 1.0),
        neighbour=min(ran, 1.0),
        seconds=1 / alone,
        calls=calls + more_calls,
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    )
