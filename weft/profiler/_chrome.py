"""A profile as a trace in Chrome's format, for ui.perfetto.dev: a lane per thread, and one for Python's lock."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from weft.profiler._recording import Kind, Raw, Recording

__all__ = ["write"]

_LOCK_LANE = 1 << 30  # larger than any thread's id

_CATEGORIES = {Kind.OP: "cpu_op", Kind.NODE: "autograd", Kind.RANGE: "user_annotation", Kind.HELP: "pool"}


def write(path: str | os.PathLike[str], recording: Recording, metadata: Mapping[str, Any]) -> None:
    """Write the trace; compressed when the name ends in .gz."""
    trace = {
        "schemaVersion": 1,
        "displayTimeUnit": "ms",
        "deviceProperties": [],
        **metadata,
        "traceEvents": list(_events(recording)),
    }
    text = json.dumps(trace)
    if os.fspath(path).endswith(".gz"):
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(text)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _events(recording: Recording) -> Iterator[dict[str, Any]]:
    process = os.getpid()
    yield {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": "weft"}}
    lanes = {**{recording.ids[i]: name for i, name in recording.names.items()}, _LOCK_LANE: "Python's lock"}
    for order, (lane, name) in enumerate(lanes.items()):
        yield {"ph": "M", "name": "thread_name", "pid": process, "tid": lane, "args": {"name": name}}
        yield {"ph": "M", "name": "thread_sort_index", "pid": process, "tid": lane, "args": {"sort_index": order}}

    def slice_(lane: int, name: str, category: str, begin: int, end: int, **args: Any) -> dict[str, Any]:
        times = {"ts": begin / 1e3, "dur": (end - begin) / 1e3}
        return {"ph": "X", "pid": process, "tid": lane, "name": name, "cat": category, **times, "args": args}

    for thread, events in recording.by_thread().items():
        lane = recording.ids[thread]
        for event in events:
            if event.kind in _CATEGORIES:
                name = f"weft::{event.name}" if event.kind == Kind.OP else event.name or "pieces"
                args: dict[str, Any] = {"bytes": event.bytes} if event.kind in (Kind.OP, Kind.NODE) else {}
                if event.kind == Kind.HELP:
                    args["for"] = recording.names.get(event.owner, "")
                shapes, _, stack = (event.detail or "").partition("\x1f")
                if shapes:
                    args["Input Dims"] = json.loads(shapes)
                if stack:
                    args["Call stack"] = stack
                yield slice_(lane, name, _CATEGORIES[Kind(event.kind)], event.begin, event.end, **args)
            elif event.kind == Kind.NATIVE and event.first:
                yield slice_(lane, "without the lock", "lock", event.first, event.second)
                yield slice_(lane, "waits for the lock", "lock", event.second, event.end)
            elif event.kind == Kind.PYTHON:
                yield slice_(lane, "waits for the lock", "lock", event.begin, event.first)
                yield slice_(lane, "Python, with the lock", "lock", event.first, event.end)
        for name, begin, end in _held(events):
            yield slice_(_LOCK_LANE, f"{recording.names[thread]}: {name}", "lock", begin, end)


def _held(events: list[Raw]) -> Iterator[tuple[str, int, int]]:
    """When operators of a thread held the lock: from the call to letting go, from having it back to the result."""
    changes: list[tuple[int, int, str]] = []  # time, -1 for letting go and 1 for taking, what did it
    until = 0
    for event in events:
        name = f"weft::{event.name}"
        if event.kind == Kind.OP and event.begin >= until:  # not one inside another
            until = event.end
            changes += [(event.begin, 1, name), (event.end, -1, name)]
        elif event.kind == Kind.NATIVE and event.first and event.end <= until:
            changes += [(event.first, -1, ""), (event.end, 1, "")]
        elif event.kind == Kind.PYTHON and event.end <= until:
            changes += [(event.first, 1, ""), (event.end, -1, "")]
    depth, since, name = 0, 0, ""
    for time, change, who in sorted(changes, key=lambda c: c[0]):
        name = who or name
        if depth == 1 and change < 0:
            yield name, since, time
        depth += change
        if depth == 1 and change > 0:
            since = time
