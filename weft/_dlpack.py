"""DLPack: memory shared with other libraries. NumPy speaks the protocol for both sides."""

from __future__ import annotations

from typing import Any

from weft import _core
from weft._arguments import refuse
from weft._core import Tensor

__all__ = ["from_dlpack", "to_dlpack"]

_CPU = (1, 0)


class _Capsule:
    """Gives a capsule to who expects an object with the protocol."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor over the memory of another library's array, or of a capsule that to_dlpack gave.

    Raises:
        BufferError: an element type that NumPy does not know, or memory that is not the CPU's.

    >>> import numpy
    >>> weft.from_dlpack(numpy.arange(3)).tolist()
    [0, 1, 2]
    """
    import numpy

    if isinstance(ext_tensor, Tensor):
        shared = ext_tensor.detach()
    else:
        source = ext_tensor if hasattr(ext_tensor, "__dlpack__") else _Capsule(ext_tensor)
        shared = _core._from_buffer(numpy.from_dlpack(source))
    return shared.clone() if copy else shared


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule over a tensor's memory, to be used once.

    >>> weft.from_dlpack(weft.to_dlpack(weft.ones(2))).tolist()
    [1.0, 1.0]
    """
    if not isinstance(tensor, Tensor):
        refuse("to_dlpack", "tensor", 0, tensor)
    return __dlpack__(tensor)


def __dlpack__(self: Tensor, *, stream: Any = None, **options: Any) -> Any:
    """A capsule over self's memory: the protocol's method."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    try:
        return self.numpy().__dlpack__(**options)
    except TypeError:  # a NumPy that does not know the newer options
        if options.get("copy"):
            return self.clone().numpy().__dlpack__()
        return self.numpy().__dlpack__()


def __dlpack_device__(self: Tensor) -> tuple[int, int]:
    """The CPU, in the protocol's numbers."""
    return _CPU
