"""Anomaly mode: a failing backward names the line of the forward pass that recorded it."""

from __future__ import annotations

from weft import _core

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class set_detect_anomaly:
    """Turns anomaly mode on or off at once, for all threads; as a context manager restores it at the end.

    While on, every recorded operation remembers the Python stack, which is slow. A node of the backward pass that
    raises, or with check_nan returns a NaN, is reported by a warning with that stack.

    >>> with weft.autograd.set_detect_anomaly(True):
    ...     weft.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = (_core.is_anomaly_enabled(), _core.is_anomaly_check_nan_enabled())
        _core._set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        _core._set_anomaly_enabled(*self._previous)


class detect_anomaly(set_detect_anomaly):
    """Anomaly mode within a with block."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self.check_nan)
