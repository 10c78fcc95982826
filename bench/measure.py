"""Times a workload in both libraries, in turns, so that whatever else the machine does meets both."""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench.workload import Call

TURN = 0.004  # seconds of calls that one reading of the clock covers, at least
PAUSE = 0.02  # seconds; libgomp's workers were seen to spin beyond 3 ms, and halved the other library's speed
WARM = 0.008  # seconds of calls after a pause: memory was seen at half its speed for some 4 ms


@dataclass(frozen=True)
class Timing:
    """Seconds of one call."""

    best: float
    median: float


def clock_for(threads: int) -> Callable[[], float]:
    """Work on one thread is measured in CPU time of that thread, so that other programs on the machine do not count."""
    return time.thread_time if threads == 1 else time.perf_counter


def _calls_of(call: Call, clock: Callable[[], float]) -> int:
    """How many calls fill a turn."""
    count = 1
    while True:
        seconds = _time(call, count, clock)
        if seconds >= TURN:
            return count
        count = max(2 * count, min(16 * count, int(1.2 * count * TURN / max(seconds, 1e-9))))


def _time(call: Call, count: int, clock: Callable[[], float]) -> float:
    turns = range(count)
    start = clock()
    for _ in turns:
        call()
    return clock() - start


def _warm(call: Call, clock: Callable[[], float]) -> None:
    """Whatever a call takes, both libraries work for as long before they are timed."""
    end = clock() + WARM
    while clock() < end:
        call()


def spread_threads() -> None:
    """Keeps the workers of other libraries off the caller's CPU, as weft keeps its own.

    The kernel of a guest may pack a caller and its worker on one CPU of two: PyTorch was seen at half its speed then.
    """
    others = os.sched_getaffinity(0) - {ctypes.CDLL(None).sched_getcpu()}
    if not others:
        return
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != threading.get_native_id() and not (task / "comm").read_text().startswith("weft"):
            os.sched_setaffinity(int(task.name), others)


def compare(calls: Mapping[str, Call], seconds: float, threads: int) -> dict[str, Timing]:
    """Best and median of each call, measured in turns for about so many seconds in all, at least three turns each.

    With several threads a pause precedes each turn: OpenMP's idle workers spin for some milliseconds after their last
    call and would take the other library's core.
    """
    clock = clock_for(threads)
    gc.collect()
    gc.disable()
    try:
        counts = {}
        for name, call in calls.items():
            _warm(call, clock)
            counts[name] = _calls_of(call, clock)
        readings: dict[str, list[float]] = {name: [] for name in calls}
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(next(iter(readings.values()))) < 3:
            for name, call in calls.items():
                if threads > 1:
                    spread_threads()
                    time.sleep(PAUSE)
                    _warm(call, clock)
                elif counts[name] > 1:
                    call()  # the first after the other library's turn finds cold caches
                readings[name].append(_time(call, counts[name], clock) / counts[name])
        return {name: Timing(min(values), statistics.median(values)) for name, values in readings.items()}
    finally:
        gc.enable()


def prepare(
    make: Callable[[ModuleType], Call], libraries: Mapping[str, ModuleType]
) -> tuple[dict[str, Call], dict[str, str]]:
    """The workload's calls by library, and for libraries that cannot do it, what they say."""
    calls: dict[str, Call] = {}
    missing: dict[str, str] = {}
    for name, lib in libraries.items():
        lib.manual_seed(0)
        try:
            call = make(lib)
            call()
        except (AttributeError, NotImplementedError, TypeError, RuntimeError) as error:
            missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        else:
            calls[name] = call
    return calls, missing
