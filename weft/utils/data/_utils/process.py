"""The processes behind a data loader with worker="process": for transforms in Python, which threads cannot speed up.

The same interface as WorkerPool. Batches come back through shared memory: what is sent is a descriptor.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import weft
from weft.multiprocessing import reductions
from weft.utils.data._utils import worker as workers
from weft.utils.data._utils.worker import End, Failure, Fetcher, WorkerInfo

__all__ = ["ProcessPool"]

_CHECK_SECONDS = 2.0  # how often each side looks whether the other is alive


def _seed(seed: int) -> None:
    """Programs expect the three generators of a worker to follow from its seed."""
    random.seed(seed)
    weft.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def _work(
    worker: int,
    num_workers: int,
    dataset: Any,
    make_fetcher: Callable[[Any], Fetcher],
    init_fn: Callable[[int], Any] | None,
    tasks: Any,
    results: Any,
) -> None:
    """Makes batches until the task None, or the parent's end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    weft.set_num_threads(1)
    parent = os.getppid()
    epoch: int | None = None
    fetcher: Any = None
    initialized = False
    where = f"in DataLoader worker process {worker}"
    while os.getppid() == parent:
        try:
            item = tasks.get(timeout=_CHECK_SECONDS)
        except queue.Empty:
            continue
        if item is None:
            break
        task_epoch, seed, task, positions = item
        if task_epoch != epoch:
            epoch, fetcher = task_epoch, None
            _seed(seed + worker)
            workers.set_worker_info(WorkerInfo(worker, num_workers, seed + worker, dataset))
        result: Any
        try:
            if not initialized:
                initialized = True
                if init_fn is not None:
                    init_fn(worker)
            if fetcher is None:
                fetcher = make_fetcher(dataset)
            result = fetcher.fetch(positions)
        except StopIteration as stop:
            result = End() if fetcher is not None and fetcher.stream is not None else Failure(stop, where)
        except BaseException as error:
            result = Failure(error, where)
        try:  # pickled here, so that what cannot be sent is an error of this task
            data = bytes(multiprocessing.reduction.ForkingPickler.dumps((task_epoch, task, result)))
        except Exception as error:
            data = bytes(multiprocessing.reduction.ForkingPickler.dumps((task_epoch, task, Failure(error, where))))
        results.put(data)
    # Descriptors that were sent are fetched from this process: it stays until told that they have been.
    results.close()
    results.join_thread()


class ProcessPool:
    """Some processes, the queues of their tasks, and what they have made; see WorkerPool for the arguments."""

    def __init__(
        self,
        num_workers: int,
        dataset: Any,
        make_fetcher: Callable[[Any], Fetcher],
        init_fn: Callable[[int], Any] | None,
        seed: int,
        context: Any,
    ) -> None:
        reductions.init_reductions()
        chosen: Any = multiprocessing.get_context(context) if context is None or isinstance(context, str) else context
        self.seed, self.epoch = seed, 0
        self._received: dict[int, Any] = {}
        self._tasks = [chosen.Queue() for _ in range(num_workers)]
        self._results = chosen.Queue()
        self._processes = [
            chosen.Process(
                target=_work,
                args=(i, num_workers, dataset, make_fetcher, init_fn, self._tasks[i], self._results),
                name=f"weft-data-{i}",
                daemon=True,
            )
            for i in range(num_workers)
        ]
        for process in self._processes:
            process.start()

    def start_epoch(self, seed: int) -> None:
        """Forget the tasks and results of the epoch before."""
        self.epoch += 1
        self.seed = seed
        self._received.clear()

    def submit(self, task: int, worker: int, positions: Any) -> None:
        """Have ``worker`` make the batch of ``positions`` and keep it as the result of ``task``."""
        self._tasks[worker].put((self.epoch, self.seed, task, positions))

    def take(self, task: int | None, timeout: float) -> tuple[int, Any]:
        """Wait for the result of ``task`` (of any if None); returns the task and the result.

        Raises:
            RuntimeError: it took longer than ``timeout`` seconds (0: for ever), or a process died.
        """
        deadline = time.monotonic() + timeout if timeout > 0 else None
        while not (self._received if task is None else task in self._received):
            remaining = _CHECK_SECONDS if deadline is None else min(_CHECK_SECONDS, deadline - time.monotonic())
            if remaining <= 0:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            try:
                data = self._results.get(timeout=remaining)
            except queue.Empty:
                self._check_alive()
                continue
            epoch, number, result = multiprocessing.reduction.ForkingPickler.loads(data)
            if epoch == self.epoch:
                self._received[number] = result
        task = next(iter(self._received)) if task is None else task
        return task, self._received.pop(task)

    def _check_alive(self) -> None:
        dead = [process for process in self._processes if not process.is_alive()]
        if dead:
            raise RuntimeError(f"DataLoader worker (pid(s) {', '.join(str(p.pid) for p in dead)}) exited unexpectedly")

    def stop(self) -> None:
        """End the processes."""
        for tasks in self._tasks:
            tasks.cancel_join_thread()
        self._results.cancel_join_thread()
        for process in self._processes:
            if process.is_alive():
                process.terminate()
        for process in self._processes:
            process.join()
