"""Neural networks: modules, their functions, initial values, and utilities."""

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
