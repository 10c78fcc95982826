"""The threads behind a data loader.

Task i goes to worker i modulo the number of workers and results are taken in the order of the tasks, so what a loader
yields does not depend on the timing of the threads. Nobody polls: workers sleep on their own queue, the
consumer on a condition. Neither holds the iterator, so dropping it ends the workers.
"""

from __future__ import annotations

import atexit
import copy
import itertools
import queue
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import weft
from weft import _core
from weft.utils.data.dataset import Dataset

__all__ = ["WorkerInfo", "get_worker_info"]

_JOIN_SECONDS = 5.0  # how long the end of the process waits for samples that are being made


class WorkerInfo:
    """What a worker knows of itself.

    Attributes:
        id: 0 to ``num_workers - 1``.
        num_workers: how many there are.
        seed: differs with the worker and with the epoch.
        dataset: this worker's copy of the dataset.
        generator: random numbers of this worker's own, begun at ``seed``.
    """

    def __init__(self, id: int, num_workers: int, seed: int, dataset: Any) -> None:
        self.id = id
        self.num_workers = num_workers
        self.seed = seed
        self.dataset = dataset
        self.generator = weft.Generator()
        self.generator.manual_seed(seed)

    def __repr__(self) -> str:
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed}, dataset={self.dataset})"


_here = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """What this thread knows of itself if it is a data loader's worker, else None.

    >>> get_worker_info() is None
    True
    """
    return getattr(_here, "info", None)


def set_worker_info(info: WorkerInfo | None) -> None:
    """Says what this thread knows of itself."""
    _here.info = info


class Failure:
    """An exception of a worker, as text: the frames behind it would keep their tensors alive."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind = type(error)
        self.text = "".join(traceback.format_exception(error))
        self.where = where

    def reraise(self) -> None:
        """Raise it in this thread, with the worker's traceback in its message."""
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if issubclass(self.kind, (StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt)):
            raise RuntimeError(message)  # these would mean something else here
        try:
            error = self.kind(_KeyErrorText(message) if self.kind is KeyError else message)
        except Exception:  # it cannot be made from one string
            raise RuntimeError(message) from None
        raise error


class _KeyErrorText(str):
    """A message that KeyError, which shows the repr of its argument, leaves readable."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class End:
    """Result of a task that found its worker's stream of samples at its end."""


class Fetcher:
    """Makes batches: the samples at some positions, or the next ones of a stream."""

    def __init__(
        self,
        dataset: Any,
        *,
        is_stream: bool,
        auto_collation: bool,
        collate_fn: Callable[..., Any],
        drop_last: bool,
    ) -> None:
        self.dataset = dataset
        self.stream: Iterator[Any] | None = iter(dataset) if is_stream else None
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, positions: Any) -> Any:
        """The batch for ``positions``, of which a stream uses only how many they are.

        Raises:
            StopIteration: the stream is at its end.
        """
        if self.stream is not None:
            return self._fetch_next(positions)
        if not self.auto_collation:
            return self.collate_fn(self.dataset[positions])
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.collate_fn(self.dataset.__getitems__(positions))
        return self.collate_fn([self.dataset[i] for i in positions])

    def _fetch_next(self, positions: Any) -> Any:
        assert self.stream is not None
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.stream))
        samples = list(itertools.islice(self.stream, len(positions)))
        self.ended = len(samples) < len(positions)
        if not samples or (self.ended and self.drop_last):
            raise StopIteration
        return self.collate_fn(samples)


