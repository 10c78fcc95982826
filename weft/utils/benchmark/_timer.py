"""Timing of statements: the standard library's timer, with the interface and the results of PyTorch's."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from weft import _core

__all__ = ["Measurement", "Timer"]


@dataclass
class Measurement:
    """Times of one statement.

    Attributes:
        number_per_run: executions in each time.
        raw_times: seconds of each run.
    """

    number_per_run: int
    raw_times: list[float]
    stmt: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    num_threads: int = 1
    metadata: dict[Any, Any] | None = field(default=None)

    @property
    def times(self) -> list[float]:
        """Seconds of one execution, by run."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """Mean seconds of one execution."""
        return statistics.fmean(self.times)

    @property
    def median(self) -> float:
        """Median seconds of one execution."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """Seconds between the quartiles."""
        if len(self.times) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4)
        return high - low

    @property
    def title(self) -> str:
        """The label, or the statement."""
        return ": ".join(part for part in (self.label or self.stmt, self.sub_label) if part)

    def __repr__(self) -> str:
        runs = len(self.raw_times)
        return (
            f"<{type(self).__module__}.Measurement>\n{self.title}\n  median {_shown(self.median)}, "
            f"IQR {_shown(self.iqr)}, {runs} run{'s' if runs > 1 else ''} of {self.number_per_run}"
        )


def _shown(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.2f} {unit}"
    return f"{seconds / 1e-9:.2f} ns"


class Timer:
    """Times a statement, after a warm-up, with a given number of threads.

    Args:
        stmt, setup: Python, as for timeit.Timer.
        globals: names that they see.
        num_threads: see weft.set_num_threads; 1 by default.
        label, sub_label, description: kept with the measurement.
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if str(language).lower().rpartition(".")[2] not in ("py", "python"):
            raise NotImplementedError("Timer: only Python's statements are timed")
        self._stmt = stmt
        self._timer = timeit.Timer(stmt, setup, timer, globals)
        self._about = {"stmt": stmt, "label": label, "sub_label": sub_label, "description": description}
        self._num_threads = num_threads

    def _time(self, number: int) -> float:
        before = _core.get_num_threads()
        _core.set_num_threads(self._num_threads)
        try:
            return self._timer.timeit(number)
        finally:
            _core.set_num_threads(before)

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, num_threads=self._num_threads, **self._about)  # type: ignore[arg-type]  # texts

    def timeit(self, number: int = 1000000) -> Measurement:
        """One run of `number` executions."""
        self._time(max(number // 100, 2))
        return self._measured(number, [self._time(number)])

    def _block(self, min_run_time: float) -> int:
        number = 1
        while self._time(number) < min_run_time / 100 and number < 1 << 40:
            number *= 2 if number < 8 else 10
        return number

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """As many runs as take min_run_time seconds, each long enough that reading the clock does not count."""
        number, times = self._block(min_run_time), list[float]()
        while sum(times) < min_run_time:
            times.append(self._time(number))
            if callback is not None:
                callback(number, times[-1])
        return self._measured(number, times)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0, callback: Any = None
    ) -> Measurement:
        """Runs until the quartiles lie within `threshold` of the median, or max_run_time seconds have passed."""
        number, times = self._block(min_run_time), list[float]()
        while sum(times) < max_run_time:
            times.append(self._time(number))
            measured = self._measured(number, times)
            if sum(times) >= min_run_time and len(times) >= 4 and measured.iqr < threshold * measured.median:
                break
        return self._measured(number, times)
