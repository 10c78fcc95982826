"""What the machine can do at most: multiply-adds a second and bytes copied a second, measured in this run."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy

CACHE = 64 << 20  # bytes beyond which a workload is held to the speed of memory


@dataclass
class Limits:
    """Best seen so far; zero where it could not be measured (no C compiler)."""

    flops: float = 0.0
    bytes: float = 0.0

    def fraction(self, flops: float, moved: float, seconds: float) -> float | None:
        """How near to the nearer limit a call of so much work in so many seconds comes; None without a limit."""
        shares = []
        if flops and self.flops:
            shares.append(flops / seconds / self.flops)
        if moved >= CACHE and self.bytes:
            shares.append(moved / seconds / self.bytes)
        return max(shares, default=None)


class Meter:
    """Measures the limits for a number of threads, as often as asked, and keeps the best."""

    def __init__(self) -> None:
        self._library = _compile()
        self._found: dict[int, Limits] = {}
        source = numpy.ones(CACHE, dtype=numpy.uint8)
        self._arrays = source, numpy.zeros_like(source)

    def limits(self, threads: int) -> Limits:
        return self._found.setdefault(threads, Limits())

    def measure(self, threads: int, turns: int = 3) -> None:
        """Raises the limits where this moment is better than those before."""
        if self._library is None:
            return
        found, library = self.limits(threads), self._library
        source, target = self._arrays
        part = source.nbytes // threads

        def copy(index: int) -> float:
            offset = index * part
            library.copy(target.ctypes.data + offset, source.ctypes.data + offset, part)
            return 2.0 * part

        with ThreadPoolExecutor(threads) as pool:
            for _ in range(turns):
                rate = _rate(pool, threads, lambda _: library.multiply_adds(1_000_000))
                found.flops = max(found.flops, rate)
                found.bytes = max(found.bytes, _rate(pool, threads, copy))


def _rate(pool: ThreadPoolExecutor, threads: int, work: Callable[[int], float]) -> float:
    """Work done a second by all threads together; see `clock_for`."""
    if threads == 1:
        start = time.thread_time()
        return work(0) / (time.thread_time() - start)
    start = time.perf_counter()
    done = sum(pool.map(work, range(threads)))
    return done / (time.perf_counter() - start)


def _compile() -> ctypes.CDLL | None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "limits.so"
        source = Path(__file__).with_name("limits.c")
        command = [
            compiler,
            "-O2",
            "-march=native",
            "-ffp-contract=fast",
            "-mprefer-vector-width=512",
            "-shared",
            "-fPIC",
        ]
        for flags in (command, [flag for flag in command if not flag.startswith("-mprefer")]):
            if subprocess.run([*flags, str(source), "-o", str(target)], capture_output=True).returncode == 0:
                library = ctypes.CDLL(str(target))
                library.multiply_adds.restype = ctypes.c_double
                library.multiply_adds.argtypes = [ctypes.c_long]
                library.copy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong]
                return library
    return None
