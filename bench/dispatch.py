"""What the smallest operations cost, and what importing costs; weft and PyTorch in turns.

Run: `python bench/dispatch.py`. PyTorch is left out when it is not installed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import timeit
from collections.abc import Callable
from types import ModuleType

import weft

Call = Callable[[], object]


def add(lib: ModuleType) -> Call:
    a, b = lib.ones(4), lib.ones(4)
    return lambda: a + b


def relu(lib: ModuleType) -> Call:
    a = lib.ones(4)
    return lambda: lib.relu(a)


def matmul(lib: ModuleType) -> Call:
    a, b = lib.ones(2, 2), lib.ones(2, 2)
    return lambda: a @ b


def sum_(lib: ModuleType) -> Call:
    a = lib.ones(4)
    return lambda: a.sum()


def view(lib: ModuleType) -> Call:
    a = lib.ones(4)
    return lambda: a.view(2, 2)


def index(lib: ModuleType) -> Call:
    a = lib.ones(4, 4)
    return lambda: a[1]


def item(lib: ModuleType) -> Call:
    a = lib.ones(())
    return lambda: a.item()


def chain(lib: ModuleType) -> Call:
    """Forward and backward of three operations."""
    a = lib.ones(4, requires_grad=True)

    def call() -> None:
        (a * 2).relu().sum().backward()

    return call


CASES: dict[str, Callable[[ModuleType], Call]] = {
    "a + b, 4 floats": add,
    "relu, 4 floats": relu,
    "a @ b, 2x2": matmul,
    "a.sum(), 4 floats": sum_,
    "a.view(2, 2)": view,
    "a[1]": index,
    "a.item()": item,
    "3 ops and backward": chain,
}


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


def import_seconds(name: str) -> float:
    """Seconds that `import name` takes in a fresh interpreter that has NumPy already; compiled files are kept."""
    code = f"import numpy, time; t = time.perf_counter(); import {name}; print(time.perf_counter() - t)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(done.stdout)


def report(title: str, samples: dict[str, list[float]], unit: str, scale: float) -> None:
    """One line: best and median of each library, and the ratio of the bests."""
    cells = [
        f"{name} {min(values) * scale:8.2f} {statistics.median(values) * scale:8.2f} {unit}"
        for name, values in samples.items()
    ]
    ratio = f"   {min(samples['weft']) / min(samples['torch']):5.2f}" if "torch" in samples else ""
    print(f"{title:20} " + "   ".join(cells) + ratio, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Costs of the smallest operations, weft and PyTorch in turns.")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each library (%(default)s)")
    parser.add_argument("--calls", type=int, default=5000, help="calls in a turn (%(default)s)")
    arguments = parser.parse_args()
    libs = libraries()
    print("best and median of each, then weft's best over PyTorch's\n")
    for title, make in CASES.items():
        timers = {name: timeit.Timer(make(lib)) for name, lib in libs.items()}
        samples: dict[str, list[float]] = {name: [] for name in libs}
        for _ in range(arguments.rounds):
            for name, timer in timers.items():
                samples[name].append(timer.timeit(arguments.calls) / arguments.calls)
        report(title, samples, "µs", 1e6)
    imports: dict[str, list[float]] = {name: [] for name in libs}
    for name in imports:
        import_seconds(name)  # compiles what is not compiled yet
    for _ in range(5):
        for name, values in imports.items():
            values.append(import_seconds(name))
    report("import, after numpy", imports, "ms", 1e3)


if __name__ == "__main__":
    main()
