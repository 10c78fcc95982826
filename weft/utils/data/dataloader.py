"""``DataLoader``: batches of a dataset's samples, made by threads in the background."""

from __future__ import annotations

import functools
import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, Generic, TypeVar, cast

import weft
from weft.utils.data._utils.collate import default_collate, default_convert
from weft.utils.data._utils.worker import End, Failure, Fetcher, WorkerInfo, WorkerPool, get_worker_info
from weft.utils.data.dataset import Dataset, IterableDataset
from weft.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

__all__ = ["DataLoader", "WorkerInfo", "default_collate", "default_convert", "get_worker_info"]

_T_co = TypeVar("_T_co", covariant=True)

# What cannot change once the loader is made.
_FIXED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _InfiniteConstantSampler(Sampler[None]):
    """Positions for datasets that have none."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


def _default_sampler(dataset: Any, shuffle: bool | None, generator: Any) -> Iterable[Any]:
    if isinstance(dataset, IterableDataset):
        return _InfiniteConstantSampler()
    return RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)


class DataLoader(Generic[_T_co]):
    """Iterates over batches of a dataset.

    Args:
        dataset: with positions, or iterable.
        batch_size: samples in a batch; None: samples come one by one.
        shuffle: a new random order in each epoch.
        sampler: another order of positions.
        batch_sampler: another way to make lists of positions.
        num_workers: threads (or processes) that make batches in the background; 0: made when asked for. Each
            works on a copy of the dataset, a thread on a shallow one; weft's default generator is its own there,
            begun at the epoch's seed plus the worker's number (in processes Python's and NumPy's are as well).
        collate_fn: makes a batch of a list of samples; default: ``default_collate``.
        pin_memory, pin_memory_device: kept for programs that set them; there is no other memory to copy to.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a batch; 0: for ever.
        worker_init_fn: called with the worker's number in each worker before its first sample.
        multiprocessing_context: how processes start ("fork", "spawn", ...) with worker="process".
        generator: source of the order and of the workers' seeds.
        prefetch_factor: batches that each worker makes ahead; default 2.
        persistent_workers: keep the workers for the next epoch.
        in_order: yield batches in order; else as they are finished.
        worker: "thread"; or "process", for transforms in Python that hold the lock.

    Example:
        >>> import weft
        >>> data = weft.utils.data.TensorDataset(weft.arange(5))
        >>> for (batch,) in weft.utils.data.DataLoader(data, batch_size=2, num_workers=2):
        ...     print(batch.tolist())
        [0, 1]
        [2, 3]
        [4]
    """

    _initialized = False

    def __init__(
        self,
        dataset: Dataset[_T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        worker: str = "thread",
    ) -> None:
        if worker not in ("thread", "process"):
            raise ValueError(f"DataLoader: worker should be 'thread' or 'process', got {worker!r}")
        if num_workers < 0:
            raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
        if timeout < 0:
            raise ValueError("timeout option should be non-negative")
        if prefetch_factor is not None:
            if num_workers == 0:
                raise ValueError(
                    "prefetch_factor option could only be specified in multiprocessing. let num_workers > "
                    "0 to enable multiprocessing, otherwise set prefetch_factor to None."
                )
            if prefetch_factor < 0:
                raise ValueError("prefetch_factor option should be non-negative")
        elif num_workers > 0:
            prefetch_factor = 2
        if persistent_workers and num_workers == 0:
            raise ValueError("persistent_workers option needs num_workers > 0")
        if multiprocessing_context is not None and num_workers == 0:
            raise ValueError(
                "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
                f"but got num_workers={num_workers}"
            )
        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream:
            options = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in options.items():
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            sampler = _default_sampler(dataset, shuffle, generator)
        if batch_size is not None and batch_sampler is None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.worker = worker
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_collate if self._auto_collation else default_convert
        self.collate_fn = collate_fn
        self.persistent_workers = persistent_workers
        self._iterator: _ThreadedIter | None = None
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        if self.num_workers == 0:
            return _DirectIter(self)
        if not self.persistent_workers:
            return _ThreadedIter(self)
        if self._iterator is None or not self._iterator.is_usable():
            self._iterator = _ThreadedIter(self)
        else:
            self._iterator.restart(self)
        return self._iterator

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def __len__(self) -> int:
        if not self._is_stream:
            return len(self._index_sampler)
        length = len(cast(Sized, self.dataset))
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    def _make_fetcher(self) -> Callable[[Any], Fetcher]:
        """What makes the fetcher of a dataset; it does not hold the loader."""
        return functools.partial(
            Fetcher,
            is_stream=self._is_stream,
            auto_collation=self._auto_collation,
            collate_fn=self.collate_fn,
            drop_last=self.drop_last,
        )


def _draw_seed(generator: Any) -> int:
    return int(weft.empty((), dtype=weft.int64).random_(generator=generator).item())


class _BaseIter:
    """The order of one epoch."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader_length = functools.partial(len, loader)
        self._positions = iter(loader._index_sampler)
        self._base_seed = _draw_seed(loader.generator)

    def __iter__(self) -> Any:
        return self

    def __len__(self) -> int:
        return self._loader_length()


