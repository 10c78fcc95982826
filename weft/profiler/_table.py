"""Tables of a profile, in PyTorch's layout with columns for the lock and the pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["duration", "table"]

_UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}


def duration(microseconds: float, unit: str | None = None) -> str:
    """`12.345ms`, in the largest unit that leaves a digit before the point, or in the one asked for."""
    if unit is None:
        unit = next((name for name, scale in _UNITS.items() if abs(microseconds) >= scale), "us")
    return f"{microseconds / _UNITS[unit]:.3f}{unit}"


def _memory(size: int) -> str:
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(size) >= scale:
            return f"{size / scale:.2f} {unit}"
    return f"{size} B"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole > 0 else "--"


def _cut(text: str, width: int) -> str:
    return text if width <= 0 or len(text) <= width else text[: max(width - 3, 0)] + "..."


def table(
    rows: Sequence[Any],
    *,
    total: float,
    memory: bool,
    sort_by: str | None,
    row_limit: int,
    widths: tuple[int, int, int],
    header: str | None,
    time_unit: str | None,
) -> str:
    """See EventList.table."""
    if not rows:
        return ""
    if time_unit not in (None, *_UNITS):
        raise ValueError(f"table: time_unit must be 's', 'ms' or 'us', got {time_unit!r}")
    if sort_by is not None:
        # What PyTorch sorts by on other devices is the CPU's here.
        attribute = sort_by.replace("cuda", "device").replace("xpu", "device")
        rows = sorted(rows, key=lambda row: getattr(row, attribute), reverse=True)
    if row_limit >= 0:
        rows = rows[:row_limit]
    name_width, shapes_width, source_width = widths

    def time(microseconds: float) -> str:
        return duration(microseconds, time_unit)

    columns: list[tuple[str, Callable[[Any], str]]] = [
        ("Name", lambda row: _cut(row.key, name_width)),
        ("Self CPU %", lambda row: _share(row.self_cpu_time_total, total)),
        ("Self CPU", lambda row: time(row.self_cpu_time_total)),
        ("CPU total %", lambda row: _share(row.cpu_time_total, total)),
        ("CPU total", lambda row: time(row.cpu_time_total)),
        ("CPU time avg", lambda row: time(row.cpu_time)),
    ]
    if memory:
        columns += [
            ("CPU Mem", lambda row: _memory(row.cpu_memory_usage)),
            ("Self CPU Mem", lambda row: _memory(row.self_cpu_memory_usage)),
        ]
    columns += [
        ("# of Calls", lambda row: str(row.count)),
        ("Lock held", lambda row: time(row.lock_held_time_total)),
        ("Lock free", lambda row: time(row.lock_free_time_total)),
        ("Lock wait", lambda row: time(row.lock_wait_time_total)),
        ("Pool", lambda row: f"{row.pool_occupancy:.0%}" if row.native_time_total > 0 else "--"),
    ]
    if any(row.input_shapes for row in rows):
        columns.append(("Input Shapes", lambda row: _cut(str(row.input_shapes), shapes_width)))
    if any(row.stack for row in rows):
        columns.append(("Source Location", lambda row: _cut(row.stack[0] if row.stack else "", source_width)))
    cells = [[show(row) for _, show in columns] for row in rows]
    sizes = [max(len(title), *(len(line[i]) for line in cells)) for i, (title, _) in enumerate(columns)]
    rule = "  ".join("-" * size for size in sizes)

    def line(texts: Sequence[str]) -> str:
        first, *rest = (text.rjust(size) for text, size in zip(texts, sizes, strict=True))
        return "  ".join([texts[0].ljust(len(first)), *rest])

    head = [_cut(header, len(rule)).center(len(rule))] if header else []
    body = [rule, line([title for title, _ in columns]), rule, *map(line, cells), rule]
    return "\n".join([*head, *body, f"Self CPU time total: {time(total)}", ""])
