"""Versions: of weft, and of the toolkits it was built without."""

from __future__ import annotations

import weft

__version__: str = weft.__version__
cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
debug = False
git_version = ""