class _DirectIter(_BaseIter):
    """Makes each batch when it is asked for."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._fetcher = loader._make_fetcher()(loader.dataset)

    def __next__(self) -> Any:
        return self._fetcher.fetch(next(self._positions))


def _make_pool(loader: DataLoader[Any], seed: int) -> Any:
    arguments = (loader.num_workers, loader.dataset, loader._make_fetcher(), loader.worker_init_fn, seed)
    if loader.worker == "thread":
        return WorkerPool(*arguments)
    from weft.utils.data._utils.process import ProcessPool

    return ProcessPool(*arguments, loader.multiprocessing_context)


class _ThreadedIter(_BaseIter):
    """Keeps ``prefetch_factor`` batches for each worker in the making."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._pool = _make_pool(loader, self._base_seed)
        self._finalizer = weakref.finalize(self, self._pool.stop)
        self._finalizer.atexit = loader.worker == "process"  # the threads' pools see to their own end
        self._process = os.getpid()
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._begin(loader)

    def _begin(self, loader: DataLoader[Any]) -> None:
        self._sent = 0
        self._taken = 0
        self._worker_of: dict[int, int] = {}
        self._active = list(range(loader.num_workers))
        self._turn = 0
        for _ in range(max(1, (loader.prefetch_factor or 0) * loader.num_workers)):
            self._send()

    def restart(self, loader: DataLoader[Any]) -> None:
        """Begin another epoch with the same workers."""
        self._positions = iter(loader._index_sampler)
        self._base_seed = _draw_seed(loader.generator)
        self._pool.start_epoch(self._base_seed)
        self._begin(loader)

    def is_usable(self) -> bool:
        """Whether the workers are alive: they are not in a child process."""
        return self._process == os.getpid() and self._finalizer.alive

    def _send(self) -> None:
        """Give the next positions to the worker whose turn it is."""
        if not self._active:
            return
        try:
            positions = next(self._positions)
        except StopIteration:
            return
        worker = self._active[self._turn % len(self._active)]
        self._turn = (self._turn + 1) % len(self._active)
        self._worker_of[self._sent] = worker
        self._pool.submit(self._sent, worker, positions)
        self._sent += 1

    def _retire(self, worker: int) -> None:
        """Send nothing more to a worker whose stream has ended, and keep the turns of the others."""
        if worker in self._active:
            place = self._active.index(worker)
            self._active.remove(worker)
            if place < self._turn:
                self._turn -= 1

    def __next__(self) -> Any:
        if not self.is_usable() and self._worker_of:
            raise RuntimeError("DataLoader: this iterator's workers are threads of another process; make a new one")
        while self._worker_of:
            task, result = self._pool.take(self._taken if self._in_order else None, self._timeout)
            self._taken += 1
            worker = self._worker_of.pop(task)
            if isinstance(result, End):
                self._retire(worker)
                self._send()
                continue
            self._send()
            if isinstance(result, Failure):
                result.reraise()
            return result
        if not self._persistent:
            self._finalizer()
        raise StopIteration
