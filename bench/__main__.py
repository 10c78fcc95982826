"""Measures weft and PyTorch in turns in one process: python -m bench [--filter words] [--quick] [--json file] ...

Every workload runs on one thread and on all of them, with fresh outputs and, where PyTorch offers it, preallocated ones.
Work on one thread is measured in CPU time, on several in
wall time: let the machine be idle then. A full run writes bench/RESULTS.md. Without PyTorch only weft is timed.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import weft
from bench import memory, report
from bench.limits import Limits, Meter
from bench.measure import compare, prepare
from bench.workload import Workload, all_workloads


def libraries() -> dict[str, ModuleType]:
    found: dict[str, ModuleType] = {"weft": weft}
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: no ratios", file=sys.stderr)
    else:
        found["torch"] = torch
    return found


def selected(pattern: str, quick: bool) -> list[Workload]:
    """Those whose family and name hold every word of the pattern."""
    words = pattern.lower().split()
    return [
        work
        for work in all_workloads()
        if (work.quick or not quick) and all(word in f"{work.family}: {work.name}".lower() for word in words)
    ]


def measure(
    work: Workload, libs: dict[str, ModuleType], threads: list[int], seconds: float, meter: Meter
) -> list[report.Row]:
    rows = []
    for name, make in work.variants():
        calls, missing = prepare(make, libs)
        if "torch" in missing:
            raise RuntimeError(f"{work.family}: {name}: PyTorch says {missing['torch']}")
        for count in threads:
            for lib in libs.values():
                lib.set_num_threads(count)
            timings = compare(calls, seconds, count)
            ours = timings.get("weft")
            limit: Limits = meter.limits(count)
            share = limit.fraction(work.flops, work.bytes, ours.best) if ours else None
            note = missing.get("weft", work.note)
            rows.append(report.Row(work.family, name, count, ours, timings.get("torch"), share, note))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--filter", default="", metavar="WORDS", help="only workloads whose family or name hold all words"
    )
    parser.add_argument("--quick", action="store_true", help="a selection, measured briefly")
    parser.add_argument("--threads", type=int, nargs="+", help="numbers of threads (default: 1 and all)")
    parser.add_argument("--seconds", type=float, help="for each workload and number of threads (0.3; quick 0.1)")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    parser.add_argument("--plot", metavar="FILE", help="write a picture (PNG)")
    parser.add_argument("--memory", action="store_true", help="measure the models' peak memory too (a full run does)")
    parser.add_argument("--list", action="store_true", help="name the workloads and stop")
    arguments = parser.parse_args()

    works = selected(arguments.filter, arguments.quick)
    if arguments.list:
        print("\n".join(f"{work.family}: {work.name}" for work in works))
        return
    if not works:
        parser.error(f"no workload holds all of: {arguments.filter}")
    warnings.simplefilter("ignore")
    libs = libraries()
    threads = arguments.threads or sorted({1, len(os.sched_getaffinity(0))})
    seconds = arguments.seconds or (0.1 if arguments.quick else 0.3)
    meter = Meter()
    for count in threads:
        meter.measure(count)

    rows: list[report.Row] = []
    family = ""
    for work in works:
        if work.family != family:
            family = work.family
            print(f"\n{family}\n{report.HEADER}")
            for count in threads:
                meter.measure(count, turns=1)
        for row in measure(work, libs, threads, seconds, meter):
            rows.append(row)
            print(report.line(row), flush=True)

    print("\ngeometric means, PyTorch's time over weft's")
    for name, by in report.means(rows).items():
        print(f"  {name:24}" + "".join(f"  {count} thread{'s' * (count > 1)}: {by[count]:5.2f}" for count in threads))
    print(f"\nworst ten\n{report.HEADER}")
    for row in report.worst(rows):
        print(report.line(row))
    missing = dict.fromkeys(f"{row.family}: {row.name}: {row.note}" for row in rows if row.ours is None)
    print("\nmissing in weft:", *(missing or ["nothing"]), sep="\n  ")

    whole = not arguments.filter and not arguments.quick
    peaks = memory.compare(list(libs)) if whole or arguments.memory else []
    if peaks:
        print("\npeak memory", *report.memory_lines(peaks), sep="\n")

    about: dict[str, Any] = report.environment()
    about["torch"] = getattr(libs.get("torch"), "__version__", "(absent)")
    about["limits"] = {
        count: f"{meter.limits(count).flops / 1e9:.0f} GFlop/s, {meter.limits(count).bytes / 1e9:.1f} GB/s"
        for count in threads
    }
    print("\nlimits:", about["limits"])
    if arguments.json:
        Path(arguments.json).write_text(report.as_json(rows, peaks, about))
    if arguments.plot:
        report.plot(rows, arguments.plot)
    if whole:
        Path(__file__).with_name("RESULTS.md").write_text(report.markdown(rows, peaks, about))


if __name__ == "__main__":
    main()
