"""Tensors from Python's numbers and lists, and from NumPy's arrays."""

from __future__ import annotations

import sys
from typing import Any

from weft import _core
from weft._core import Tensor
from weft._core import dtype as Dtype
from weft._device import DeviceLike, check_cpu

__all__ = ["as_tensor", "asarray", "from_numpy", "frombuffer", "is_tensor", "tensor"]


def tensor(
    data: Any,
    *,
    dtype: Dtype | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor holding a copy of data.

    Args:
        data: a number, nested sequences of numbers, an array, or a tensor.
        dtype: of the elements; inferred when None (floats give the default dtype, integers int64).
        device: only the CPU.
        requires_grad: whether to compute gradients for it.
        pin_memory: accepted and without effect.
    Raises:
        ValueError: nested sequences of different lengths.
        TypeError: something in data is no number.

    >>> weft.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    check_cpu(device)
    result = _core._tensor(data, dtype)
    if requires_grad:
        result.requires_grad = True
    return result


def as_tensor(data: Any, dtype: Dtype | None = None, device: DeviceLike = None) -> Tensor:
    """data as a tensor, sharing memory with a tensor or NumPy array of that dtype.

    >>> x = weft.ones(2)
    >>> weft.as_tensor(x) is x
    True
    """
    check_cpu(device)
    if isinstance(data, Tensor):
        return data if dtype is None or dtype is data.dtype else data.to(dtype)
    if hasattr(data, "__array_interface__"):
        shared = from_numpy(data)
        return shared if dtype is None or dtype is shared.dtype else shared.to(dtype)
    return _core._tensor(data, dtype)


def asarray(
    obj: Any,
    *,
    dtype: Dtype | None = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """obj as a tensor: shared where possible unless copy is True; raises ValueError where copy=False cannot be.

    >>> weft.asarray([1, 2]).tolist()
    [1, 2]
    """
    result = as_tensor(obj, dtype, device)
    shares = isinstance(obj, Tensor) and result is obj
    shares = shares or (hasattr(obj, "__array_interface__") and result.data_ptr() == obj.__array_interface__["data"][0])
    if copy is False and not shares:
        raise ValueError("asarray(): copy=False, but the data cannot be shared as a tensor of that dtype")
    if copy and shares:
        result = result.clone()
    if requires_grad:
        result = result.detach().requires_grad_()
    return result


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor over the memory of a NumPy array: each sees what the other writes.

    Raises:
        TypeError: not an array, or elements that no dtype of weft can hold.
        ValueError: negative strides.

    >>> import numpy
    >>> weft.from_numpy(numpy.arange(3)).tolist()
    [0, 1, 2]
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(ndarray, numpy.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    return _core._from_buffer(ndarray)


def frombuffer(buffer: Any, *, dtype: Dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A 1-dim tensor over the bytes of an object with the buffer protocol.

    >>> weft.frombuffer(bytearray(b"ab"), dtype=weft.uint8).tolist()
    [97, 98]
    """
    try:
        view = memoryview(buffer).cast("B")
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    size = dtype.itemsize
    if not 0 <= offset < len(view):
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({len(view)} bytes) minus 1"
        )
    if count < 0 and (len(view) - offset) % size != 0:
        raise ValueError(
            f"buffer length ({len(view) - offset} bytes) after offset ({offset} bytes) must be a multiple of element size "
            f"({size})"
        )
    length = (len(view) - offset) // size if count < 0 else count
    if length == 0 or offset + length * size > len(view):
        raise ValueError(
            f"requested buffer length ({length} * {size} bytes) after offset ({offset} bytes) must not be greater than "
            f"actual buffer length ({len(view)} bytes)"
        )
    result = _core._from_buffer(view[offset : offset + length * size]).view(dtype)
    result.requires_grad = requires_grad
    return result


def is_tensor(obj: Any) -> bool:
    """Whether obj is a weft.Tensor."""
    return isinstance(obj, Tensor)
