"""``make_tensor``: random tensors for tests."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft import dtype as Dtype

__all__ = ["make_tensor"]


def make_tensor(
    *shape: Any,
    dtype: Dtype,
    device: Any = None,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of uniform random numbers in [low, high); by default [-9, 9), for bytes [0, 10), for bool either.

    Raises:
        ValueError: requires_grad with a dtype that has no gradients, or low >= high.

    >>> weft.testing.make_tensor(2, 3, dtype=weft.float32).shape
    weft.Size([2, 3])
    """
    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape
    floating = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not floating:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype}"
        )
    bottom, top = (0.0, 2.0) if dtype is weft.bool else (0.0, 10.0) if dtype is weft.uint8 else (-9.0, 9.0)
    bottom = bottom if low is None else float(low)
    top = top if high is None else float(high)
    if bottom >= top:
        raise ValueError(f"`low` must be less than `high`, but got {bottom} >= {top}")
    drawn = (*size[:-1], 2 * size[-1]) if noncontiguous and size else size
    if dtype.is_complex:
        real = weft.rand(*drawn, 2, dtype=dtype.to_real()) * (top - bottom) + bottom
        result = weft.view_as_complex(real)
    elif floating:
        result = (weft.rand(*drawn) * (top - bottom) + bottom).to(dtype)
    else:
        result = weft.randint(int(bottom), max(int(top), int(bottom) + 1), drawn).to(dtype)
    if noncontiguous and size:
        result = result[..., ::2]
    if exclude_zero:
        result[result == 0] = weft.finfo(dtype).tiny if floating else 1
    if memory_format is not None:
        result = result.clone(memory_format=memory_format)
    return result.requires_grad_(requires_grad)
