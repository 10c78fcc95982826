"""Neural networks: modules, their functions, initial values, and utilities."""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from weft._lazy import absent as _absent
from weft.nn import functional, init, modules, parameter, utils
from weft.nn.modules import *  # noqa: F403  # the module classes, as listed there
from weft.nn.parameter import (
    Buffer,
    Parameter,
    UninitializedBuffer,
    UninitializedParameter,
)

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "functional",
    "init",
    "modules",
    "parameter",
    "utils",
    *modules.__all__,
]

if _TYPE_CHECKING:  # what is imported when it is first used
    from weft.nn import attention as attention
    from weft.nn import common_types as common_types
    from weft.nn import parallel as parallel
    from weft.nn.parallel import DataParallel as DataParallel
else:

    def __getattr__(name: str) -> _Any:
        if name in ("attention", "common_types", "parallel"):
            return _importlib.import_module(f"weft.nn.{name}")
        if name == "DataParallel":
            return _importlib.import_module("weft.nn.parallel").DataParallel
        raise _absent("weft.nn", name)
