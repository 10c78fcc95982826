"""python -m tests.fuzz --count 100000: random malformed calls in child processes, and what they did to memory."""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import weft

PIECE = 2000  # calls a child makes, so that one crash does not hide the rest


def run(first: int, count: int, internal: bool) -> None:
    """The calls of consecutive seeds, in this process. Each seed is written before its call: the last one is to blame.

    A call after which more bytes of tensors live than before is made twice more: what grows each time leaks, the rest
    is kept once, as a table is. Malloc's bytes in use, which tensors are no great part of, are compared over the later
    half, when modules are loaded and tables made.
    """
    import resource

    room = min(24 << 30, os.sysconf("SC_PHYS_PAGES") * resource.getpagesize() // 2)  # else the kernel ends the process
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    from tests.fuzz.calls import call, targets

    known = targets(internal)
    outcomes: Counter[str] = Counter()
    half = 0
    before = live()
    for seed in range(first, first + count):
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()
        outcomes[call(seed, known)] += 1
        if live() != before:
            before = judge_growth(seed, before, lambda seed=seed: call(seed, known))
        if seed == first + count // 2:
            half = in_use()
    print(f"memory {half} {in_use()}")
    print("outcomes", *(f"{kind}={n}" for kind, n in outcomes.most_common()))


def judge_growth(seed: int, before: int, again: Callable[[], object]) -> int:
    """Writes what a call left behind, if anything, and returns the bytes that live now."""
    gc.collect()
    steps = [live() - before]
    if steps[0] > 0:
        for _ in range(2):
            before = live()
            again()
            gc.collect()
            steps.append(live() - before)
        print("leaks" if min(steps) > 0 else "keeps", seed, *steps)
    return live()


def live() -> int:
    """Bytes in blocks of tensors, exactly."""
    return weft.memory.stats().allocated


def in_use() -> int:
    """Bytes that malloc has given and not got back, without what the allocator of tensors keeps for reuse."""
    gc.collect()
    weft.memory.empty_cache()
    fields = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    info = type("mallinfo2", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in fields]})
    function = ctypes.CDLL(None).mallinfo2
    function.restype = info
    got = function()
    return int(got.uordblks + got.hblkhd)


def child(first: int, count: int, seconds: float, internal: bool = False) -> tuple[str | None, list[str]]:
    """What brought a child down, or None, and the lines it wrote."""
    command = [sys.executable, "-m", "tests.fuzz", "--first", str(first), "--count", str(count), "--inside"]
    command += ["--internal"] if internal else []
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as late:
        lines = (late.stdout or b"").decode().splitlines()
        return f"hangs: seed {lines[-1] if lines else first}", lines
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        return None, lines
    last = next((line for line in reversed(lines) if line.isdigit()), str(first))
    return f"status {done.returncode}: seed {last} {done.stderr.strip()[-200:]}", lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=300, help="for each child")
    parser.add_argument("--inside", action="store_true", help="in this process")
    parser.add_argument("--internal", action="store_true", help="the internal operators instead of the public ones")
    options = parser.parse_args()
    if options.inside:
        run(options.first, options.count, options.internal)
        return
    outcomes: Counter[str] = Counter()
    at, end, faults, leaks, growth = options.first, options.first + options.count, 0, 0, []
    while at < end:
        count = min(PIECE, end - at)
        fault, lines = child(at, count, options.seconds, options.internal)
        if fault is None:
            at += count
            growth.append(int(lines[-2].split()[2]) - int(lines[-2].split()[1]))
            for kind, seed, *bytes_ in (line.split() for line in lines if line.startswith(("leaks", "keeps"))):
                leaks += kind == "leaks"
                print(f"{_name(int(seed), options.internal)}: seed {seed} {kind} {' '.join(bytes_)} bytes", flush=True)
            for word in lines[-1].split()[1:]:
                kind, _, n = word.partition("=")
                outcomes[kind] += int(n)
            continue
        faults += 1
        seed = next((int(line) for line in reversed(lines) if line.isdigit()), at)
        print(f"{_name(seed, options.internal)}: {fault}", flush=True)
        at = seed + 1
    print(f"{options.count} calls, {faults} processes down, {leaks} leaks; {dict(outcomes.most_common())}")
    if growth:
        most, average = max(growth), sum(growth) // len(growth)
        print(f"malloc over the later half of each {PIECE}: at most {most} bytes more, on average {average}")
    sys.exit(faults + leaks > 0)


def _name(seed: int, internal: bool) -> str:
    import random

    from tests.fuzz.calls import targets

    known = targets(internal)
    return known[random.Random(seed).randrange(len(known))][0]


if __name__ == "__main__":
    main()
