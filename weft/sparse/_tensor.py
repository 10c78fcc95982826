"""What a sparse tensor is: indices and values behind the geometry of a Tensor.

The values carry the history: a sparse tensor is differentiable exactly as far as its values are. See docs/notes/sparse.md.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import weft
from weft import Tensor, _core, _device, _layout
from weft._utils import _rebuild_sparse_tensor

__all__ = ["CooTensor", "CsrTensor", "SparseTensor", "rule"]

_F = TypeVar("_F", bound=Callable[..., Any])

_RULES: dict[str, Callable[..., Any]] = {}


def rule(*names: str) -> Callable[[_F], _F]:
    """Makes a function the answer of sparse tensors to the functions and methods of these names."""

    def register(function: _F) -> _F:
        for name in names:
            _RULES[name] = function
            if name not in _NO_METHODS and name not in SparseTensor.__dict__:
                setattr(SparseTensor, name, function)
        return function

    return register


# Functions of autograd: the methods, or attributes, of these names are others.
_NO_METHODS = ("backward", "grad")


# What an opaque tensor's native object answers for itself: all it knows is shape and dtype.
_GEOMETRY = frozenset(
    {
        "__len__", "dim", "dtype", "element_size", "is_complex", "is_floating_point", "is_inference", "itemsize", "ndim",
        "ndimension", "nelement", "numel", "shape", "size",
    }
)  # fmt: skip


def _name(function: Any) -> str:
    name = getattr(function, "__name__", repr(function))
    return function.__self__.__name__ if name in ("__get__", "__set__") else name


def _own(args: Any, name: str) -> Any:
    """The method of that name when the receiver's class has one other than Tensor's."""
    own = inspect.getattr_static(type(args[0]), name, None) if args else None
    return own if callable(own) and own is not inspect.getattr_static(Tensor, name, None) else None


class SparseTensor(Tensor):
    """A tensor most of whose elements are zero and not kept; made by weft.sparse_coo_tensor and the like."""

    _v: Tensor  # the values, shape (nnz, *dense sizes)

    @classmethod
    def _carrier(cls, values: Tensor, shape: Sequence[int]) -> Any:
        """An object of the shape, without its elements."""
        if any(size < 0 for size in shape):
            raise RuntimeError(f"Trying to create tensor with negative dimension: {list(shape)}")
        plain = _core.zeros((), dtype=values.dtype).expand(tuple(shape))
        result = _core._as_opaque_subclass(cls, plain)
        result._v = values
        return result

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The answer to a call that a sparse tensor takes part in."""
        name = _name(func)
        if name in _GEOMETRY or (name == "grad" and func.__name__ == "__set__"):
            with weft.overrides.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        found = _RULES.get(name) or _own(args, name)
        if found is not None:
            return found(*args, **(kwargs or {}))
        if name.endswith("_") and not name.endswith("__") and name[:-1] in _RULES:
            return args[0]._become(_RULES[name[:-1]](*args, **(kwargs or {})))
        raise NotImplementedError(f"{name}: not implemented for sparse tensors; densify with to_dense()")

    def _with(self, values: Tensor) -> Any:
        """The same pattern with other values."""
        raise NotImplementedError

    def _become(self, other: Any) -> Any:
        """In-place operations: takes over the elements of another sparse tensor."""
        if type(other) is not type(self) or other.shape != self.shape:
            raise RuntimeError("an in-place operation cannot change the layout or the shape of a sparse tensor")
        if self.requires_grad and self.is_leaf and _core.is_grad_enabled():
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        parts = dict(other.__dict__)
        parts["_v"] = other._v.to(self.dtype)
        self.__dict__.clear()
        self.__dict__.update(parts)
        return self

    def values(self) -> Tensor:
        """The elements that are kept, shape (nnz, *dense sizes)."""
        return self._v

    def _nnz(self) -> int:
        return self._v.size(0)

    def dense_dim(self) -> int:
        """The number of dimensions of each of the values."""
        return self._v.dim() - 1

    def sparse_dim(self) -> int:
        """The number of dimensions that indices name."""
        return self.dim() - self.dense_dim()

    @property
    def device(self) -> Any:
        """Always the CPU."""
        return _device.cpu

    @property
    def requires_grad(self) -> bool:
        """Whether the values do."""
        return self._v.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._v.requires_grad = value

    @property
    def grad_fn(self) -> Any:
        """The node that made the values."""
        return self._v.grad_fn

    @property
    def is_leaf(self) -> bool:
        """Whether the values are a leaf."""
        return self._v.is_leaf

    @property
    def grad(self) -> Any:
        """The gradient, of the same pattern, or None."""
        grad = self._v.grad
        return None if grad is None else self._with(grad)

    @grad.setter
    def grad(self, value: Any) -> None:
        self._v.grad = value if value is None else value._v

    @property
    def data(self) -> Any:
        """The same elements, out of autograd's sight."""
        return self._with(self._v.data)

    @data.setter
    def data(self, value: Any) -> None:
        with weft.no_grad():
            self._become(value)

    def retain_grad(self) -> None:
        """Keeps the gradient of a tensor that is no leaf."""
        self._v.retain_grad()

    def register_hook(self, hook: Any) -> Any:
        """Calls hook(grad) when the gradient is computed."""

        def on_values(grad: Tensor) -> Any:
            replaced = hook(self._with(grad))
            return None if replaced is None else replaced._v

        return self._v.register_hook(on_values)

    def stride(self, dim: int | None = None) -> Any:
        """Zeros: a sparse tensor lies in no order."""
        return (0,) * self.dim() if dim is None else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """False."""
        return False

    def numpy(self, *, force: bool = False) -> Any:
        """Refused."""
        raise TypeError(f"can't convert {self._kind} layout tensor to numpy. Use Tensor.to_dense() first.")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.numpy()

    def __repr__(self) -> str:
        from weft.sparse import _printing

        return _printing.sparse_str(self)

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user support the deepcopy protocol")
        if id(self) in memo:
            return memo[id(self)]
        with weft.no_grad():
            result = self.clone()
        result.requires_grad = self.requires_grad
        memo[id(self)] = result
        return result

    def __copy__(self) -> Any:
        return self._with(self._v)

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.to_dense())

    def __iter__(self) -> Any:
        return iter([self[i] for i in range(len(self))])

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """As of dense tensors: the values in another dtype."""
        values = self._v.to(*(a._v if isinstance(a, SparseTensor) else a for a in args), **kwargs)
        return self if values is self._v else self._with(values)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        """The name of the tensor type, or self converted."""
        if dtype is None:
            return f"torch.sparse.{self._v.type().removeprefix('torch.')}"
        return self._with(self._v.type(dtype))

    def clone(self, *, memory_format: Any = None) -> Any:
        """A copy."""
        return self._with(self._v.clone())

    def untyped_storage(self) -> Any:
        """Refused: indices and values have memory of their own."""
        raise NotImplementedError("Cannot access storage of a sparse tensor; its indices and values have one each")

    storage = _typed_storage = untyped_storage

    def is_shared(self) -> bool:
        """Whether other processes see the values."""
        return self._v.is_shared()


