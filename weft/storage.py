"""Storages: the memory behind tensors, which views share, as bytes or as elements of one dtype.

>>> x = weft.arange(4)
>>> x[2:].untyped_storage().data_ptr() == x.data_ptr()
True
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from weft import _core
from weft._core import Tensor
from weft._core import dtype as Dtype
from weft._device import cpu, device

__all__ = [
    "BFloat16Storage",
    "BoolStorage",
    "ByteStorage",
    "CharStorage",
    "ComplexDoubleStorage",
    "ComplexFloatStorage",
    "DoubleStorage",
    "FloatStorage",
    "HalfStorage",
    "IntStorage",
    "LongStorage",
    "ShortStorage",
    "TypedStorage",
    "UntypedStorage",
]


class UntypedStorage:
    """Bytes that tensors share.

    Args:
        data: how many bytes, or a sequence of their values; default: none.

    >>> UntypedStorage([1, 2]).tolist()
    [1, 2]
    """

    __slots__ = ("__weakref__", "_bytes")

    def __init__(self, data: int | Sequence[int] = 0, *, device: Any = None) -> None:
        if isinstance(data, int):
            self._bytes: Tensor = _core.empty(data, dtype=_core.uint8)
        else:
            self._bytes = _core._tensor(list(data), _core.uint8)

    @classmethod
    def _of(cls, tensor: Tensor) -> UntypedStorage:
        """The storage of a tensor."""
        self = cls.__new__(cls)
        self._bytes = _core._storage_view(tensor)
        return self

    @classmethod
    def _over(cls, data: Tensor) -> UntypedStorage:
        """A storage that is the memory of a 1-dim uint8 tensor, which may be a part of a larger one."""
        self = cls.__new__(cls)
        self._bytes = data
        return self

    @classmethod
    def from_buffer(cls, buffer: Any, byte_order: str = "native", dtype: Dtype | None = None) -> UntypedStorage:
        """A storage holding a copy of a buffer's bytes."""
        return cls._over(_core._from_buffer(bytearray(buffer)) if len(buffer) else _core.empty(0, dtype=_core.uint8))

    @property
    def device(self) -> device:
        """Always the CPU."""
        return cpu

    @property
    def is_cuda(self) -> bool:
        """Always False."""
        return False

    def nbytes(self) -> int:
        """How many bytes."""
        return self._bytes.numel()

    size = __len__ = nbytes

    def element_size(self) -> int:
        """1: elements are bytes."""
        return 1

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._bytes.data_ptr()

    @property
    def _cdata(self) -> int:
        return self._bytes._storage_ptr()

    def untyped(self) -> UntypedStorage:
        """self."""
        return self

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        return self._bytes.tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, at: Any) -> Any:
        return UntypedStorage._over(self._bytes[at]) if isinstance(at, slice) else self._bytes[at].item()

    def __setitem__(self, at: Any, value: Any) -> None:
        self._bytes[at] = value

    def fill_(self, value: int) -> UntypedStorage:
        """Sets every byte."""
        self._bytes.fill_(value)
        return self

    def copy_(self, source: Any, non_blocking: bool = False) -> UntypedStorage:
        """Takes the bytes of another storage of the same size."""
        self._bytes.copy_(source.untyped()._bytes)
        return self

    def resize_(self, size: int) -> UntypedStorage:
        """Changes the number of bytes; the common ones stay."""
        self._bytes.resize_(size)
        return self

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage._over(self._bytes.clone())

    def cpu(self) -> UntypedStorage:
        """self: it is on the CPU already."""
        return self

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return self._bytes.is_shared()

    def share_memory_(self) -> UntypedStorage:
        """Moves the bytes to memory that other processes can see."""
        self._bytes.share_memory_()
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and (self._cdata, len(self)) == (other._cdata, len(other))

    def __hash__(self) -> int:
        return hash(self._cdata)

    def __copy__(self) -> UntypedStorage:
        return self.clone()

    def __deepcopy__(self, memo: dict[int, Any]) -> UntypedStorage:
        return self.clone()

    def __reduce__(self) -> Any:
        return UntypedStorage.from_buffer, (bytes(memoryview(self._bytes)),)

    def __repr__(self) -> str:
        lines = "".join(f" {value}\n" for value in self.tolist())
        return f"{lines}[{type(self).__module__}.{type(self).__name__}(device=cpu) of size {len(self)}]"


