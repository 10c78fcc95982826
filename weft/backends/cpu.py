"""The CPU."""

from __future__ import annotations

from weft import _core

__all__ = ["get_cpu_capability"]


def get_cpu_capability() -> str:
    """PyTorch's word for the vector instructions in use: "AVX512", "AVX2" or "DEFAULT"."""
    return {"v4": "AVX512", "v3": "AVX2"}.get(_core._isa().removeprefix("x86-64-"), "DEFAULT")
