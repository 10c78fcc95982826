"""Events of a profile as users see them: one per call, and their averages by name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from weft.profiler import _chrome, _table
from weft.profiler._recording import Kind, Raw, Recording

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg"]

_SHOWN = (Kind.OP, Kind.NODE, Kind.RANGE)


class Interval(NamedTuple):
    """Begin and end in microseconds."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        return self.end - self.start


class _Figures:
    """What one call and an average have in common. Times in microseconds, memory in bytes."""

    key: str
    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    #: In native code, with the lock or without.
    native_time_total: float
    #: With Python's lock held, without it, and waiting to get it back; the three add up to `cpu_time_total`.
    lock_held_time_total: float
    lock_free_time_total: float
    lock_wait_time_total: float
    #: Workers' time in this work, beside the calling thread's own.
    pool_time_total: float
    num_threads: int

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def pool_occupancy(self) -> float:
        """Share of the threads that native work could use which it did use, 0 to 1."""
        possible = self.native_time_total * self.num_threads
        return min((self.native_time_total + self.pool_time_total) / possible, 1.0) if possible > 0 else 0.0

    @property
    def cpu_time_str(self) -> str:
        return _table.duration(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _table.duration(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _table.duration(self.self_cpu_time_total)

    # A CPU has no device beside it: PyTorch's programs that ask find nothing there.
    device_time = device_time_total = self_device_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0
    flops = 0


class FunctionEvent(_Figures):
    """One call of an operator, of a node's backward, or one range named by `record_function`.

    Attributes:
        name: `weft::add`, `AddBackward0`, or the range's name.
        thread: number of the thread in this profile.
        time_range: begin and end, microseconds.
        cpu_parent, cpu_children: what it was called in, and what it called.
        input_shapes: of each argument, when the profile recorded shapes.
        stack: Python's frames as `file(line): function`, innermost first, when the profile recorded stacks.
    """

    count = 1

    def __init__(self, number: int, raw: Raw, recording: Recording) -> None:
        self.id = number
        self.name = self.key = f"weft::{raw.name}" if raw.kind == Kind.OP else raw.name
        self.thread = raw.thread
        self.time_range = Interval(raw.begin / 1e3, raw.end / 1e3)
        self.is_user_annotation = raw.kind == Kind.RANGE
        shapes, _, stack = (raw.detail or "").partition("\x1f")
        self.input_shapes: list[list[int]] = json.loads(shapes) if shapes else []
        self.stack: list[str] = stack.splitlines()
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_memory_usage = raw.bytes
        self.cpu_time_total = (raw.end - raw.begin) / 1e3
        self.num_threads = recording.num_threads

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Without what it called."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self) -> int:  # type: ignore[override]
        return self.cpu_memory_usage - sum(child.cpu_memory_usage for child in self.cpu_children)

    def __repr__(self) -> str:
        return f"<FunctionEvent {self.name} thread={self.thread} {self.cpu_time_total_str}>"


class FunctionEventAvg(_Figures):
    """Sums over the calls of one name."""

    def __init__(self, event: FunctionEvent, shapes: bool, frames: int) -> None:
        self.key = event.key
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = self.native_time_total = 0.0
        self.lock_held_time_total = self.lock_free_time_total = self.lock_wait_time_total = self.pool_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.num_threads = event.num_threads
        self.is_user_annotation = event.is_user_annotation
        self.input_shapes = event.input_shapes if shapes else []
        self.stack = event.stack[:frames]

    def add(self, event: _Figures) -> None:
        for name in _SUMMED:
            setattr(self, name, getattr(self, name) + getattr(event, name))

    def __repr__(self) -> str:
        return f"<FunctionEventAvg {self.key} calls={self.count} {self.cpu_time_total_str}>"


_SUMMED = (
    "count", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "native_time_total",
    "lock_held_time_total", "lock_free_time_total", "lock_wait_time_total", "pool_time_total",
)  # fmt: skip


class EventList(list[Any]):
    """Events or averages, with what can be done with all of them."""

    def __init__(self, items: Iterable[Any] = (), *, recording: Recording | None = None, memory: bool = False) -> None:
        super().__init__(items)
        self._recording = recording
        self._memory = memory

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds, over all."""
        return float(sum(event.self_cpu_time_total for event in self))

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Sums by name; by shapes and by the innermost frames of the stack too, if asked for."""
        found: dict[Any, FunctionEventAvg] = {}
        for event in self:
            shapes = str(event.input_shapes) if group_by_input_shape else ""
            key = (event.key, shapes, tuple(event.stack[:group_by_stack_n]))
            average = found.get(key)
            if average is None:
                average = found[key] = FunctionEventAvg(event, group_by_input_shape, group_by_stack_n)
            average.add(event)
        return EventList(found.values(), recording=self._recording, memory=self._memory)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all."""
        if not self:
            raise RuntimeError("total_average: there are no events")
        total = FunctionEventAvg(self[0], False, 0)
        for event in self:
            total.add(event)
        total.key = "Total"
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as text, the most of `sort_by` first.

        Args:
            sort_by: an attribute of the rows: `cpu_time`, `cpu_time_total`, `self_cpu_time_total`, `count`,
                `cpu_memory_usage`, `self_cpu_memory_usage`, `lock_held_time_total`, `lock_free_time_total`,
                `lock_wait_time_total`.
            row_limit: rows at most; -1 for all.
            time_unit: `"s"`, `"ms"` or `"us"` for all times; the fitting one for each when None.

        Raises:
            AttributeError: the rows have no attribute `sort_by`.
        """
        rows = [row for row in self if not (top_level_events_only and getattr(row, "cpu_parent", None))]
        return _table.table(
            rows,
            total=self.self_cpu_time_total,
            memory=self._memory,
            sort_by=sort_by,
            row_limit=row_limit,
            widths=(max_name_column_width, max_shapes_column_width, max_src_column_width),
            header=header,
            time_unit=time_unit,
        )

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the profile these events are of as a trace for ui.perfetto.dev."""
        if self._recording is None:
            raise RuntimeError("export_chrome_trace: these events are of no recording")
        _chrome.write(path, self._recording, {})

    def __str__(self) -> str:
        return self.table()


def shown_events(recording: Recording, memory: bool) -> EventList:
    """Calls, nodes and ranges of all threads, nested, in order of their beginnings."""
    sums = recording.sums()
    events: list[FunctionEvent] = []
    for thread, raws in recording.by_thread().items():
        open_: list[tuple[int, FunctionEvent]] = []
        of = sums[thread]
        for raw in raws:
            if raw.kind not in _SHOWN:
                continue
            event = FunctionEvent(len(events), raw, recording)
            span = raw.begin, raw.end
            event.native_time_total = of.native(*span) / 1e3
            event.lock_free_time_total = of.free(*span) / 1e3
            event.lock_wait_time_total = of.waiting(*span) / 1e3
            event.lock_held_time_total = event.cpu_time_total - event.lock_free_time_total - event.lock_wait_time_total
            event.pool_time_total = of.helped(*span) / 1e3
            while open_ and open_[-1][0] <= raw.begin:
                open_.pop()
            if open_:
                event.cpu_parent = open_[-1][1]
                event.cpu_parent.cpu_children.append(event)
            open_.append((raw.end, event))
            events.append(event)
    _give_ranges_their_memory(events)
    events.sort(key=lambda e: e.time_range.start)
    return EventList(events, recording=recording, memory=memory)


def _give_ranges_their_memory(events: list[FunctionEvent]) -> None:
    """A range named from Python has no count of its own: it is the sum of what is inside. Children come after parents."""
    for event in reversed(events):
        if event.is_user_annotation:
            event.cpu_memory_usage = sum(child.cpu_memory_usage for child in event.cpu_children)
