"""CUDA's switches: kept, without effect."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

from weft.backends._absent import is_built

__all__ = ["is_built", "matmul", "sdp_kernel"]

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
    fp32_precision="none",
)
cufft_plan_cache = SimpleNamespace(size=0, max_size=0, clear=lambda: None)
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def enable_flash_sdp(enabled: bool) -> None:
    """Remembers the switch."""
    _attention["flash"] = enabled


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Remembers the switch."""
    _attention["mem_efficient"] = enabled


def enable_math_sdp(enabled: bool) -> None:
    """Remembers the switch."""
    _attention["math"] = enabled


def enable_cudnn_sdp(enabled: bool) -> None:
    """Remembers the switch."""
    _attention["cudnn"] = enabled


def flash_sdp_enabled() -> bool:
    """What enable_flash_sdp was told."""
    return _attention["flash"]


def mem_efficient_sdp_enabled() -> bool:
    """What enable_mem_efficient_sdp was told."""
    return _attention["mem_efficient"]


def math_sdp_enabled() -> bool:
    """What enable_math_sdp was told."""
    return _attention["math"]


def cudnn_sdp_enabled() -> bool:
    """What enable_cudnn_sdp was told."""
    return _attention["cudnn"]


def preferred_linalg_library(backend: str | None = None) -> str:
    """Nothing to prefer."""
    return "default"


preferred_blas_library = preferred_linalg_library


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """A `with` that changes nothing: attention has one implementation."""
    yield
