"""What was measured, as a table, JSON, Markdown and a picture."""

from __future__ import annotations

import json
import math
import platform
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure import Timing
from bench.memory import Peak
from bench.reasons import reason

LOSING = 0.95


@dataclass(frozen=True)
class Row:
    """One workload on one number of threads; `theirs` is None without PyTorch, `ours` where weft lacks the operator."""

    family: str
    name: str
    threads: int
    ours: Timing | None
    theirs: Timing | None
    of_limit: float | None
    note: str

    @property
    def ratio(self) -> float | None:
        """PyTorch's best time over ours: above 1, weft is faster."""
        return self.theirs.best / self.ours.best if self.ours and self.theirs else None


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def line(row: Row) -> str:
    """A row for the terminal."""

    def times(timing: Timing | None) -> str:
        return f"{duration(timing.best):>8} {duration(timing.median):>8}" if timing else f"{'missing':>17}"

    ratio = f"{row.ratio:6.2f}" if row.ratio is not None else "     -"
    limit = f"{row.of_limit:5.0%}" if row.of_limit is not None else "     "
    return f"{row.name:58.58} {row.threads:2}  {times(row.ours)}  {times(row.theirs)} {ratio} {limit}"


HEADER = f"{'':58} {'T':>2}  {'weft':>8} {'median':>8}  {'torch':>8} {'median':>8}  ratio limit"


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def means(rows: Sequence[Row]) -> dict[str, dict[int, float]]:
    """Geometric mean of the ratios by family and threads; the last entry is over all workloads."""
    families = list(dict.fromkeys(row.family for row in rows))
    threads = sorted({row.threads for row in rows})
    groups = {family: [row for row in rows if row.family == family] for family in families} | {"all": list(rows)}
    return {
        family: {
            count: geometric_mean(row.ratio for row in group if row.threads == count and row.ratio is not None)
            for count in threads
        }
        for family, group in groups.items()
    }


def worst(rows: Sequence[Row], count: int = 10) -> list[Row]:
    compared = [row for row in rows if row.ratio is not None]
    return sorted(compared, key=lambda row: row.ratio or 0.0)[:count]


def environment() -> dict[str, str]:
    """Where and of what the figures are."""
    cpu = platform.processor() or platform.machine()
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":", 1)[1].strip()
    except (OSError, IndexError):
        pass
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {"date": time.strftime("%Y-%m-%d"), "cpu": cpu, "commit": commit or "unknown"}


def why(row: Row) -> str:
    """Why a row loses."""
    return row.note or reason(f"{row.family}: {row.name}")


def as_json(rows: Sequence[Row], peaks: Sequence[Peak], about: dict[str, Any]) -> str:
    measured = {
        "rows": [asdict(row) | {"ratio": row.ratio} for row in rows],
        "memory": [asdict(peak) | {"ratio": peak.ratio} for peak in peaks],
    }
    return json.dumps({**about, **measured}, indent=1)


def megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f} MB"


def memory_lines(peaks: Sequence[Peak]) -> list[str]:
    """A Markdown table of peak memory."""
    lines = ["| training step of 16, one thread: peak above the imported library | weft | PyTorch | weft / PyTorch |"]
    lines.append("|---|---|---|---|")
    for peak in peaks:
        ratio = "-" if peak.ratio is None else f"{peak.ratio:.2f}"
        lines.append(f"| {peak.model} | {megabytes(peak.ours)} | {megabytes(peak.theirs)} | {ratio} |")
    return lines


def markdown(rows: Sequence[Row], peaks: Sequence[Peak], about: dict[str, Any]) -> str:
    """bench/RESULTS.md."""
    threads = sorted({row.threads for row in rows})
    columns = [f"{count} thread{'s' * (count > 1)}" for count in threads]

    def number(value: float | None) -> str:
        return "-" if value is None or math.isnan(value) else f"{value:.2f}"

    lines = [
        "# Results of `python -m bench`",
        "",
        f"{about['date']}, {about['cpu']}, commit {about['commit']}, weft against PyTorch {about['torch']}, in turns in one "
        "process. A ratio is",
        "PyTorch's best time over weft's: above 1, weft is faster. 'Of limit' is the share of the machine's peak multiply-add",
        "rate or, beyond the caches, of its copy bandwidth, both measured in the same run:",
        *[f"{count} thread{'s' * (count > 1)}: {limit}." for count, limit in about["limits"].items()],
        "",
        f"| family, geometric mean | {' | '.join(columns)} |",
        f"|---|{'---|' * len(columns)}",
        *[f"| {name} | {' | '.join(number(by[count]) for count in threads)} |" for name, by in means(rows).items()],
    ]
    losing = [row for row in rows if row.ratio is not None and row.ratio < LOSING]
    lines += ["", f"## Rows below {LOSING}", "", "| workload | threads | ratio | why |", "|---|---|---|---|"]
    lines += [
        f"| {r.family}: {r.name} | {r.threads} | {number(r.ratio)} | {why(r)} |" for r in worst(losing, len(losing))
    ]
    missing = dict.fromkeys((row.family, row.name, row.note) for row in rows if row.ours is None)
    lines += ["", "## Missing in weft", "", *([f"- {f}: {n}: {why}" for f, n, why in missing] or ["Nothing."])]
    if peaks:
        lines += ["", "## Peak memory", "", *memory_lines(peaks)]
    for family in dict.fromkeys(row.family for row in rows):
        lines += ["", f"## {family[0].upper()}{family[1:]}", ""]
        lines += [f"| workload | {' | '.join(f'{c}: weft | PyTorch | ratio | of limit' for c in columns)} |"]
        lines += [f"|---|{'---|' * (4 * len(columns))}"]
        by_name: dict[str, dict[int, Row]] = {}
        for row in rows:
            if row.family == family:
                by_name.setdefault(row.name, {})[row.threads] = row
        for name, found in by_name.items():
            cells = []
            for count in threads:
                r = found.get(count)
                cells.append(duration(r.ours.best) if r and r.ours else "-")
                cells.append(duration(r.theirs.best) if r and r.theirs else "-")
                cells.append(number(r.ratio if r else None))
                cells.append(f"{r.of_limit:.0%}" if r and r.of_limit is not None else "")
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def plot(rows: Sequence[Row], path: str) -> None:
    """A dot for every workload and a bar for every family's mean, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    threads = sorted({row.threads for row in rows})
    families = list(dict.fromkeys(row.family for row in rows))[::-1]
    average = means(rows)
    figure, axes = pyplot.subplots(
        1, len(threads), figsize=(5.5 * len(threads), 0.34 * len(families) + 1.4), sharey=True
    )
    for axis, count in zip([axes] if len(threads) == 1 else axes, threads, strict=True):
        axis.barh(families, [average[family][count] for family in families], color="#9ecae1", zorder=1)
        dots = [row for row in rows if row.threads == count and row.ratio is not None]
        colours = ["#d62728" if (row.ratio or 0) < LOSING else "#1f4e79" for row in dots]
        axis.scatter([row.ratio or 0 for row in dots], [row.family for row in dots], s=7, c=colours, zorder=2)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_xscale("log")
        axis.set_xlabel("PyTorch's time / weft's")
        axis.set_title(f"{count} thread{'s' * (count > 1)}: geometric mean {average['all'][count]:.2f}")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
