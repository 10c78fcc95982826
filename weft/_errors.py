"""Classes of errors that programs catch by PyTorch's names."""

from __future__ import annotations

__all__ = ["AcceleratorError", "OutOfMemoryError"]


class OutOfMemoryError(RuntimeError):
    """An accelerator has no memory left. On the CPU, MemoryError says so."""

    __module__ = "weft"


class AcceleratorError(RuntimeError):
    """An accelerator failed."""

    __module__ = "weft"
