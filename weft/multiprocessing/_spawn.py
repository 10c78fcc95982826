"""``spawn``: runs a function in several processes, and raises what one of them raised."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "spawn",
    "start_processes",
]


class ProcessException(Exception):
    """A process failed.

    Attributes:
        error_index: which one.
        error_pid: its process number.
    """

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.pid = msg, error_index, error_pid
        self.error_pid = error_pid

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid)


class ProcessRaisedException(ProcessException):
    """A process ended by an exception, whose traceback the message holds."""


class ProcessExitedException(ProcessException):
    """A process ended by a signal, or with a status that is not 0."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> Any:
        return type(self), (self.msg, self.error_index, self.pid, self.exit_code, self.signal_name)


def _run(fn: Callable[..., Any], index: int, args: tuple[Any, ...], error_file: str) -> None:
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the parent was interrupted too
    except Exception:
        with open(error_file, "wb") as file:
            pickle.dump(traceback.format_exc(), file)
        sys.exit(1)


class ProcessContext:
    """Some processes that run one function.

    Attributes:
        processes: in the order of their numbers.
    """

    def __init__(self, processes: list[Any], error_files: list[str]) -> None:
        self.processes, self.error_files = processes, error_files
        self.sentinels = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their process numbers."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Waits for one or more to end; returns whether all have. The first failure ends the others and is raised.

        Args:
            timeout: seconds to wait at most.
            grace_period: seconds that the others have to end after a failure before they are killed.
        Raises:
            ProcessRaisedException, ProcessExitedException: one failed.
        """
        if not self.sentinels:
            return True
        ready = multiprocessing.connection.wait(list(self.sentinels), timeout=timeout)
        failed = None
        for sentinel in ready:
            index = self.sentinels.pop(sentinel)
            process = self.processes[index]
            process.join()
            if process.exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self.sentinels
        self._end_others(grace_period or 30.0)
        self._raise(failed)
        return False

    def _end_others(self, grace_period: float) -> None:
        for process in self.processes:
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + grace_period
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
        for process in self.processes:
            if process.is_alive():
                warnings.warn(f"Killing unresponsive process {process.pid} via SIGKILL", stacklevel=3)
                process.kill()
            process.join()

    def _raise(self, index: int) -> None:
        process = self.processes[index]
        name = self.error_files[index]
        if os.path.getsize(name) == 0:
            code = process.exitcode
            if code < 0:
                try:
                    name = signal.Signals(-code).name
                except ValueError:
                    name = f"<Unknown signal {-code}>"
                raise ProcessExitedException(
                    f"process {index} terminated with signal {name}", index, process.pid, code, name
                )
            raise ProcessExitedException(f"process {index} terminated with exit code {code}", index, process.pid, code)
        with open(name, "rb") as file:
            text = pickle.load(file)
        message = f"\n\n-- Process {index} terminated with the following error:\n{text}"
        raise ProcessRaisedException(message, index, process.pid)

    def __del__(self) -> None:
        for name in self.error_files:
            if os.path.exists(name):
                os.unlink(name)


class SpawnContext(ProcessContext):
    """Processes that `spawn` started."""


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Runs ``fn(i, *args)`` in processes 0 to nprocs - 1.

    Args:
        join: wait for all; else return a context whose ``join`` does.
        daemon: end them with this process.
        start_method: "spawn", "fork" or "forkserver".
    """
    context: Any = multiprocessing.get_context(start_method)
    processes, error_files = [], []
    for index in range(nprocs):
        descriptor, name = tempfile.mkstemp(prefix="weft-spawn-", suffix=".pickle")
        os.close(descriptor)
        process = context.Process(target=_run, args=(fn, index, args, name), daemon=daemon)
        process.start()
        error_files.append(name)
        processes.append(process)
    running = SpawnContext(processes, error_files)
    if not join:
        return running
    while not running.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Runs ``fn(i, *args)`` in new processes 0 to nprocs - 1; see start_processes.

    Raises:
        ProcessRaisedException: one of them raised; the message holds its traceback.
        ProcessExitedException: one of them ended otherwise.
    """
    return start_processes(fn, args, nprocs, join, daemon, start_method)
