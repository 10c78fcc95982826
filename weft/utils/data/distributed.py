"""A sampler that gives each of several training processes its own part of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import weft
from weft.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th position, beginning at ``rank``.

    Args:
        dataset: of a fixed length.
        num_replicas, rank: default: those of the process group.
        shuffle: a random order that is the same in all processes; call ``set_epoch`` to have a new one.
        seed: of that order.
        drop_last: leave out the rest instead of repeating some positions to fill up.

    Example:
        >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            if not weft.distributed.is_available():
                raise RuntimeError("Requires distributed package to be available: pass num_replicas and rank")
            num_replicas = weft.distributed.get_world_size() if num_replicas is None else num_replicas
            rank = weft.distributed.get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        n = len(dataset)
        self.num_samples = n // num_replicas if drop_last else math.ceil(n / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        n = len(self.dataset)
        indices = list(range(n))
        if self.shuffle:
            generator = weft.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = weft.randperm(n, generator=generator).tolist()
        if not self.drop_last and indices:
            indices = (indices * math.ceil(self.total_size / n))[: self.total_size]
        return iter(indices[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of this epoch."""
        self.epoch = epoch
