"""Names of the package that are imported when they are first used, so that `import weft` stays quick."""

from __future__ import annotations

import functools
import importlib
import sys
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["MODULES", "NAMES", "absent", "find", "mark_absent"]

# Modules of the package that `import weft` does not load.
MODULES = frozenset(
    {
        "__config__", "_dynamo", "accelerator", "amp", "backends", "compiler", "cpu", "cuda", "distributed", "distributions", "func", "hub", "jit",
        "library", "masked", "mps", "multiprocessing", "onnx", "ops", "profiler", "run", "serialization", "signal", "sparse", "testing", "types", "version", "xpu",
    }
)  # fmt: skip

# Functions and classes, by the module that has them.
NAMES = {
    "AcceleratorError": "_errors",
    "Event": "cpu",
    "OutOfMemoryError": "_errors",
    "Stream": "cpu",
    "autocast": "amp",
    "get_autocast_cpu_dtype": "amp.autocast_mode",
    "get_autocast_dtype": "amp.autocast_mode",
    "get_autocast_gpu_dtype": "amp.autocast_mode",
    "is_autocast_cache_enabled": "amp.autocast_mode",
    "is_autocast_cpu_enabled": "amp.autocast_mode",
    "is_autocast_enabled": "amp.autocast_mode",
    "set_autocast_cache_enabled": "amp.autocast_mode",
    "set_autocast_dtype": "amp.autocast_mode",
    "set_autocast_enabled": "amp.autocast_mode",
    "compile": "compiler",
    "load": "serialization",
    "save": "serialization",
    "hspmm": "sparse",
    "smm": "sparse",
    "sparse_compressed_tensor": "sparse",
    "sparse_coo_tensor": "sparse",
    "sparse_csr_tensor": "sparse",
    "spmm": "sparse",
    "vmap": "func",
    "summary": "nn._summary",
}

# Modules that list more of the package's names, looked into last.
LESS_USED = ("_foreach", "_numbers", "_removed", "_segments", "nn._lower")

# Methods of Tensor that the package has as functions, too.
METHODS = frozenset({"dequantize", "detach_", "get_device", "is_inference", "ldexp_", "resize_as_"})


def find(name: str) -> Any:
    """The attribute `weft.<name>`, imported and kept; AttributeError when there is none."""
    if name in MODULES:
        return importlib.import_module(f"weft.{name}")
    package = sys.modules["weft"]
    if name in NAMES:
        value = getattr(importlib.import_module(f"weft.{NAMES[name]}"), name)
        setattr(package, name, value)
        return value
    if name in METHODS:
        return getattr(package.Tensor, name)
    for home in LESS_USED:
        module = importlib.import_module(f"weft.{home}")
        if name in module.__all__:
            value = getattr(module, name)
            setattr(package, name, value)
            return value
    if name in ("uint16", "uint32", "uint64"):
        raise AttributeError(
            f"weft has no dtype {name}: its integers are uint8, int8, int16, int32 and int64", name=name, obj=package
        )
    raise absent("weft", name)


def absent(module: str, name: str) -> AttributeError:
    """The error for a name that a module has not; it says so when PyTorch has it."""
    path = f"{module}.{name}".removeprefix("weft.")
    hint = f": PyTorch has torch.{path}, weft does not (yet)" if path in _absent_names() else ""
    return AttributeError(f"module '{module}' has no attribute '{name}'{hint}", name=name, obj=sys.modules[module])


class _AbsentAttribute:
    """Stands in a class for an attribute that PyTorch's has: to reach for it raises AttributeError, which says so.

    A descriptor, because a `__getattr__` would slow down every attribute that is there.
    """

    def __init__(self, owner: str, name: str) -> None:
        self._message = (
            f"'{owner}' object has no attribute '{name}': PyTorch has torch.{owner}.{name}, weft does not (yet)"
        )
        self._name = name

    def __get__(self, instance: object, owner: type) -> NoReturn:
        raise AttributeError(self._message, name=self._name, obj=instance if instance is not None else owner)


def mark_absent(cls: Any) -> None:
    """Makes a class say which attributes PyTorch's class of the same name has and it has not; `dir(instance)` leaves
    them out.
    """
    prefix = f"{cls.__name__}."
    names = {path.removeprefix(prefix) for path in _absent_names() if path.startswith(prefix)}
    absent_here = {name for name in names if not hasattr(cls, name)}
    for name in absent_here:
        setattr(cls, name, _AbsentAttribute(cls.__name__, name))
    cls.__dir__ = lambda self: [name for name in object.__dir__(self) if name not in absent_here]


@functools.cache
def _absent_names() -> frozenset[str]:
    """PyTorch's public names that weft lacks, as `python -m tests.parity.coverage` found them."""
    return frozenset(Path(__file__).with_name("_absent.txt").read_text(encoding="utf-8").split())
