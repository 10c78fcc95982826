"""The methods of Tensor that are written in Python; importing this module attaches them.

What is hot is native (core/bindings); here stands what happens once per step or on request.
"""

from __future__ import annotations

import copy as _copy
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weft import _core, _dlpack, _printing, _removed, _utils
from weft._core import Tensor
from weft._core import dtype as Dtype
from weft._device import DeviceLike, check_cpu, cpu, device
from weft._legacy import TENSOR_TYPES, new
from weft.storage import TypedStorage, UntypedStorage

__all__: list[str] = []

_CONVERSIONS = {
    "float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "long": "int64",
    "int": "int32", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "cfloat": "complex64",
    "cdouble": "complex128",
}  # fmt: skip


def backward(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Computes the gradients of self and adds them to the leaves' ``.grad``. See weft.autograd.backward."""
    if _core._has_override(self):
        _core._ask_overrides(backward, (self, gradient, retain_graph, create_graph, inputs), {})
    else:
        _core._run_backward(self, gradient, retain_graph, create_graph, inputs, True)


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Any:
    """Calls hook(grad) when the gradient of self is computed; a tensor it returns replaces the gradient.

    Returns:
        A handle whose ``remove()`` takes the hook away.
    """
    return HookHandle(_core._add_tensor_hook(self, hook, False))


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> Any:
    """Calls hook(self) after a gradient was added to ``.grad`` of the leaf self."""
    return HookHandle(_core._add_tensor_hook(self, hook, True))


class HookHandle:
    """Removes a hook; usable as a context manager."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        _core._remove_hook(self._handle)

    def __enter__(self) -> HookHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Sets requires_grad and returns self."""
    self.requires_grad = requires_grad
    return self


def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """to(dtype), to(device), to(device, dtype) or to(other): self in another dtype; see PyTorch's Tensor.to."""
    where = kwargs.pop("device", None)
    wanted: Dtype | None = kwargs.pop("dtype", None)
    rest: list[Any] = []
    for value in args:
        if isinstance(value, Tensor):
            wanted = value.dtype
        elif isinstance(value, str | device) and where is None:
            where = value
        elif isinstance(value, Dtype) or value in (float, int, bool, complex):
            wanted = value
        elif value is not None:
            rest.append(value)
    check_cpu(where)
    other = kwargs.pop("other", None)
    if other is not None:
        wanted = other.dtype
    return _native_to(self, wanted if wanted is not None else self.dtype, *rest, **kwargs)


_native_to = Tensor.to


def _converter(target: Dtype) -> Callable[..., Tensor]:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return _native_to(self, target, memory_format=memory_format)

    convert.__doc__ = f"self as {target}."
    return convert


def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor type, or self converted to a dtype, a tensor type, or one by name ("torch.FloatTensor")."""
    if dtype is None:
        return f"torch.{_TYPE_NAMES[self.dtype]}"
    if dtype in TENSOR_TYPES.values():
        dtype = dtype.dtype
    if isinstance(dtype, str):
        named = {name: known for known, name in _TYPE_NAMES.items() if "cuda" not in dtype}
        if dtype.rpartition(".")[2] not in named:
            raise ValueError(f"type(): unknown tensor type {dtype!r}")
        dtype = named[dtype.rpartition(".")[2]]
    return _native_to(self, dtype)


_TYPE_NAMES = {
    _core.float32: "FloatTensor", _core.float64: "DoubleTensor", _core.float16: "HalfTensor",
    _core.bfloat16: "BFloat16Tensor", _core.int64: "LongTensor", _core.int32: "IntTensor", _core.int16: "ShortTensor",
    _core.int8: "CharTensor", _core.uint8: "ByteTensor", _core.bool: "BoolTensor",
    _core.complex64: "ComplexFloatTensor", _core.complex128: "ComplexDoubleTensor",
}  # fmt: skip


def cpu_(self: Tensor, memory_format: Any = None) -> Tensor:
    """self: it is on the CPU already."""
    return self


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises AssertionError: weft has no GPU."""
    check_cpu("cuda")
    return self


def ipu(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises RuntimeError: weft has no such device."""
    check_cpu("ipu")
    return self


def mtia(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises AssertionError: weft has no such device."""
    check_cpu("mtia")
    return self


def xpu(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """Raises AssertionError: weft has no such device."""
    check_cpu("xpu")
    return self


def record_stream(self: Tensor, stream: Any) -> None:
    """Raises NotImplementedError, as for any tensor of the CPU: its memory belongs to no stream."""
    raise NotImplementedError("record_stream: memory of the CPU belongs to no stream")


def get_device(self: Tensor) -> int:
    """-1: the CPU has no number."""
    return -1


def __rdiv__(self: Tensor, other: Any) -> Tensor:
    """other / self, by a name of Python 2."""
    return self.reciprocal() * other


def __array_wrap__(self: Tensor, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
    """What a function of NumPy that was given a tensor returns: a tensor."""
    return _core._from_buffer(array) if array.dtype.kind in "biufc" else array


def numpy(self: Tensor, *, force: bool = False) -> Any:
    """The NumPy array over the same memory; force=True detaches first.

    >>> weft.ones(2).numpy()
    array([1., 1.], dtype=float32)
    """
    import numpy as np

    return np.asarray(memoryview(self.detach() if force else self))


def __array__(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    array = numpy(self)
    return array if dtype is None else array.astype(dtype, copy=False)


def __repr__(self: Tensor) -> str:
    return _printing.tensor_str(self)


def __format__(self: Tensor, spec: str) -> str:
    return _printing.tensor_format(self, spec)


def __iter__(self: Tensor) -> Iterator[Tensor]:
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, Tensor | int | float | complex):
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")
    return bool((self == element).any().item())


def __complex__(self: Tensor) -> complex:
    return complex(self.item())


def __deepcopy__(self: Tensor, memo: dict[int, Any]) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
            "If you were attempting to deepcopy a module, this may be because a non-leaf tensor is held by it."
        )
    if id(self) in memo:
        return memo[id(self)]
    with _core_no_grad():
        result = self.detach().clone()
        if type(self) is not Tensor:
            result = _core._as_subclass(type(self), result)
        if self.requires_grad:
            result.requires_grad = True
        if self.grad is not None:
            result.grad = _copy.deepcopy(self.grad, memo)
    result.__dict__.update(_copy.deepcopy(self.__dict__, memo))
    memo[id(self)] = result
    return result


def __copy__(self: Tensor) -> Tensor:
    result = _core._as_subclass(type(self), self.detach())
    result.requires_grad = self.requires_grad
    result.__dict__.update(self.__dict__)
    return result


class _core_no_grad:
    """no_grad without importing weft.autograd, which stands above."""

    def __enter__(self) -> None:
        self._previous = _core.is_grad_enabled()
        _core._set_grad_enabled(False)

    def __exit__(self, *_: object) -> None:
        _core._set_grad_enabled(self._previous)


def _rebuild(
    kind: type[Tensor],
    data: Any,
    dtype: Dtype,
    shape: tuple[int, ...],
    order: tuple[int, ...] | None,
    requires_grad: bool,
) -> Tensor:
    """A pickled tensor back from its bytes, which lie in the order of dimensions that `order` names."""
    view = memoryview(data)
    if view.nbytes == 0:
        tensor = _core.empty(shape, dtype=dtype)
    else:
        tensor = _core._from_buffer(bytearray(view) if view.readonly else view).view(dtype)
        tensor = (
            tensor.view(shape) if order is None else tensor.view([shape[d] for d in order]).permute(_inverse(order))
        )
    tensor = tensor.detach()
    if kind is not Tensor:
        tensor = _core._as_subclass(kind, tensor)
    tensor.requires_grad = requires_grad
    return tensor


def _inverse(order: tuple[int, ...]) -> list[int]:
    return sorted(range(len(order)), key=order.__getitem__)


def __reduce_ex__(self: Tensor, protocol: Any) -> tuple[Any, ...]:
    plain, order = self.detach(), None
    if not plain.is_contiguous():
        strides = plain.stride()
        by_stride = sorted(range(plain.dim()), key=lambda d: (-strides[d], d))
        if (permuted := plain.permute(by_stride)).is_contiguous():
            plain, order = permuted, tuple(by_stride)
    view = memoryview(_core._storage_view(plain) if plain.numel() == 0 else _bytes_of(plain.contiguous()))
    data: Any = bytes(view) if protocol < 5 else pickle.PickleBuffer(view)
    kept = (type(self), data, self.dtype, tuple(self.shape), order, self.requires_grad)
    return _rebuild, kept, self.__dict__ or None


def _bytes_of(contiguous: Tensor) -> Tensor:
    """The elements of a contiguous tensor as bytes."""
    start = contiguous.storage_offset() * contiguous.itemsize
    return _core._storage_view(contiguous)[start : start + contiguous.nbytes]


def _rebuild_from_type_v2(func: Callable[..., Tensor], new_type: type[Tensor], args: Any, state: Any) -> Tensor:
    """A tensor of a subclass, or with attributes, from a file."""
    result = func(*args)
    if type(result) is not new_type:
        result = _core._as_subclass(new_type, result)
    if new_type.__setstate__ is not Tensor.__setstate__:
        result.__setstate__(state)
        return result
    return _utils._set_state(result, state)


def __setstate__(self: Tensor, state: Any) -> None:
    _utils._set_state(self, state)


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory behind self, which its views share.

    >>> len(weft.ones(2).untyped_storage())
    8
    """
    return UntypedStorage._of(self)


def storage(self: Tensor) -> TypedStorage:
    """The memory behind self as elements of its dtype; untyped_storage() is the newer form."""
    return TypedStorage(wrap_storage=UntypedStorage._of(self), dtype=self.dtype)


def storage_type(self: Tensor) -> type[TypedStorage]:
    """The class of storage() for self's dtype: FloatStorage."""
    return next(kind for kind in TypedStorage.__subclasses__() if kind._dtype is self.dtype)


def module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What load_state_dict puts in the place of self when modules swap their tensors: other's values."""
    return other.detach() if assign else self.copy_(other).detach()


def smm(self: Tensor, mat2: Tensor) -> Tensor:
    """weft.smm: the product of a sparse matrix and a dense one, sparse."""
    from weft import sparse

    return sparse.smm(self, mat2)


def ccol_indices(self: Tensor) -> Tensor:
    """Raises RuntimeError: of matrices compressed by columns, which weft does not have."""
    raise RuntimeError(f"ccol_indices expected sparse column compressed tensor layout but got {self.layout}")


def row_indices(self: Tensor) -> Tensor:
    """Raises RuntimeError: of matrices compressed by columns, which weft does not have."""
    raise RuntimeError(f"row_indices expected sparse column compressed tensor layout but got {self.layout}")


def dequantize(self: Tensor) -> Tensor:
    """self in float32: weft has no quantized tensors, and of others PyTorch gives just that."""
    return self.to(_core.float32)


def is_shared(self: Tensor) -> bool:
    """Whether other processes can see self's memory."""
    from weft.multiprocessing import reductions

    return reductions.is_shared(self)


def share_memory_(self: Tensor) -> Tensor:
    """Moves self's memory, and that of its views, where other processes can see it; returns self."""
    from weft.multiprocessing import reductions

    return reductions.share(self)


def set_(
    self: Tensor, source: Any = None, storage_offset: int = 0, size: Sequence[int] | None = None, stride: Any = None
) -> Tensor:
    """Makes self look at the memory of a tensor or storage.

    >>> weft.empty(0).set_(weft.ones(4).untyped_storage(), 1, (2,)).tolist()
    [1.0, 1.0]
    """
    if source is None:
        return _native_set(self, _core.empty(0, dtype=self.dtype))
    if isinstance(source, Tensor) and size is None:
        return _native_set(self, source)
    storage = UntypedStorage._of(source) if isinstance(source, Tensor) else source.untyped()
    shape = (len(storage) // self.itemsize - storage_offset,) if size is None else tuple(size)
    if stride is None:
        stride = _row_major(shape) if shape else ()
    return _native_set(
        self, _core._tensor_over_storage(storage._bytes, self.dtype, storage_offset, shape, tuple(stride))
    )


_native_set = Tensor.set_


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * max(size, 1))
    return tuple(reversed(strides))


def new_tensor(
    self: Tensor, data: Any, *, dtype: Dtype | None = None, device: DeviceLike = None, requires_grad: bool = False
) -> Tensor:
    """A new tensor of self's dtype holding data."""
    check_cpu(device)
    result = _core._tensor(data, dtype if dtype is not None else self.dtype)
    result.requires_grad = requires_grad
    return result


def _attributes() -> dict[str, Any]:
    return {
        "device": property(lambda self: cpu, doc="Always the CPU."),
        "is_cuda": property(lambda self: False),
        "is_cpu": property(lambda self: True),
        "is_mps": property(lambda self: False),
        "is_xpu": property(lambda self: False),
        "is_xla": property(lambda self: False),
        "is_ipu": property(lambda self: False),
        "is_maia": property(lambda self: False),
        "is_mtia": property(lambda self: False),
        "is_vulkan": property(lambda self: False),
        "is_mkldnn": property(lambda self: False),
        "is_nested": property(lambda self: False),
        "new": new,
        "__dlpack__": _dlpack.__dlpack__,
        "__dlpack_device__": _dlpack.__dlpack_device__,
        "is_meta": property(lambda self: False),
        "is_quantized": property(lambda self: False),
        "name": property(lambda self: None),
        "volatile": property(lambda self: False),
        "is_pinned": lambda self: False,
        "pin_memory": lambda self, device=None: self,
        "_typed_storage": storage,
        "_make_subclass": staticmethod(_make_subclass),
        **_removed.METHODS,
        "__array_priority__": 1000,  # NumPy's operators leave it to ours
    }


def _make_subclass(cls: type[Tensor], data: Tensor, requires_grad: bool = False) -> Tensor:
    """The memory of data as a leaf of a subclass."""
    result = _core._as_subclass(cls, data)
    if requires_grad:
        result.requires_grad = True
    return result


def as_subclass(self: Tensor, cls: type[Tensor]) -> Tensor:
    """The same memory, with its history, as an object of a subclass of Tensor."""
    return _core._as_differentiable_subclass(cls, self)


def _attach() -> None:
    for name, function in globals().items():
        if (
            callable(function)
            and getattr(function, "__module__", "") == __name__
            and (not name.startswith("_") or name.startswith("__"))
        ):
            if isinstance(function, type):
                continue
            setattr(Tensor, name.rstrip("_") if name in ("type_", "cpu_") else name, function)
    for name, target in _CONVERSIONS.items():
        setattr(Tensor, name, _converter(getattr(_core, target)))
    for name, value in _attributes().items():
        setattr(Tensor, name, value)


_attach()
