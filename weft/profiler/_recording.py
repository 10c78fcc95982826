"""What the native recorder hands over, and sums over it: how much of a span of time was spent in what."""

from __future__ import annotations

import bisect
import dataclasses
import enum
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from weft import _core

__all__ = ["Cover", "Kind", "Raw", "Recording", "ThreadSums"]


class Kind(enum.IntEnum):
    """trace::Kind of core/runtime/trace.h."""

    OP = 0
    NATIVE = 1
    PYTHON = 2
    NODE = 3
    RANGE = 4
    HELP = 5


class Raw(NamedTuple):
    """trace::Event of core/runtime/trace.h, with its thread. Times in nanoseconds."""

    thread: int
    kind: int
    name: str
    begin: int
    first: int
    second: int
    end: int
    bytes: int
    owner: int
    detail: str | None


class Cover:
    """Spans of time; `within` tells how much of them lies in another span. Those that overlap count each."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        edges: dict[int, int] = defaultdict(int)
        for begin, end in spans:
            if end > begin:
                edges[begin] += 1
                edges[end] -= 1
        self._times = sorted(edges)
        self._sums = [0] * len(self._times)  # covered until then
        self._depths = [0] * len(self._times)  # spans that are open from then on
        depth = total = 0
        for i, now in enumerate(self._times):
            if i:
                total += depth * (now - self._times[i - 1])
            depth += edges[now]
            self._sums[i], self._depths[i] = total, depth

    def _until(self, time: int) -> int:
        i = bisect.bisect_right(self._times, time) - 1
        return 0 if i < 0 else self._sums[i] + self._depths[i] * (time - self._times[i])

    def within(self, begin: int, end: int) -> int:
        return self._until(end) - self._until(begin)


class ThreadSums:
    """Of one thread: when it worked natively, was without the lock, waited for it, and was helped by workers."""

    def __init__(self, events: list[Raw], helped: Iterable[tuple[int, int]]) -> None:
        native = [e for e in events if e.kind == Kind.NATIVE]
        released = [e for e in native if e.first]
        python = [e for e in events if e.kind == Kind.PYTHON]
        self._native = Cover((e.begin, e.second or e.end) for e in native)
        self._released = Cover((e.first, e.second) for e in released)
        self._python = Cover((e.begin, e.end) for e in python)
        self._waits = Cover([(e.second, e.end) for e in released] + [(e.begin, e.first) for e in python])
        self._helped = Cover(helped)

    def native(self, begin: int, end: int) -> int:
        return self._native.within(begin, end) - self._python.within(begin, end)

    def free(self, begin: int, end: int) -> int:
        # Python that native work calls takes the lock for itself; what that calls natively counts again.
        return self._released.within(begin, end) - self._python.within(begin, end)

    def waiting(self, begin: int, end: int) -> int:
        return self._waits.within(begin, end)

    def helped(self, begin: int, end: int) -> int:
        return self._helped.within(begin, end)


@dataclasses.dataclass
class Recording:
    """Everything of one profile."""

    events: list[Raw]
    names: dict[int, str]  # of threads, by number
    ids: dict[int, int]  # the system's, by number
    lost: int
    num_threads: int

    @classmethod
    def take(cls) -> Recording:
        """What was recorded since the last time."""
        events, threads, lost = _core._trace_take()
        python_names = {thread.native_id: thread.name for thread in threading.enumerate()}
        names = {
            index: python_names.get(system_id) or (name if name.startswith("weft-") else f"Thread {system_id}")
            for index, system_id, name in threads
        }
        ids = {index: system_id for index, system_id, _ in threads}
        return cls([Raw(*event) for event in events], names, ids, lost, _core.get_num_threads())

    def extend(self, later: Recording) -> None:
        self.events += later.events
        self.names.update(later.names)
        self.ids.update(later.ids)
        self.lost += later.lost

    def by_thread(self) -> dict[int, list[Raw]]:
        """Events of each thread, an outer one before those inside."""
        found: dict[int, list[Raw]] = defaultdict(list)
        for event in self.events:
            found[event.thread].append(event)
        for events in found.values():
            events.sort(key=lambda e: (e.begin, -e.end))
        return found

    def sums(self) -> dict[int, ThreadSums]:
        helped: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for event in self.events:
            if event.kind == Kind.HELP:
                helped[event.owner].append((event.begin, event.end))
        return {thread: ThreadSums(events, helped[thread]) for thread, events in self.by_thread().items()}
