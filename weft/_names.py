"""Module names of PyTorch and of weft, each in terms of the other: files and programs speak PyTorch's."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["lookup", "to_torch", "to_weft"]

_CORE = (("torch._C", "weft._core"),)


def _exchange(module: str, old: str, new: str) -> str | None:
    if module == old or module.startswith(f"{old}."):
        return new + module[len(old) :]
    return None


def to_weft(module: str) -> str:
    """The module of weft that stands for one of PyTorch's; other names stay.

    >>> to_weft("torch.nn.functional"), to_weft("torchvision")
    ('weft.nn.functional', 'torchvision')
    """
    for torch, weft in (*_CORE, ("torch", "weft")):
        if (name := _exchange(module, torch, weft)) is not None:
            return name
    return module


def to_torch(module: str) -> str:
    """The module of PyTorch that one of weft stands for; other names stay."""
    for torch, weft in (*_CORE, ("torch", "weft")):
        if (name := _exchange(module, weft, torch)) is not None:
            return name
    return module


def lookup(module: str, name: str) -> Any:
    """The object that PyTorch (or weft) calls `module.name`.

    Raises:
        ImportError, AttributeError: there is none.
    """
    found: Any = importlib.import_module(to_weft(module))
    for part in name.split("."):
        found = getattr(found, part)
    return found
