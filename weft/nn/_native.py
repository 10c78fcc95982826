"""The native functions that ``weft.nn`` is built on: the one place that says where they come from.

First the functions that are PyTorch's own top level, then those that only ``torch.nn.functional`` has.
"""

from __future__ import annotations

from weft._core import *  # noqa: F403
from weft._core.nn import *  # noqa: F403
