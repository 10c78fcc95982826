"""python -m tests.fuzz --count 100000: random malformed calls in child processes, and what they did to memory."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter

PIECE = 2000  # calls a child makes, so that one crash does not hide the rest


def run(first: int, count: int, internal: bool) -> None:
    """The calls of consecutive seeds, in this process. Each seed is written before its call: the last one is to blame."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30))
    from tests.fuzz.calls import call, targets

    known = targets(internal)
    outcomes: Counter[str] = Counter()
    half = 0
    for seed in range(first, first + count):
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()
        outcomes[call(seed, known)] += 1
        if seed == first + count // 2:
            half = resident()
    print(f"memory {half} {resident()}")
    print("outcomes", *(f"{kind}={n}" for kind, n in outcomes.most_common()))


def resident() -> int:
    """Kilobytes of memory this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4


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
    at, end, faults, growth = options.first, options.first + options.count, 0, []
    while at < end:
        count = min(PIECE, end - at)
        fault, lines = child(at, count, options.seconds, options.internal)
        if fault is None:
            at += count
            growth.append(int(lines[-2].split()[2]) - int(lines[-2].split()[1]))
            for word in lines[-1].split()[1:]:
                kind, _, n = word.partition("=")
                outcomes[kind] += int(n)
            continue
        faults += 1
        from tests.fuzz.calls import targets

        seed = next((int(line) for line in reversed(lines) if line.isdigit()), at)
        print(f"{_name(seed, targets(options.internal))}: {fault}", flush=True)
        at = seed + 1
    print(f"{options.count} calls, {faults} processes down; {dict(outcomes.most_common())}")
    if growth:
        print(
            f"memory over the later half of each {PIECE}: at most {max(growth)} KB, on average {sum(growth) // len(growth)} KB"
        )
    sys.exit(faults > 0)


def _name(seed: int, known: list[tuple[str, object]]) -> str:
    import random

    return known[random.Random(seed).randrange(len(known))][0]


if __name__ == "__main__":
    main()
