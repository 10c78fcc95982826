"""How tensors cross to other processes: their memory is a file without a name, whose descriptor is sent."""

from __future__ import annotations

import mmap
import os
from multiprocessing import reduction
from typing import Any

import weft
from weft import _core
from weft._core import Tensor
from weft._core import dtype as Dtype

__all__ = ["SharedMemory", "init_reductions", "is_shared", "reduce_tensor", "share"]


class SharedMemory(mmap.mmap):
    """Memory that processes share; it lives as long as one of them maps it."""

    fd: int

    @classmethod
    def create(cls, size: int) -> SharedMemory:
        """New memory, all zero."""
        fd = os.memfd_create("weft", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            return cls.open(fd, size)
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def open(cls, fd: int, size: int) -> SharedMemory:
        """The memory behind a descriptor, which is taken over."""
        self = cls(fd, size)
        self.fd = fd
        return self

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)


def is_shared(tensor: Tensor) -> bool:
    """Whether other processes can see the memory of a tensor."""
    return isinstance(_core._storage_owner(tensor), SharedMemory)


def share(tensor: Tensor) -> Tensor:
    """Moves the storage behind a tensor, with all its views, to shared memory.

    Raises:
        RuntimeError: a NumPy array looks at the memory that it would leave.
    """
    init_reductions()
    size = tensor._storage_bytes()
    if size and not is_shared(tensor):
        _core._move_storage(tensor, SharedMemory.create(size))
    return tensor


def _rebuild(
    kind: type[Tensor], handle: Any, size: int, dtype: Dtype, geometry: tuple[Any, ...], requires_grad: bool, state: Any
) -> Tensor:
    """A received tensor."""
    memory = SharedMemory.open(handle.detach(), size)
    tensor = _core._tensor_over_storage(_core._from_buffer(memory), dtype, *geometry)
    if kind is not Tensor:
        tensor = _core._as_subclass(kind, tensor)
    tensor.requires_grad = requires_grad
    for name, value in (state or {}).items():
        setattr(tensor, name, value)
    return tensor


def reduce_tensor(tensor: Tensor) -> Any:
    """What is sent in the place of a tensor.

    Raises:
        RuntimeError: it has a recorded history, which cannot be sent.
    """
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
            "process boundaries. If you just want to transfer the data, call detach() on the tensor before serializing "
            "(e.g., putting it on the queue)."
        )
    if tensor._storage_bytes() == 0:
        return tensor.__reduce_ex__(4)
    share(tensor)
    memory = _core._storage_owner(tensor)
    geometry = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    handle = reduction.DupFd(memory.fd)
    state = dict(tensor.__dict__) or None
    return _rebuild, (type(tensor), handle, len(memory), tensor.dtype, geometry, tensor.requires_grad, state)


def init_reductions() -> None:
    """Teaches the picklers of multiprocessing about tensors and parameters."""
    for kind in (Tensor, weft.nn.Parameter):
        reduction.ForkingPickler.register(kind, reduce_tensor)
