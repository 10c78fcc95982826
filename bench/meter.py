"""How exact the sampling under `weft.gil.measure` is: work whose free share is known, of several grains.

Known work enters C twice: once with the lock held (ctypes.PyDLL) and once without (CDLL), to fill memory, or, from
200 µs on, to sleep. The true share of sleeping work is the time of its own second part, taken while it is sampled; that
of work that fills memory follows from the CPU times of its parts, less what ctypes takes, so that a busy machine
changes little. Run: `python bench/meter.py`.
"""

from __future__ import annotations

import argparse
import ctypes
import functools
import statistics
import time
from collections.abc import Callable
from itertools import repeat

from weft import _core

GRAINS = (2e-6, 20e-6, 200e-6, 2e-3, 20e-3)
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
MEAN_GAP = 60_000  # nanoseconds, as weft.gil.measure has it
_buffer = ctypes.create_string_buffer(1 << 22)
_address = ctypes.addressof(_buffer)


def fastest(call: Callable[[], object]) -> float:
    """Seconds a call takes when nothing comes between."""
    timings = []
    for _ in range(200):
        start = time.perf_counter()
        call()
        timings.append(time.perf_counter() - start)
    return min(timings)


def part(library: ctypes.CDLL, seconds: float, asleep: bool = False) -> Callable[[], object]:
    """A C call of about that length."""
    if asleep:
        library.usleep.argtypes = [ctypes.c_uint]
        return lambda: library.usleep(int(seconds * 1e6))
    fill = library.memset
    fill.argtypes, fill.restype = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t], None
    size = min(int(seconds / (fastest(lambda: fill(_address, 0, 1 << 20)) / (1 << 20))), len(_buffer))
    return lambda: fill(_address, 0, size)


def cpu_seconds(call: Callable[[], object]) -> float:
    """CPU time of a call: median over batches."""
    batches = []
    for _ in range(41):
        start = time.thread_time()
        for _ in repeat(None, 256):
            call()
        batches.append((time.thread_time() - start) / 256)
    return statistics.median(batches)


class KnownWork:
    """Runs for some time in turns with and without the lock, and knows its share without."""

    def __init__(self, grain: float, share: float) -> None:
        self._sleeps = grain >= 1e-4
        self._held = part(ctypes.PyDLL(None), grain * (1 - share), self._sleeps) if share < 1 else None
        self._free = part(ctypes.CDLL(None), grain * share, self._sleeps) if share > 0 else None
        self.share = 0.0
        self.cpu_per_call = 0.0
        if not self._sleeps and self._free:
            unlocked = cpu_seconds(self._free) - cpu_seconds(part(ctypes.CDLL(None), 0.0))
            self.share = unlocked / cpu_seconds(self._both)

    def _both(self) -> None:
        if self._held:
            self._held()
        if self._free:
            self._free()

    def _sleep(self) -> float:
        if self._held:
            self._held()
        start = time.perf_counter()
        if self._free:
            self._free()
        return time.perf_counter() - start

    def run(self, seconds: float) -> None:
        calls, free = 0, 0.0
        cpu, start = time.thread_time(), time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            if self._sleeps:
                free += self._sleep()
                calls += 1
            else:
                for _ in repeat(None, 64):
                    self._both()
                calls += 64
        self.cpu_per_call = (time.thread_time() - cpu) / calls
        if self._sleeps and self._free:
            self.share = free / elapsed


def main() -> None:
    parser = argparse.ArgumentParser(description="Errors of the sampling under weft.gil.measure.")
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement (%(default)s)")
    arguments = parser.parse_args()
    errors, speeds = [], []
    print(f"{'grain':>8} {'true':>6} {'measured':>9} {'error':>7} {'speed kept':>11}")
    for grain in GRAINS:
        for share in SHARES:
            work = KnownWork(grain, share)
            work.run(arguments.seconds / 2)
            alone = work.cpu_per_call
            looks = _core._gil_sample(functools.partial(work.run, arguments.seconds), MEAN_GAP)
            if looks is None:
                raise SystemExit("this Python does not tell who holds its lock")
            measured = looks[1] / looks[0]
            errors.append(abs(measured - work.share))
            speeds.append(alone / work.cpu_per_call)
            print(
                f"{grain * 1e6:6.0f}µs {work.share:6.3f} {measured:9.3f} {errors[-1]:7.3f} {speeds[-1]:11.2f}",
                flush=True,
            )
    print(
        f"mean error {statistics.mean(errors):.3f}, worst {max(errors):.3f}; speed kept {statistics.median(speeds):.2f}"
    )


if __name__ == "__main__":
    main()
