"""weft.fft: discrete Fourier transforms, composed in weft/_compose/fourier.py of the native ones."""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from weft._compose import exports
from weft._lazy import absent as _absent

globals().update(exports("fft"))


if not _TYPE_CHECKING:  # to a type checker a name that is not there is an error

    def __getattr__(name: str) -> _Any:
        raise _absent("weft.fft", name)
