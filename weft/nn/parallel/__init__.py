"""Modules over several devices, on the one that weft has: the CPU.

A program that wraps its model runs unchanged; the names in its state_dict begin with "module.", as in PyTorch.
"""

from __future__ import annotations

from weft.nn.parallel.data_parallel import DataParallel, data_parallel
from weft.nn.parallel.distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]
