"""Settings of the process that programs make at their start; what weft does anyway is accepted and remembered."""

from __future__ import annotations

from typing import Any

import weft
from weft import _core
from weft._device import DeviceLike, check_cpu, cpu, device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_device_module",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_storage",
    "is_warn_always_enabled",
    "set_default_device",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "typename",
    "use_deterministic_algorithms",
]

_deterministic = False
_warn_only = False
_matmul_precision = "highest"
_interop_threads: int | None = None
_warn_always = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembers the wish: weft's operators give the same bits every time, at any number of threads.

    >>> weft.use_deterministic_algorithms(True)
    >>> weft.are_deterministic_algorithms_enabled()
    True
    >>> weft.use_deterministic_algorithms(False)
    """
    global _deterministic, _warn_only
    _deterministic, _warn_only = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What use_deterministic_algorithms was told."""
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What use_deterministic_algorithms was told about warnings."""
    return _warn_only


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """use_deterministic_algorithms by "default", "warn" or "error", or 0, 1 or 2."""
    modes = ("default", "warn", "error")
    if debug_mode not in modes and debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected `default`, `warn` or `error`, or 0, 1, 2, got {debug_mode!r}"
        )
    level = modes.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    use_deterministic_algorithms(level > 0, warn_only=level == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see set_deterministic_debug_mode."""
    return 0 if not _deterministic else 1 if _warn_only else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers "highest", "high" or "medium"; products of float32 are always computed in float32.

    >>> weft.set_float32_matmul_precision("high")
    >>> weft.get_float32_matmul_precision()
    'high'
    >>> weft.set_float32_matmul_precision("highest")
    """
    global _matmul_precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")
    _matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """What set_float32_matmul_precision was told."""
    return _matmul_precision


def set_num_interop_threads(n: int) -> None:
    """Remembers the number: one pool of threads serves everything, see set_num_threads."""
    global _interop_threads
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_interop_threads: expected a positive integer, got {n!r}")
    _interop_threads = n


def get_num_interop_threads() -> int:
    """What set_num_interop_threads was told; the number of threads when it was not."""
    return _core.get_num_threads() if _interop_threads is None else _interop_threads


def set_flush_denormal(mode: bool) -> bool:
    """Returns False: denormal numbers are always kept, so that results do not depend on the thread."""
    return False


def set_warn_always(b: bool, /) -> None:
    """Remembers whether warnings that come once should come always."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What set_warn_always was told."""
    return _warn_always


def set_default_device(device: DeviceLike) -> None:
    """Accepts the CPU, or None for it; raises for other devices."""
    check_cpu(device)


def get_default_device() -> device:
    """The CPU."""
    return cpu


def get_device_module(device: DeviceLike = None) -> Any:
    """The module of a device: weft.cpu, weft.cuda, ...

    >>> weft.get_device_module().__name__
    'weft.cpu'
    """
    import importlib

    if device is not None and not isinstance(device, str | weft.device):
        raise RuntimeError(f"Invalid value of device {device!r}, expect a device, str, or None")
    kind = "cpu" if device is None else weft.device(device).type
    if kind not in ("cpu", "cuda", "mps", "xpu"):
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return importlib.import_module(f"weft.{kind}")


def is_storage(obj: Any, /) -> bool:
    """Whether obj is a storage.

    >>> weft.is_storage(weft.ones(1).untyped_storage())
    True
    """
    return isinstance(obj, weft.UntypedStorage | weft.TypedStorage)


def typename(obj: Any, /) -> str:
    """The name of an object's type; for a tensor with its dtype.

    >>> weft.typename(weft.ones(1))
    'torch.FloatTensor'
    """
    if isinstance(obj, weft.Tensor):
        return obj.type()
    kind = obj if hasattr(obj, "__qualname__") and hasattr(obj, "__module__") else type(obj)
    module = kind.__module__ or ""
    return kind.__qualname__ if module in ("", "builtins", "__builtin__") else f"{module}.{kind.__qualname__}"
