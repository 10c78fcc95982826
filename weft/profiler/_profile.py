"""`profile`: when to record, and what to do with it; `record_function`; schedules."""

from __future__ import annotations

import enum
import functools
import json
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

from weft import _core
from weft.profiler import _chrome
from weft.profiler._events import EventList, shown_events
from weft.profiler._recording import Recording

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class ProfilerActivity(enum.Enum):
    """What can be recorded; weft runs on the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profile does during a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_KEPT = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """The activities that can be recorded: the CPU's."""
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """What to do at each step: after `skip_first` steps, rounds of waiting, warming up and recording.

    Args:
        wait: steps of a round without recording.
        warmup: steps that are recorded and dropped.
        active: steps that are recorded and kept.
        repeat: rounds; 0 for no end.
        skip_first: steps before the first round.
        skip_first_wait: not 0 leaves out the first round's `wait`.

    Raises:
        AssertionError: a number is negative, or `active` is 0.

    Example:
        >>> plan = weft.profiler.schedule(wait=1, warmup=1, active=1, repeat=1)
        >>> [plan(step).name for step in range(4)]
        ['NONE', 'WARMUP', 'RECORD_AND_SAVE', 'NONE']
    """
    numbers = {"wait": wait, "warmup": warmup, "active": active, "repeat": repeat, "skip_first": skip_first}
    if min(numbers.values()) < 0 or active == 0:
        got = ", ".join(f"{name}={value}" for name, value in numbers.items())
        raise AssertionError(f"schedule: active must be positive and the others not negative, got {got}")
    length = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0:
            return ProfilerAction.NONE
        if skip_first_wait:
            step += wait
        rounds, place = divmod(step, length)
        if (repeat and rounds >= repeat) or place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if place == length - 1 else ProfilerAction.RECORD

    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False, use_python_export: bool = False
) -> Callable[[profile], None]:
    """An `on_trace_ready` that writes each trace to a file of its own in `dir_name`, named as TensorBoard expects.

    Raises:
        RuntimeError: at the first trace, when the folder cannot be made.
    """

    def handler(prof: profile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError("Can't create directory: " + dir_name) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")
        prof.export_chrome_trace(os.path.join(dir_name, name))

    return handler


class record_function:
    """A named range of a profile: a `with` block, or a function under `@record_function("name")`.

    Costs a fraction of a microsecond while no profile is on.

    Example:
        >>> with weft.profiler.profile() as prof:
        ...     with weft.profiler.record_function("twice"):
        ...         y = weft.ones(3) * 2
        >>> "twice" in [average.key for average in prof.key_averages()]
        True
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args
        self._begin = 0

    def __enter__(self) -> Self:
        self._begin = _core._trace_now()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._begin:
            _core._trace_range(self.name if self.args is None else f"{self.name}({self.args})", self._begin)

    def __call__(self, function: _F) -> _F:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


class profile:
    """Records what operators do on all threads, for the length of a `with` block or between `start` and `stop`.

    One profile at a time. Events of a thread are recorded by itself, so that threads do not wait for each other.

    Args:
        activities: what to record; the CPU's, whatever is asked for.
        schedule: what to do at each step, which `step()` ends; everything is recorded without one.
        on_trace_ready: called with this profile when a round of recording is complete.
        record_shapes: keep the shapes of arguments.
        profile_memory: show memory in tables (it is always counted).
        with_stack: keep Python's stack of each call; costs microseconds a call.
        acc_events: keep the events of all rounds, not of the last only.
        with_flops, with_modules, experimental_config, execution_trace_observer, use_cuda, custom_trace_id_callback,
            post_processing_timeout_s: PyTorch's; nothing here.

    Raises:
        RuntimeError: on start, while another profile is on.

    Example:
        >>> x = weft.ones(8, 8)
        >>> with weft.profiler.profile(record_shapes=True) as prof:
        ...     y = x.exp()
        >>> [(event.name, event.input_shapes) for event in prof.events()]
        [('weft::exp', [[8, 8]])]
    """

    _running: profile | None = None
    _lock = threading.Lock()  # guards _running

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: object = None,
        execution_trace_observer: object = None,
        acc_events: bool = False,
        use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None,
        post_processing_timeout_s: float | None = None,
    ) -> None:
        self.activities = set(activities) if activities is not None else supported_activities()
        for activity in self.activities - supported_activities():
            warnings.warn(f"{activity.name} is not available, only the CPU is profiled", stacklevel=2)
        self.schedule = schedule or _always
        self.on_trace_ready = on_trace_ready
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.acc_events = acc_events
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._has_schedule = schedule is not None
        self._recording: Recording | None = None
        self._events: EventList | None = None
        self._metadata: dict[str, Any] = {}
        self._step_range: record_function | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with the schedule's current step."""
        with profile._lock:
            if profile._running is not None:
                raise RuntimeError("profile: another profile is on")
            profile._running = self
        if not self.acc_events:
            self._recording = self._events = None
        self._change_to(self.schedule(self.step_num))
        self._begin_step()

    def stop(self) -> None:
        """End; a round that is being recorded counts as complete."""
        if profile._running is not self:
            raise RuntimeError("profile: stop() without start()")
        try:
            self._end_step()
            self._change_to(ProfilerAction.NONE)
        finally:
            _core._trace_enable(False, False, False)
            with profile._lock:
                profile._running = None

    def step(self) -> None:
        """Tell the profile that the program's next step begins."""
        if profile._running is not self:
            raise RuntimeError("profile: step() outside of a running profile")
        self._end_step()
        self.step_num += 1
        self._change_to(self.schedule(self.step_num))
        self._begin_step()

    def _begin_step(self) -> None:
        if self._has_schedule or self.step_num:
            self._step_range = record_function(f"ProfilerStep#{self.step_num}").__enter__()

    def _end_step(self) -> None:
        if self._step_range is not None:
            self._step_range.__exit__()
            self._step_range = None

    def _change_to(self, action: ProfilerAction) -> None:
        before, self.current_action = self.current_action, action
        complete = before in _KEPT and (before is ProfilerAction.RECORD_AND_SAVE or action not in _KEPT)
        if complete:
            _core._trace_enable(False, False, False)
            self._keep(Recording.take())
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if action is ProfilerAction.NONE:
            _core._trace_enable(False, False, False)
        elif complete or before is ProfilerAction.NONE or (before is ProfilerAction.WARMUP and action in _KEPT):
            _core._trace_take()  # what came before is not this round's
            _core._trace_enable(True, self.record_shapes, self.with_stack)

    def _keep(self, recording: Recording) -> None:
        if recording.lost:
            warnings.warn(
                f"profile: no room for {recording.lost} events; profile fewer steps with schedule=", stacklevel=4
            )
        if self.acc_events and self._recording is not None:
            self._recording.extend(recording)
        else:
            self._recording = recording
        self._events = None

    def _recorded(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("profile: nothing has been recorded yet")
        return self._recording

    def events(self) -> EventList:
        """The calls of the last round, or of all with `acc_events`.

        Raises:
            RuntimeError: no round is complete yet.
        """
        if self._events is None:
            self._events = shown_events(self._recorded(), self.profile_memory)
        return self._events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Sums over the calls by name, and by shapes and stack when asked for."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the recording for ui.perfetto.dev or chrome://tracing; compressed when the name ends in .gz."""
        _chrome.write(path, self._recorded(), self._metadata)

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        """Write a line per Python stack, outermost frame first, with the time spent there: input of flame graphs.

        Raises:
            ValueError: `metric` is not `"self_cpu_time_total"`.
        """
        if metric != "self_cpu_time_total":
            raise ValueError(f"export_stacks: metric should be 'self_cpu_time_total', got {metric!r}")
        with open(path, "w", encoding="utf-8") as file:
            for average in self.key_averages(group_by_stack_n=1 << 16):
                if average.stack and int(average.self_cpu_time_total) > 0:
                    frames = (frame.translate(str.maketrans(" ;\t\n", "____")) for frame in reversed(average.stack))
                    file.write(";".join(frames) + f" {int(average.self_cpu_time_total)}\n")

    def add_metadata(self, key: str, value: str) -> None:
        """Put a text into the traces written."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Put a value, given as JSON, into the traces written."""
        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Switch recording off and on inside a round."""
        if profile._running is self and ProfilerActivity.CPU in set(activities):
            _core._trace_enable(enable and self.current_action in _KEPT, self.record_shapes, self.with_stack)
