"""What files and pickles call to make tensors again, under the names that PyTorch's files use."""

from __future__ import annotations

from typing import Any

import weft
from weft import _core
from weft._core import Tensor
from weft._core import dtype as Dtype
from weft.storage import TypedStorage

__all__: list[str] = []


def _rebuild_tensor(storage: Any, storage_offset: int, size: Any, stride: Any, dtype: Dtype | None = None) -> Tensor:
    """A tensor over a storage."""
    kind = dtype if dtype is not None else storage.dtype
    return _core._tensor_over_storage(storage.untyped()._bytes, kind, storage_offset, tuple(size), tuple(stride))


def _rebuild_tensor_v2(
    storage: TypedStorage,
    storage_offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    metadata: dict[str, bool] | None = None,
) -> Tensor:
    """A tensor over a typed storage."""
    return _finish(_rebuild_tensor(storage, storage_offset, size, stride), requires_grad, metadata)


def _rebuild_tensor_v3(
    storage: Any,
    storage_offset: int,
    size: Any,
    stride: Any,
    requires_grad: bool,
    backward_hooks: Any,
    dtype: Dtype,
    metadata: dict[str, bool] | None = None,
) -> Tensor:
    """A tensor over bytes."""
    return _finish(_rebuild_tensor(storage, storage_offset, size, stride, dtype), requires_grad, metadata)


def _rebuild_sparse_tensor(layout: Any, data: Any) -> Tensor:
    """A sparse tensor from its parts, which are checked: they may come from a file."""
    if layout is weft.sparse_coo:
        indices, values, size, *coalesced = data
        return weft.sparse_coo_tensor(
            indices, values, size, is_coalesced=bool(coalesced and coalesced[0]), check_invariants=True
        )
    if layout is weft.sparse_csr:
        return weft.sparse_csr_tensor(*data)
    raise NotImplementedError(f"rebuilding sparse tensor for layout {layout}; weft has COO and CSR")


def _finish(tensor: Tensor, requires_grad: bool, metadata: dict[str, bool] | None) -> Tensor:
    for name in metadata or ():
        if name == "conj":
            tensor = _core.conj(tensor)
        elif name == "neg":
            tensor = -tensor
        else:
            raise RuntimeError(f"a tensor with the property {name!r} cannot be loaded")
    if requires_grad:
        tensor.requires_grad = True
    return tensor


def _rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Tensor:
    """A parameter; hooks are never saved."""
    return weft.nn.Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Tensor:
    """A parameter with attributes of its own."""
    return _set_state(weft.nn.Parameter(data, requires_grad), state)


def _set_state(tensor: Tensor, state: Any) -> Tensor:
    """Sets the attributes that copyreg's protocol calls a state: a dictionary, or that and the slots."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        if name.startswith("__"):
            raise AttributeError(f"a tensor's state may not set {name}")
        setattr(tensor, name, value)
    return tensor
