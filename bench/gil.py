"""What native work and a busy Python thread leave each other; weft and PyTorch in turns.

Each case runs in the main thread, on one core and with one native thread; a thread that only counts is pinned
to another core. Two shares come out of it, both of the rate alone:

- counting: the CPU time the counting thread got, per second. Large native work should leave it nearly all.
- op: calls per second of the native work. Small native work should not be starved by the counting thread.

Run: `python bench/gil.py`. PyTorch is left out when it is not installed. Needs two cores with nothing else
to do.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Self

import weft

Call = Callable[[], object]


def matmul(lib: ModuleType) -> Call:
    a, b = lib.randn(1024, 1024), lib.randn(1024, 1024)
    return lambda: a @ b


def conv2d(lib: ModuleType) -> Call:
    x, weight = lib.randn(8, 64, 56, 56), lib.randn(64, 64, 3, 3)
    return lambda: lib.nn.functional.conv2d(x, weight, padding=1)


def exp(lib: ModuleType) -> Call:
    x = lib.randn(1 << 25)
    return lambda: lib.exp(x)


def sum_(lib: ModuleType) -> Call:
    x = lib.randn(1 << 26)
    return lambda: lib.sum(x)


def backward(lib: ModuleType) -> Call:
    """The backward pass of a small convolutional network; the forward pass is not timed again."""
    nn = lib.nn
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 16 * 16, 10),
    )  # fmt: skip
    loss = nn.functional.cross_entropy(net(lib.randn(32, 3, 32, 32)), lib.randint(0, 10, (32,)))
    return lambda: loss.backward(retain_graph=True)


def mlp(lib: ModuleType) -> Call:
    """Inference of a network whose every op takes a microsecond or few."""
    nn = lib.nn
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
    x = lib.randn(8, 64)

    def call() -> None:
        with lib.no_grad():
            net(x)

    return call


CASES: dict[str, tuple[Callable[[ModuleType], Call], str]] = {
    "matmul 1024": (matmul, "counting >= 80 %"),
    "conv2d 8x64x56x56": (conv2d, "counting >= 80 %"),
    "exp 32M": (exp, "counting >= 80 %"),
    "sum 64M": (sum_, "counting >= 80 %"),
    "backward, conv net": (backward, "counting >= 80 %"),
    "MLP 64 wide, batch 8": (mlp, "op >= 30 %"),
}


class Hog:
    """A thread that counts on a core of its own while the `with` block runs."""

    def __init__(self, core: int) -> None:
        self._core = core
        self._stop = False

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._count, args=(started,), daemon=True)
        self._thread.start()
        started.wait()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop = True
        self._thread.join()

    def _count(self, started: threading.Event) -> None:
        os.sched_setaffinity(0, {self._core})
        started.set()
        n = 0
        while not self._stop:
            n += 1

    def cpu_seconds(self) -> float:
        """CPU time so far; not the count itself, whose speed varies by 1.6 with what else the chip does."""
        ident = self._thread.ident
        assert ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(ident))


def calls_per_second(call: Call, calls: int, limit: float) -> float:
    """The rate of a fixed number of calls, cut off after `limit` seconds."""
    done, elapsed, start = 0, 0.0, time.perf_counter()
    while done < calls and elapsed < limit:
        call()
        done += 1
        elapsed = time.perf_counter() - start
    return done / elapsed


def shares(call: Call, core: int, seconds: float) -> tuple[float, float, float]:
    """Seconds per call alone, and the shares of counting and op beside one another."""
    rate = calls_per_second(call, 1 << 62, seconds / 4)
    calls = max(3, int(rate * seconds))
    alone = calls_per_second(call, calls, 4 * seconds)
    with Hog(core) as hog:
        # Learning that a busy thread came takes the governor up to 0.1 s; PyTorch needs no time.
        calls_per_second(call, calls, 0.2)
        cpu, wall = hog.cpu_seconds(), time.perf_counter()
        beside = calls_per_second(call, calls, 4 * seconds)
        counting = (hog.cpu_seconds() - cpu) / (time.perf_counter() - wall)
    return 1 / alone, counting, beside / alone


def counting_alone(core: int, seconds: float) -> float:
    """CPU seconds per second of the counting thread when nobody else wants the lock: 1 on an idle core."""
    with Hog(core) as hog:
        cpu, wall = hog.cpu_seconds(), time.perf_counter()
        time.sleep(seconds)
        return (hog.cpu_seconds() - cpu) / (time.perf_counter() - wall)


def libraries() -> dict[str, ModuleType]:
    """weft, and PyTorch where it is installed; each with one native thread."""
    found = {"weft": weft}
    try:
        import torch
    except ImportError:
        pass
    else:
        found["torch"] = torch
    for lib in found.values():
        lib.set_num_threads(1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Native work beside a busy Python thread, weft and PyTorch in turns.")
    parser.add_argument("--seconds", type=float, default=0.5, help="native work per measurement (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements, of which the median counts (%(default)s)")
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("needs two cores")
    libs = libraries()
    os.sched_setaffinity(0, {cores[0]})

    solo = statistics.median(counting_alone(cores[1], arguments.seconds) for _ in range(arguments.repeats))
    print(f"counting alone: {solo:.2f} CPU seconds a second; shares below are of that\n")
    print(f"{'case':22} {'library':8} {'per call':>10} {'counting':>9} {'op':>7}   goal")
    for title, (make, goal) in CASES.items():
        calls = {name: make(lib) for name, lib in libs.items()}
        measured: dict[str, list[tuple[float, float, float]]] = {name: [] for name in libs}
        for _ in range(arguments.repeats):
            for name, call in calls.items():
                measured[name].append(shares(call, cores[1], arguments.seconds))
        for name, samples in measured.items():
            seconds, counting, op = (statistics.median(column) for column in zip(*samples, strict=True))
            print(
                f"{title:22} {name:8} {seconds * 1e6:7.1f} µs {counting / solo:8.1%} {op:6.1%}   "
                f"{goal if name == 'weft' else ''}",
                flush=True,
            )


if __name__ == "__main__":
    main()
