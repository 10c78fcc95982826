"""The long version: `python -m tests.stress --seconds 3600 --seed 1`. Says after each round how much memory there is.

Ends with a traceback of all threads when a round does not end (a deadlock), and with status 1 when memory grows.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import sys
import time
from pathlib import Path

import weft
from tests.stress import actions

_ROUND = 20.0  # seconds
_GRACE = 300.0  # beyond which a round hangs


def resident() -> int:
    """Bytes in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description="Random work from many threads.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=8)
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    sizes: list[int] = []
    while time.monotonic() < end:
        faulthandler.dump_traceback_later(_ROUND + _GRACE, exit=True)
        until = min(end, time.monotonic() + _ROUND)
        seed = arguments.seed + len(sizes)
        sys.setswitchinterval([0.005, 1e-4, 1e-6][seed % 3])
        actions.run(seed, arguments.threads, lambda done, until=until: time.monotonic() < until)
        weft.memory.empty_cache()
        sizes.append(resident())
        print(f"seed {seed}: in order, {sizes[-1] >> 20} MiB", flush=True)
    faulthandler.cancel_dump_traceback_later()
    warm = sizes[len(sizes) // 4 :]
    if len(warm) >= 8 and min(warm[-3:]) > 1.2 * max(warm[:3]) + (32 << 20):
        print("memory grows", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
