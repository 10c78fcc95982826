"""Names of PyTorch's compiler that programs touch: its settings can be set, and change nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from weft.compiler import (
    OptimizedModule,
    allow_in_graph,
    assume_constant_result,
    disable,
    is_compiling,
    list_backends,
    reset,
    substitute_in_graph,
)

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "list_backends",
    "mark_dynamic",
    "mark_static",
    "maybe_mark_dynamic",
    "optimize",
    "reset",
    "substitute_in_graph",
]

config = SimpleNamespace(
    cache_size_limit=8, recompile_limit=8, accumulated_cache_size_limit=256, suppress_errors=False, verbose=False,
    capture_scalar_outputs=False, optimize_ddp=True, automatic_dynamic_shapes=True, assume_static_by_default=True,
)  # fmt: skip


def graph_break(msg: str = "") -> None:
    """Nothing to break."""


def mark_dynamic(t: Any, index: Any = None, **kwargs: Any) -> None:
    """Nothing to mark."""


maybe_mark_dynamic = mark_static = mark_static_address = mark_dynamic


def optimize(*args: Any, **kwargs: Any) -> Any:
    """A decorator that changes nothing."""
    return disable()
