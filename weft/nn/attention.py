"""Which implementation of attention may run, as PyTorch's programs choose it: weft has one, which serves every choice.

>>> import weft
>>> q = weft.ones(1, 1, 2, 4)
>>> with weft.nn.attention.sdpa_kernel(weft.nn.attention.SDPBackend.MATH):
...     weft.nn.functional.scaled_dot_product_attention(q, q, q).shape
weft.Size([1, 1, 2, 4])
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Sequence

__all__ = ["WARN_FOR_UNFUSED_KERNELS", "SDPBackend", "sdpa_kernel"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.Enum):
    """PyTorch's implementations of scaled_dot_product_attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """Names the implementations that may run inside; weft's own runs whichever they are.

    Raises:
        AssertionError: backends is neither a SDPBackend nor a list of them.
    """
    listed = [backends] if isinstance(backends, SDPBackend) else backends
    if not isinstance(listed, list | tuple) or not all(isinstance(item, SDPBackend) for item in listed):
        raise AssertionError(
            f"sdpa_kernel(): backends must be a SDPBackend or a list of SDPBackend, got {type(backends).__name__}"
        )
    yield
