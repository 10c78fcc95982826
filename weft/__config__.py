"""What weft was built with, as text."""

from __future__ import annotations

import weft
from weft import _core


def show() -> str:
    """A few lines about the build.

    >>> weft.__config__.show().splitlines()[0]
    'weft built with:'
    """
    return f"weft built with:\n  - version {weft.__version__}\n  - instruction set in use: {_core._isa()}\n  - CUDA: none\n"


def parallel_info() -> str:
    """A few lines about threads."""
    return f"threads of one operation: {_core.get_num_threads()}\nCPUs this process may use: {_core._allowed_cpus()}\n"
