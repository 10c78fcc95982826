"""weft.special: the native functions of the namespace, and those composed in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from weft._compose import exports
from weft._core.special import *  # noqa: F403
from weft._lazy import absent as _absent

globals().update(exports("special"))


if not _TYPE_CHECKING:  # to a type checker a name that is not there is an error

    def __getattr__(name: str) -> _Any:
        raise _absent("weft.special", name)
