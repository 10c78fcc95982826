"""The older interface to `weft.profiler`: PyTorch's `torch.autograd.profiler`."""

from __future__ import annotations

import os
from typing import Self

from weft.profiler import _profile
from weft.profiler._events import EventList, FunctionEventAvg
from weft.profiler._profile import record_function

__all__ = ["EventList", "profile", "record_function"]


class profile:
    """Records all operators for the length of a `with` block. `weft.profiler.profile` can do more.

    Args:
        enabled: False records nothing.
        record_shapes, profile_memory, with_stack: as for `weft.profiler.profile`.
        use_cuda, use_device, with_flops, with_modules, use_kineto, use_cpu: PyTorch's; nothing here.

    Example:
        >>> with weft.autograd.profiler.profile() as prof:
        ...     y = weft.ones(3).exp()
        >>> [average.key for average in prof.key_averages()]
        ['weft::ones', 'weft::exp']
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
    ) -> None:
        self.enabled = enabled
        self._profile = _profile.profile(
            record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack
        )

    def __enter__(self) -> Self:
        if self.enabled:
            self._profile.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.enabled:
            self._profile.stop()

    @property
    def function_events(self) -> EventList:
        """The calls that were recorded."""
        return self._profile.events()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds, over all calls."""
        return self.function_events.self_cpu_time_total

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Sums over the calls by name."""
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all calls."""
        return self.function_events.total_average()

    def table(self, sort_by: str | None = None, row_limit: int = 100, header: str | None = None) -> str:
        """The calls as text."""
        return self.function_events.table(sort_by=sort_by, row_limit=row_limit, header=header)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the recording for ui.perfetto.dev."""
        self._profile.export_chrome_trace(path)
