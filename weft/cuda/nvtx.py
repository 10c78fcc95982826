"""Marks for NVIDIA's profiler: there is none, so they raise, as in PyTorch's build for the CPU."""

from __future__ import annotations

from weft._legacy import refusing

range_push = range_pop = range_start = range_end = mark = range = refusing(
    "NVTX functions not installed. Are you sure you have a CUDA build?", RuntimeError
)
