"""python -m tests.parity [names...]: weft against PyTorch's operator database.

python -m tests.parity --report              a line per operator, then failures by cause, then totals
python -m tests.parity linalg fft -v         only names that contain these; why each aspect fails
python -m tests.parity --all --write         every sample, and the list of what passes written anew
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict

from tests.parity import database
from tests.parity.check import ASPECTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only operators whose name contains one of these")
    parser.add_argument("--exact", action="store_true", help="names are whole names")
    parser.add_argument("--dtype", action="append", help="float32, float64, int64 and bool by default")
    parser.add_argument("--all", action="store_true", help="every sample instead of --samples")
    parser.add_argument("--samples", type=int, default=12, help="samples for each operator and dtype")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true", help="a line for every operator")
    parser.add_argument("-v", "--verbose", action="store_true", help="the reasons, operator by operator")
    parser.add_argument("--causes", type=int, default=0, metavar="N", help="the N most frequent reasons")
    parser.add_argument("--write", action="store_true", help="write the list of what passes")
    options = parser.parse_args()
    names = [name for name in database.entries() if not options.names or _wanted(name, options)]
    from tests.parity.runner import run_all

    dtypes = options.dtype or list(database.DTYPES)
    limit = None if options.all else options.samples
    totals: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    causes: dict[str, list[tuple[int, str]]] = defaultdict(list)
    lenient: Counter[tuple[str, str]] = Counter()
    passing = database.read()
    for name, report in run_all(names, dtypes, limit, options.jobs):
        passing.setdefault(name, {}).update({dtype: outcome.complete() for dtype, outcome in report.items()})
        words = []
        for dtype, outcome in report.items():
            lenient.update({(dtype, reason): count for reason, count in outcome.lenient.items()})
            for aspect in ASPECTS:
                if outcome.run[aspect]:
                    totals[dtype, aspect].update(run=outcome.run[aspect], passed=outcome.passed[aspect])
                    if outcome.run[aspect] > outcome.passed[aspect]:
                        words.append(f"{dtype}:{aspect} {outcome.passed[aspect]}/{outcome.run[aspect]}")
            for aspect, reasons in outcome.reasons.items():
                for reason, count in reasons.items():
                    causes[reason].append((count, f"{name}/{dtype}:{aspect}"))
        if options.report or (options.verbose and words):
            print(f"{name}: {', '.join(words) if words else 'passes'}", flush=True)
        if options.verbose:
            for dtype, outcome in report.items():
                for aspect, reasons in outcome.reasons.items():
                    for reason, count in reasons.most_common(4):
                        print(f"    {dtype}:{aspect} {count} x {reason}", flush=True)
    if options.causes:
        ordered = sorted(causes.items(), key=lambda item: -sum(count for count, _ in item[1]))
        for reason, places in ordered[: options.causes]:
            where = sorted({place for _, place in places})
            print(f"{sum(count for count, _ in places):6d}  {reason}\n        {' '.join(where[:8])}")
    for (dtype, aspect), count in sorted(totals.items()):
        share = 100 * count["passed"] / count["run"]
        print(f"{dtype:10s} {aspect}  {count['passed']:6d} of {count['run']:6d}  {share:5.1f} %")
    for (dtype, reason), count in sorted(lenient.items()):
        if count:
            print(f"{dtype:10s} {count:6d} decided by {reason}")
    if options.write:
        database.write(passing)


def _wanted(name: str, options: argparse.Namespace) -> bool:
    return name in options.names if options.exact else any(part in name for part in options.names)


main()
