"""Autocast for compositions: native operators say it in the table, column `autocast`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from weft import _core
from weft._core import Tensor

__all__ = ["in_float32"]

_F = TypeVar("_F", bound=Callable[..., Any])


def _widened(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in (_core.float16, _core.bfloat16):
        return value.float()
    return value


def in_float32(f: _F) -> _F:
    """f, which under autocast computes in float32."""

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        enabled, dtype, cache = _core._get_autocast()
        if not enabled:
            return f(*args, **kwargs)
        _core._set_autocast(False, dtype, cache)
        try:
            return f(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})
        finally:
            _core._set_autocast(True, dtype, cache)

    return cast(_F, call)
