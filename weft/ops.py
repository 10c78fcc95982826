"""Namespaces of users' own operators: ``weft.ops.<namespace>.<name>``, filled by ``weft.library``."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"weft.ops has no namespace {name!r}: operators that weft.library defines are there, PyTorch's internal ones are not",
        name=name,
    )