class WorkerPool:
    """Some threads, the queues of their tasks, and what they have made.

    Args:
        make_fetcher: called with the worker's copy of the dataset at the start of each epoch.
        seed: of the first epoch.
    """

    def __init__(
        self,
        num_workers: int,
        dataset: Any,
        make_fetcher: Callable[[Any], Fetcher],
        init_fn: Callable[[int], Any] | None,
        seed: int,
    ) -> None:
        self.num_workers = num_workers
        self.seed = seed  # read by a worker with its first task of an epoch; changed only by start_epoch
        self.epoch = 0  # tasks of earlier epochs are skipped
        self.stopping = False
        self._make_fetcher = make_fetcher
        self._init_fn = init_fn
        self._tasks: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(num_workers)]
        self._results: dict[int, Any] = {}  # guarded by _ready
        self._ready = threading.Condition()
        # Daemons, or a loader that is still referenced would keep the interpreter from ending.
        self._threads = [
            threading.Thread(target=self._run, args=(i, dataset), name=f"weft-data-{i}", daemon=True)
            for i in range(num_workers)
        ]
        for thread in self._threads:
            thread.start()
        _pools.add(self)

    def start_epoch(self, seed: int) -> None:
        """Forget the tasks and results of the epoch before."""
        with self._ready:
            self.epoch += 1
            self.seed = seed
            self._results.clear()

    def submit(self, task: int, worker: int, positions: Any) -> None:
        """Have ``worker`` make the batch of ``positions`` and keep it as the result of ``task``."""
        self._tasks[worker].put((self.epoch, self.seed, task, positions))

    def take(self, task: int | None, timeout: float) -> tuple[int, Any]:
        """Wait for the result of ``task`` (of any if None); returns the task and the result.

        Raises:
            RuntimeError: it took longer than ``timeout`` seconds (0: for ever).
        """
        with self._ready:
            deadline = time.monotonic() + timeout if timeout > 0 else None
            while not (self._results if task is None else task in self._results):
                remaining = None if deadline is None else deadline - time.monotonic()
                if remaining is not None and remaining <= 0:
                    raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
                self._ready.wait(remaining)
            task = next(iter(self._results)) if task is None else task
            return task, self._results.pop(task)

    def stop(self) -> None:
        """Tell the workers to end after the sample they are at. Does not wait."""
        self.stopping = True
        for tasks in self._tasks:
            tasks.put(None)

    def join(self, timeout: float) -> None:
        """Wait for the workers to end."""
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, worker: int, dataset: Any) -> None:
        dataset = _own_copy(dataset)
        initialized = False
        epoch: int | None = None
        fetcher: Any = None
        while (item := self._tasks[worker].get()) is not None and not self.stopping:
            task_epoch, seed, task, positions = item
            if task_epoch != self.epoch:
                continue
            if task_epoch != epoch:
                epoch, fetcher = task_epoch, None
                _here.info = WorkerInfo(worker, self.num_workers, seed + worker, dataset)
                # weft.rand() and the like draw from the worker's own stream, whatever the other threads do.
                _core._set_thread_generator(_here.info.generator)
            result: Any
            try:
                if not initialized:
                    initialized = True
                    if self._init_fn is not None:
                        self._init_fn(worker)
                if fetcher is None:
                    fetcher = self._make_fetcher(dataset)
                result = fetcher.fetch(positions)
            except StopIteration as stop:
                ended = fetcher is not None and fetcher.stream is not None
                result = End() if ended else Failure(stop, f"in DataLoader worker thread {worker}")
            except BaseException as error:
                result = Failure(error, f"in DataLoader worker thread {worker}")
            with self._ready:
                if task_epoch == self.epoch:
                    self._results[task] = result
                    self._ready.notify_all()
            del item, positions, result  # nothing of a batch stays alive while this thread sleeps
        _core._set_thread_generator(None)


def _own_copy(dataset: Any) -> Any:
    """A copy that the worker may set attributes of, as ``worker_init_fn`` does; what they hold is shared."""
    if not isinstance(dataset, Dataset):
        return dataset  # a list or an array would be copied as a whole
    try:
        return copy.copy(dataset)
    except Exception:  # it holds something that cannot be copied: share it
        return dataset


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()


def _stop_all() -> None:
    pools = list(_pools)
    for pool in pools:
        pool.stop()
    for pool in pools:
        pool.join(_JOIN_SECONDS)


atexit.register(_stop_all)