class CooTensor(SparseTensor):
    """Elements with their coordinates: layout weft.sparse_coo."""

    _i: Tensor  # the coordinates, int64, shape (sparse dimensions, nnz)
    _coalesced: bool  # whether they are sorted and each occurs once
    _kind = "Sparse"

    @classmethod
    def make(cls, indices: Tensor, values: Tensor, shape: Sequence[int], coalesced: bool = False) -> CooTensor:
        """Unchecked."""
        result = cls._carrier(values, shape)
        result._i, result._coalesced = indices, coalesced
        return result

    def _with(self, values: Tensor) -> CooTensor:
        return CooTensor.make(self._i, values, self.shape, self._coalesced)

    @property
    def is_sparse(self) -> bool:
        """True."""
        return True

    @property
    def layout(self) -> Any:
        """weft.sparse_coo."""
        return _layout.sparse_coo

    def _need_coalesced(self, what: str) -> None:
        if not self._coalesced:
            raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")

    def indices(self) -> Tensor:
        """The coordinates of a coalesced tensor, shape (sparse dimensions, nnz)."""
        self._need_coalesced("indices")
        return self._i

    def values(self) -> Tensor:
        """The elements of a coalesced tensor, shape (nnz, *dense sizes)."""
        self._need_coalesced("values")
        return self._v

    def _indices(self) -> Tensor:
        return self._i

    def _values(self) -> Tensor:
        return self._v.detach()

    def is_coalesced(self) -> bool:
        """Whether coordinates are sorted and each occurs once."""
        return self._coalesced

    def _coalesced_(self, coalesced: bool) -> CooTensor:
        self._coalesced = coalesced
        return self

    def _keys(self) -> Tensor:
        """Each coordinate as its place in row-major order."""
        sizes = self.shape[: self._i.size(0)]
        keys = _core.zeros(self._i.size(1), dtype=_core.int64)
        for row, size in zip(self._i, sizes, strict=True):
            keys = keys * size + row
        return keys

    def coalesce(self) -> CooTensor:
        """Coordinates sorted, with the sum of the values that had the same.

        >>> s = weft.sparse_coo_tensor([[1, 0, 1]], [1.0, 2.0, 3.0], (2,))
        >>> s.coalesce().values()
        tensor([2., 4.])
        """
        if self._coalesced:
            return self
        keys, order = self._keys().sort(stable=True)
        new = _core.ones(keys.numel(), dtype=_core.bool)
        new[1:] = keys[1:] != keys[:-1]
        first = new.nonzero().reshape(-1)
        values = self._v.index_select(0, order)
        if first.numel() < keys.numel():
            sums = _core.zeros((first.numel(), *values.shape[1:]), dtype=values.dtype)
            values = sums.index_add(0, new.cumsum(0) - 1, values)
        return CooTensor.make(self._i.index_select(1, order.index_select(0, first)), values, self.shape, True)

    def clone(self, *, memory_format: Any = None) -> CooTensor:
        """A copy."""
        return CooTensor.make(self._i.clone(), self._v.clone(), self.shape, self._coalesced)

    @functools.cached_property
    def _rows(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """crow_indices and col_indices of a matrix, and the order in which its values go with them."""
        row, col = self._i[0], self._i[1]
        order = None
        if not self._coalesced:
            row, order = row.sort(stable=True)
            col = col.index_select(0, order)
        return _compressed(row, self.size(0)), col.contiguous(), order

    def to_dense(self, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
        """All elements, shape self.shape."""
        sizes = self.shape[: self._i.size(0)]
        dense = self.shape[self._i.size(0) :]
        flat = _core.zeros((math.prod(sizes), *dense), dtype=self._v.dtype)
        result = flat.index_add(0, self._keys(), self._v) if self._v.dtype != _core.bool else self._any(flat)
        result = result.reshape(tuple(self.shape))
        return result if dtype is None else result.to(dtype)

    def _any(self, flat: Tensor) -> Tensor:
        return flat.to(_core.uint8).index_add(0, self._keys(), self._v.to(_core.uint8)) != 0

    def to_sparse(
        self, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
    ) -> Any:
        """self, or self in another sparse layout."""
        return self.to_sparse_csr() if layout is _layout.sparse_csr else self._only_coo(layout)

    def _only_coo(self, layout: Any) -> CooTensor:
        if layout not in (None, _layout.sparse_coo):
            raise NotImplementedError(f"to_sparse: not implemented for layout {layout}; weft has COO and CSR")
        return self

    def to_sparse_coo(self) -> CooTensor:
        """self."""
        return self

    def to_sparse_csr(self, dense_dim: int | None = None) -> CsrTensor:
        """self, a matrix, as compressed rows."""
        if self.sparse_dim() != 2:
            raise RuntimeError(f"to_sparse_csr: expected two sparse dimensions, got {self.sparse_dim()}")
        matrix = self.coalesce()
        return CsrTensor.make(_compressed(matrix._i[0], self.size(0)), matrix._i[1], matrix._v, self.shape)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild_sparse_tensor, (self.layout, (self._i, self._v.detach(), self.shape, self._coalesced))


class CsrTensor(SparseTensor):
    """A matrix in compressed rows: layout weft.sparse_csr."""

    _crow: Tensor  # where each row starts among the values, and the last ends; shape (rows + 1,)
    _col: Tensor  # the column of each value, shape (nnz,)
    _kind = "SparseCsr"

    @classmethod
    def make(cls, crow: Tensor, col: Tensor, values: Tensor, shape: Sequence[int]) -> CsrTensor:
        """Unchecked."""
        result = cls._carrier(values, shape)
        result._crow, result._col = crow, col
        return result

    def _with(self, values: Tensor) -> CsrTensor:
        return CsrTensor.make(self._crow, self._col, values, self.shape)

    @property
    def is_sparse_csr(self) -> bool:
        """True."""
        return True

    @property
    def layout(self) -> Any:
        """weft.sparse_csr."""
        return _layout.sparse_csr

    def crow_indices(self) -> Tensor:
        """Where each row starts among the values, and the last ends; shape (rows + 1,)."""
        return self._crow

    def col_indices(self) -> Tensor:
        """The column of each value, shape (nnz,)."""
        return self._col

    @property
    def _rows(self) -> tuple[Tensor, Tensor, Tensor | None]:
        return self._crow, self._col, None

    def to_dense(self, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
        """All elements, shape self.shape."""
        return self.to_sparse_coo().to_dense(dtype)

    def to_sparse_coo(self) -> CooTensor:
        """self as coordinates."""
        counts = self._crow.diff()
        row = _core.arange(self.size(0)).repeat_interleave(counts)
        return CooTensor.make(weft.stack([row, self._col.to(_core.int64)]), self._v, self.shape, False).coalesce()

    def to_sparse(
        self, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
    ) -> Any:
        """self as coordinates, or in the layout named."""
        return self if layout is _layout.sparse_csr else self.to_sparse_coo()._only_coo(layout)

    def to_sparse_csr(self, dense_dim: int | None = None) -> CsrTensor:
        """self."""
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild_sparse_tensor, (self.layout, (self._crow, self._col, self._v.detach(), self.shape))


def _compressed(rows: Tensor, count: int) -> Tensor:
    """Where each of `count` rows starts in a sorted list of row numbers."""
    return weft.searchsorted(rows.contiguous(), _core.arange(count + 1))
