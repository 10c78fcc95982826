"""weft.linalg: the native functions of the namespace, and those composed in Python."""

from __future__ import annotations

from weft._compose import exports
from weft._core.linalg import *  # noqa: F403

globals().update(exports("linalg"))
