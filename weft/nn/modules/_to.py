"""Reading the arguments of ``Module.to``."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.nn.modules._text import _typename


def _parse_to(
    *args: Any,
    device: Any = None,
    dtype: Any = None,
    tensor: Tensor | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> tuple[Any, Any, bool, Any]:
    """Sort out the arguments of ``Module.to``: (device, dtype, non_blocking, memory_format)."""
    flags = []
    for arg in args:
        if isinstance(arg, bool):
            flags.append(arg)
        elif isinstance(arg, Tensor):
            tensor = arg
        elif isinstance(arg, weft.dtype):
            dtype = arg
        elif isinstance(arg, (str, int, weft.device)):
            device = arg
        elif isinstance(arg, weft.memory_format):
            memory_format = arg
        elif arg is not None:
            raise TypeError(f"to() received an invalid argument of type {_typename(arg)}")
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    if device is not None:
        device = weft.device(device)
    return device, dtype, (flags[0] if flags else non_blocking), memory_format
