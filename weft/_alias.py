"""Lets ``import torch`` mean weft: for programs written for PyTorch.

``torch`` becomes a module of its own with weft's contents, so that it can have PyTorch's version number; ``torch.nn`` and
all below *are* ``weft.nn`` and so on.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

from weft._names import to_weft

__all__ = ["VERSION", "install", "is_installed"]

VERSION = "2.13.0+weft"  # the PyTorch whose API this is


class _Root(types.ModuleType):
    """The module `torch`: weft's names, and those that weft finds when asked."""

    __version__ = VERSION

    def __getattr__(self, name: str) -> Any:
        weft = sys.modules["weft"]
        try:
            value = getattr(weft, name)
        except AttributeError:
            raise AttributeError(f"module 'torch' has no attribute '{name}'", name=name, obj=self) from None
        setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return dir(sys.modules["weft"])


class _Loader(importlib.abc.Loader):
    """Gives a module of weft under its other name."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        """The module of weft, which is imported first if need be."""
        if spec.name == "torch":
            root = _Root("torch", sys.modules["weft"].__doc__)
            root.__dict__.update({k: v for k, v in vars(sys.modules["weft"]).items() if not k.startswith("__")})
            return root
        self._module = importlib.import_module(to_weft(spec.name))
        self._spec = self._module.__spec__
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run; only the spec, which the import system exchanged, is put back."""
        if module.__name__ != "torch":
            module.__spec__ = self._spec


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for `torch`, and for what lies in it and in weft too."""
        if fullname == "torch":
            return importlib.machinery.ModuleSpec(fullname, _Loader(), is_package=True)
        if not fullname.startswith("torch.") or not _exists(to_weft(fullname)):
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader())


def _exists(name: str) -> bool:
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


_finder = _Finder()


def is_installed() -> bool:
    """Whether `torch` means weft in this process."""
    return _finder in sys.meta_path


def install() -> None:
    """Makes `torch` mean weft in this process, and in the processes that multiprocessing starts from it.

    Raises:
        RuntimeError: the real PyTorch has been imported already.
    """
    if is_installed():
        return
    if "torch" in sys.modules:
        raise RuntimeError("PyTorch itself has been imported in this process: `torch` cannot mean weft any more")
    importlib.import_module("weft")._core._show_as_torch()
    sys.meta_path.insert(0, _finder)
    _install_in_children()


def _install_in_children() -> None:
    """Children that do not inherit this process's memory run the program's file again: before that, this is installed."""
    from multiprocessing import forkserver, spawn

    command_line = spawn.get_command_line

    def with_alias(**kwargs: Any) -> list[str]:
        command = command_line(**kwargs)
        at = command.index("-c") + 1
        command[at] = f"from weft._alias import install; install(); {command[at]}"
        return command

    spawn.get_command_line = with_alias
    forkserver.set_forkserver_preload(["__main__", "weft._alias_installed"])
