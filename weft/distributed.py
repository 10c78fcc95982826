"""``weft.distributed`` as programs ask for it: this build has no process groups, and says so.

>>> weft.distributed.is_available(), weft.distributed.is_initialized()
(False, False)
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_initialized",
    "is_torchelastic_launched",
]


def is_available() -> bool:
    """Whether there are process groups: no."""
    return False


def is_initialized() -> bool:
    """Whether there is a default process group: no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether a launcher started this process: no."""
    return False


def _refuse() -> NoReturn:
    raise RuntimeError("weft has no process groups: torch.distributed.is_available() is False")


def init_process_group(*args: Any, **kwargs: Any) -> None:
    """Raises RuntimeError."""
    _refuse()


def get_rank(group: Any = None) -> int:
    """Raises RuntimeError: there is no process group."""
    _refuse()


def get_world_size(group: Any = None) -> int:
    """Raises RuntimeError: there is no process group."""
    _refuse()