class TypedStorage:
    """A storage seen as elements of one dtype: PyTorch's older interface.

    >>> weft.FloatStorage([1, 2]).tolist()
    [1.0, 2.0]
    """

    _dtype: ClassVar[Dtype | None] = None

    def __init__(self, *args: Any, wrap_storage: UntypedStorage | None = None, dtype: Dtype | None = None) -> None:
        kind = dtype or self._dtype or _core.get_default_dtype()
        self.dtype = kind
        if wrap_storage is not None:
            self._untyped_storage = wrap_storage
        elif args and not isinstance(args[0], int):
            self._untyped_storage = UntypedStorage._of(_core._tensor(list(args[0]), kind))
        else:
            self._untyped_storage = UntypedStorage((args[0] if args else 0) * kind.itemsize)

    def _elements(self) -> Tensor:
        size = len(self)
        return _core._tensor_over_storage(self._untyped_storage._bytes, self.dtype, 0, (size,), (1,))

    @property
    def device(self) -> device:
        """Always the CPU."""
        return cpu

    @property
    def is_cuda(self) -> bool:
        """Always False."""
        return False

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped_storage

    def size(self) -> int:
        """How many elements."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def nbytes(self) -> int:
        """How many bytes."""
        return self._untyped_storage.nbytes()

    def element_size(self) -> int:
        """Bytes of one element."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._untyped_storage.data_ptr()

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def tolist(self) -> list[Any]:
        """The elements."""
        return self._elements().tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def __getitem__(self, at: Any) -> Any:
        value = self._elements()[at]
        return value.tolist() if isinstance(at, slice) else value.item()

    def __setitem__(self, at: Any, value: Any) -> None:
        self._elements()[at] = value

    def fill_(self, value: Any) -> TypedStorage:
        """Sets every element."""
        self._elements().fill_(value)
        return self

    def copy_(self, source: TypedStorage, non_blocking: bool = False) -> TypedStorage:
        """Takes the elements of another storage."""
        self._elements().copy_(source._elements())
        return self

    def resize_(self, size: int) -> TypedStorage:
        """Changes the number of elements."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)
        return self

    def clone(self) -> TypedStorage:
        """A copy."""
        return type(self)(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    def cpu(self) -> TypedStorage:
        """self: it is on the CPU already."""
        return self

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return self._untyped_storage.is_shared()

    def share_memory_(self) -> TypedStorage:
        """Moves the elements to memory that other processes can see."""
        self._untyped_storage.share_memory_()
        return self

    def pickle_storage_type(self) -> str:
        """The name of the class for this dtype."""
        return storage_class_of(self.dtype).__name__

    _pickle_storage_type = pickle_storage_type

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and (self.dtype, self._untyped_storage) == (
            other.dtype,
            other._untyped_storage,
        )

    def __hash__(self) -> int:
        return hash(self._cdata)

    def __deepcopy__(self, memo: dict[int, Any]) -> TypedStorage:
        return type(self)(wrap_storage=copy.deepcopy(self._untyped_storage, memo), dtype=self.dtype)

    def __reduce__(self) -> Any:
        return _rebuild_typed, (self._untyped_storage, self.dtype)

    def __repr__(self) -> str:
        lines = "".join(f" {value}\n" for value in self.tolist())
        return f"{lines}[{type(self).__module__}.{type(self).__name__}(dtype={self.dtype}, device=cpu) of size {len(self)}]"


def _rebuild_typed(storage: UntypedStorage, dtype: Dtype) -> TypedStorage:
    return TypedStorage(wrap_storage=storage, dtype=dtype)


class FloatStorage(TypedStorage):
    """Elements of float32."""

    _dtype = _core.float32


class DoubleStorage(TypedStorage):
    """Elements of float64."""

    _dtype = _core.float64


class HalfStorage(TypedStorage):
    """Elements of float16."""

    _dtype = _core.float16


class BFloat16Storage(TypedStorage):
    """Elements of bfloat16."""

    _dtype = _core.bfloat16


class LongStorage(TypedStorage):
    """Elements of int64."""

    _dtype = _core.int64


class IntStorage(TypedStorage):
    """Elements of int32."""

    _dtype = _core.int32


class ShortStorage(TypedStorage):
    """Elements of int16."""

    _dtype = _core.int16


class CharStorage(TypedStorage):
    """Elements of int8."""

    _dtype = _core.int8


class ByteStorage(TypedStorage):
    """Elements of uint8."""

    _dtype = _core.uint8


class BoolStorage(TypedStorage):
    """Elements of bool."""

    _dtype = _core.bool


class ComplexFloatStorage(TypedStorage):
    """Elements of complex64."""

    _dtype = _core.complex64


class ComplexDoubleStorage(TypedStorage):
    """Elements of complex128."""

    _dtype = _core.complex128


TYPED_STORAGES: dict[Dtype, type[TypedStorage]] = {}
for _kind in TypedStorage.__subclasses__():
    assert _kind._dtype is not None
    TYPED_STORAGES[_kind._dtype] = _kind
    _kind.__module__ = "weft"  # where PyTorch's files say they are


def storage_class_of(dtype: Dtype) -> type[Any]:
    """The class of storages of a dtype; UntypedStorage for dtypes that never had one.

    >>> storage_class_of(weft.float32).__name__
    'FloatStorage'
    """
    return TYPED_STORAGES.get(dtype, UntypedStorage)
