"""Names for types that annotations use."""

from __future__ import annotations

import builtins
import os
from typing import IO, Any, TypeAlias

import weft
from weft._device import DeviceLike

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number: TypeAlias = builtins.int | builtins.float | builtins.bool
Device: TypeAlias = DeviceLike
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
Storage: TypeAlias = weft.UntypedStorage | weft.TypedStorage
_TensorOrTensors: TypeAlias = Any
_dtype = weft.dtype
_device = weft.device
_size: TypeAlias = weft.Size | builtins.list[builtins.int] | builtins.tuple[builtins.int, ...]
_int, _float, _bool = builtins.int, builtins.float, builtins.bool
