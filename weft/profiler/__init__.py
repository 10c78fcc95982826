"""Where the time goes, by operator and thread, with and without Python's lock. PyTorch's `torch.profiler`.

>>> x = weft.ones(100, 100)
>>> with weft.profiler.profile() as prof:
...     y = (x @ x).sum()
>>> sorted(average.key for average in prof.key_averages())
['weft::__matmul__', 'weft::sum']

`print(prof.key_averages().table(sort_by="self_cpu_time_total"))` shows the times; `prof.export_chrome_trace(path)` writes
them for ui.perfetto.dev, with a lane for the lock. What is recorded, and what that costs: docs/notes/profiler.md.
"""

from __future__ import annotations

from weft.profiler._events import EventList, FunctionEvent, FunctionEventAvg
from weft.profiler._profile import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]
