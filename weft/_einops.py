"""Tells einops about tensors when a program imports it: einops asks each known library whether a tensor is its own."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from weft import _core
from weft._core import Tensor

__all__ = ["install"]

_MODULE = "einops._backends"


class _Finder(importlib.abc.MetaPathFinder):
    """Waits for einops' list of libraries to be imported, adds weft to it, and leaves."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The ordinary spec, whose loader registers weft afterwards."""
        if fullname != _MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # for this one module
        return spec


def install() -> None:
    """Registers weft with einops, now or as soon as it is imported."""
    if _MODULE in sys.modules:
        _register(sys.modules[_MODULE])
    else:
        sys.meta_path.insert(0, _Finder())


def _register(backends: Any) -> None:
    class WeftBackend(backends.AbstractBackend):  # type: ignore[misc]  # no types there
        """What einops needs of tensors."""

        framework_name = "weft"

        def is_appropriate_type(self, tensor: Any) -> bool:
            return isinstance(tensor, Tensor)

        def from_numpy(self, x: Any) -> Tensor:
            return _core._from_buffer(x)

        def to_numpy(self, x: Tensor) -> Any:
            return x.detach().numpy()

        def arange(self, start: int, stop: int) -> Tensor:
            return _core.arange(start, stop, dtype=_core.int64)

        def reduce(self, x: Tensor, operation: str, reduced_axes: Any) -> Tensor:
            axes = tuple(reduced_axes)
            if operation in ("min", "max"):
                return x.amin(axes) if operation == "min" else x.amax(axes)
            if operation == "prod":
                for axis in sorted(axes, reverse=True):
                    x = x.prod(axis)
                return x
            if operation in ("sum", "mean", "any", "all"):
                return getattr(x, operation)(axes)
            raise NotImplementedError(f"einops: unknown reduction {operation!r}")

        def transpose(self, x: Tensor, axes: Any) -> Tensor:
            return x.permute(axes)

        def stack_on_zeroth_dimension(self, tensors: Any) -> Tensor:
            return _core.stack(list(tensors))

        def add_axes(self, x: Tensor, n_axes: int, pos2len: dict[int, int]) -> Tensor:
            repeats = [-1] * n_axes
            for axis, length in pos2len.items():
                x = x.unsqueeze(axis)
                repeats[axis] = length
            return x.expand(repeats)

        def tile(self, x: Tensor, repeats: Any) -> Tensor:
            return x.repeat(repeats)

        def concat(self, tensors: Any, axis: int) -> Tensor:
            return _core.cat(list(tensors), axis)

        def is_float_type(self, x: Tensor) -> bool:
            return x.is_floating_point()

        def einsum(self, pattern: str, *x: Tensor) -> Tensor:
            import weft

            return weft.einsum(pattern, *x)

    backends.WeftBackend = WeftBackend  # einops finds subclasses that somebody holds
