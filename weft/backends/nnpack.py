"""NNPACK's switch. PyTorch's NNPACK convolves by Winograd's way, and so does weft, with kernels of its own.

float32 convolutions of 3 x 3 at stride 1 with 32 channels or more, and their gradients, take 16 products where 36 are
due (F(2 x 2, 3 x 3): Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016). Errors go
with the largest pixel times the largest weight that a result depends on, not with the largest product: for data of one
size that is the error of the direct way; where a huge pixel meets a tiny weight, digits are lost. Switch it off for such.

>>> with weft.backends.nnpack.flags(enabled=False):
...     out = weft.nn.functional.conv2d(weft.ones(1, 32, 5, 5), weft.ones(32, 32, 3, 3))
>>> out[0, 0, 0, 0].item()
288.0
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from weft import _core
from weft.backends._absent import is_available

__all__ = ["flags", "is_available", "set_flags"]


def set_flags(_enabled: bool) -> tuple[bool]:
    """Whether convolutions of the whole process may go by Winograd's way; returns whether they could before."""
    before = _core._winograd_enabled()
    _core._set_winograd_enabled(_enabled)
    return (before,)


@contextlib.contextmanager
def flags(enabled: bool = False) -> Iterator[None]:
    """The same for a ``with``, in all threads."""
    (before,) = set_flags(enabled)
    try:
        yield
    finally:
        set_flags(before)
