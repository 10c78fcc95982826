"""``multiprocessing`` of the standard library, whose queues and processes share tensors instead of copying them.

A tensor that is sent, or asked by ``share_memory_()``, moves to memory that any process which gets it maps: what one
writes, the others see.

>>> weft.ones(2).share_memory_().is_shared()
True
"""

from __future__ import annotations

import multiprocessing as _multiprocessing
from multiprocessing import *  # noqa: F403
from typing import Any

from weft.multiprocessing import reductions as reductions
from weft.multiprocessing._spawn import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

reductions.init_reductions()

_STRATEGIES = {"file_descriptor"}


def get_all_sharing_strategies() -> set[str]:
    """The ways to share memory: by file descriptor."""
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """The way in use."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts PyTorch's names; memory is always shared by file descriptor, which leaves no files behind."""
    if new_strategy not in ("file_descriptor", "file_system"):
        raise AssertionError(f"expected 'file_descriptor' or 'file_system', got {new_strategy!r}")


__all__ = [  # names, gathered
    *_multiprocessing.__all__,
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]


def __getattr__(name: str) -> Any:
    return getattr(_multiprocessing, name)
