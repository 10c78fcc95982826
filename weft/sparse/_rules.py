"""What sparse tensors answer to the functions and methods of weft: everything but products and sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor, _core
from weft.sparse._create import from_dense
from weft.sparse._tensor import CooTensor, CsrTensor, SparseTensor, rule

__all__ = ["repeated_runs"]


def _refuse(name: str, reason: str) -> NotImplementedError:
    return NotImplementedError(f"{name}: not implemented for sparse tensors {reason}; densify with to_dense()")


def _coo(tensor: Tensor) -> CooTensor:
    """A sparse tensor as coordinates."""
    if isinstance(tensor, CooTensor):
        return tensor
    if isinstance(tensor, CsrTensor):
        return tensor.to_sparse_coo()
    return from_dense(tensor)


def _like(result: CooTensor, model: Tensor) -> Any:
    """A result in the layout of an operand."""
    return result.to_sparse_csr() if isinstance(model, CsrTensor) else result


def _is_number(value: Any) -> bool:
    return not isinstance(value, Tensor) or (value.dim() == 0 and not isinstance(value, SparseTensor))


def repeated_runs(starts: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """For runs of elements one after the other: which run each is of, and starts[run] + its place in it."""
    run = _core.arange(lengths.numel()).repeat_interleave(lengths)
    before = lengths.cumsum(0) - lengths
    return run, _core.arange(run.numel()) + (starts - before).index_select(0, run)


# Functions that are zero at zero: they are of the values alone. Linear ones need no coalescing.
def _unary(name: str, coalesce: bool) -> None:
    function = getattr(Tensor, name)

    def apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        source = self.coalesce() if coalesce and isinstance(self, CooTensor) else self
        return source._with(function(source._v, *args, **kwargs))

    apply.__name__, apply.__doc__ = name, f"{name} of the values."
    rule(name)(apply)


for _linear in ("neg", "conj", "positive", "real", "imag"):
    _unary(_linear, coalesce=False)
for _bent in (
    "abs", "absolute", "angle", "asin", "asinh", "arcsin", "arcsinh", "atan", "atanh", "arctan", "arctanh", "ceil", "deg2rad", "erf",
    "erfinv", "expm1", "fix", "floor", "frac", "isinf", "isnan", "isneginf", "isposinf", "log1p", "nan_to_num", "rad2deg", "relu",
    "round", "sgn", "sign", "signbit", "sin", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
):  # fmt: skip
    _unary(_bent, coalesce=True)
rule("__neg__")(SparseTensor.neg)
rule("__abs__")(SparseTensor.abs)


@rule("pow", "__pow__")
def _pow(self: Any, exponent: Any) -> Any:
    if not _is_number(exponent) or float(exponent) <= 0:
        raise _refuse("pow", "to powers other than positive numbers")
    source = self.coalesce() if isinstance(self, CooTensor) else self
    return source._with(source._v.pow(exponent))


def _same_shape(op: str, a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise RuntimeError(f"{op}: expected sizes of 'self' and 'other' to match, but {a.shape} != {b.shape}")


def _scaled(values: Tensor, alpha: Any) -> Tensor:
    return values if isinstance(alpha, int) and alpha == 1 else values * alpha


@rule("add", "__add__")
def _add(self: Any, other: Any, *, alpha: Any = 1) -> Any:
    if isinstance(self, SparseTensor) and not isinstance(other, SparseTensor):
        if not _is_number(other) and self.shape == other.shape and alpha == 1:
            return _added(other, self, 1)  # the engine adds gradients in either order
        raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
    _same_shape("add", self, other)
    if not isinstance(self, SparseTensor):
        return _added(self, other, alpha)
    a, b = _coo(self), _coo(other)
    if a.dense_dim() != b.dense_dim():
        raise RuntimeError(
            f"add: expected 'self' and 'other' to have same number of dense dims, got {a.dense_dim()} and {b.dense_dim()}"
        )
    dtype = weft.promote_types(a.dtype, b.dtype)
    values = weft.cat([a._v.to(dtype), _scaled(b._v.to(dtype), alpha)])
    return _like(CooTensor.make(weft.cat([a._i, b._i], 1), values, a.shape), self)


rule("__radd__")(lambda self, other: _add(other, self))


def _flat(dense: Tensor, sparse: CooTensor) -> tuple[int, ...]:
    """The shape of a dense tensor with the dimensions that indices name as one."""
    return (math.prod(dense.shape[: sparse.sparse_dim()]), *dense.shape[sparse.sparse_dim() :])


def _added(dense: Tensor, other: SparseTensor, alpha: Any) -> Tensor:
    sparse = _coo(other)
    dtype = weft.promote_types(dense.dtype, sparse.dtype)
    values = _scaled(sparse._v.to(dtype), alpha)
    return dense.to(dtype).reshape(_flat(dense, sparse)).index_add(0, sparse._keys(), values).reshape(dense.shape)


@rule("add_", "__iadd__")
def _add_in_place(self: Any, other: Any, *, alpha: Any = 1) -> Any:
    if isinstance(self, SparseTensor):
        return self._become(_add(self, other, alpha=alpha))
    _same_shape("add_", self, other)
    if not self.is_contiguous() or self.requires_grad:
        return self.copy_(_added(self, other, alpha))
    sparse = _coo(other)
    self.view(_flat(self, sparse)).index_add_(0, sparse._keys(), _scaled(sparse._v.to(self.dtype), alpha))
    return self


@rule("sub", "subtract", "__sub__")
def _sub(self: Any, other: Any, *, alpha: Any = 1) -> Any:
    return _add(self, other, alpha=-alpha)


rule("__rsub__")(lambda self, other: _sub(other, self))


@rule("sub_", "subtract_", "__isub__")
def _sub_in_place(self: Any, other: Any, *, alpha: Any = 1) -> Any:
    return _add_in_place(self, other, alpha=-alpha)


@rule("mul", "multiply", "__mul__", "__rmul__")
def _mul(self: Any, other: Any) -> Any:
    if not isinstance(self, SparseTensor):
        self, other = other, self
    if _is_number(other):
        return self._with(self._v * other)
    if isinstance(other, SparseTensor):
        _same_shape("mul", self, other)
        return _like(_intersection(_coo(self).coalesce(), _coo(other).coalesce()), self)
    source = _coo(self).coalesce()
    factors = other.expand(self.shape).reshape(_flat(self, source)).index_select(0, source._keys())
    return _like(source._with(source._v * factors), self)


def _intersection(a: CooTensor, b: CooTensor) -> CooTensor:
    """The products of what both have."""
    mine, theirs = a._keys(), b._keys()
    if theirs.numel() == 0:
        return CooTensor.make(b._i, (b._v * b._v).to(weft.promote_types(a.dtype, b.dtype)), a.shape, True)
    at = weft.searchsorted(theirs, mine).clamp_max(theirs.numel() - 1)
    both = (theirs.index_select(0, at) == mine).nonzero().reshape(-1)
    values = a._v.index_select(0, both) * b._v.index_select(0, at.index_select(0, both))
    return CooTensor.make(a._i.index_select(1, both), values, a.shape, True)


@rule("div", "divide", "true_divide", "__truediv__")
def _div(self: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    if not isinstance(self, SparseTensor) or not _is_number(other):
        raise RuntimeError("Sparse division requires a scalar or zero-dim dense tensor divisor")
    source = self.coalesce() if rounding_mode is not None and isinstance(self, CooTensor) else self
    return source._with(source._v.div(other, rounding_mode=rounding_mode))


@rule("mul_", "multiply_", "__imul__")
def _mul_in_place(self: Any, other: Any) -> Any:
    if not isinstance(self, SparseTensor):
        raise _refuse("mul_", "as the factor of a dense tensor")
    return self._become(_mul(self, other))


@rule("__itruediv__", "div_")
def _div_in_place(self: Any, other: Any) -> Any:
    return self._become(_div(self, other))


@rule("detach")
def _detach(self: Any) -> Any:
    return self._with(self._v.detach())


@rule("detach_")
def _detach_in_place(self: Any) -> Any:
    self._v = self._v.detach()
    return self


@rule("zero_")
def _zero(self: Any) -> Any:
    return self._become(_zeros_like(self))


@rule("zeros_like", "empty_like")
def _zeros_like(self: Any, *, dtype: Any = None, **_: Any) -> Any:
    source = _coo(self)
    values = _core.zeros((0, *source._v.shape[1:]), dtype=self.dtype if dtype is None else dtype)
    return _like(CooTensor.make(source._i[:, :0], values, self.shape, True), self)


@rule("copy_")
def _copy(self: Any, source: Any, non_blocking: bool = False) -> Any:
    if isinstance(self, SparseTensor) and isinstance(source, SparseTensor):
        return self._become(_like(_coo(source), self))
    raise _refuse("copy_", "from or to dense ones")


@rule("equal")
def _equal(self: Any, other: Any) -> bool:
    if self.layout is not other.layout or self.shape != other.shape:
        return False
    a, b = _coo(self).coalesce(), _coo(other).coalesce()
    return a._v.shape == b._v.shape and bool((a._i == b._i).all()) and bool((a._v == b._v).all())


@rule("any")
def _any(self: Any) -> Any:
    return (_coo(self).coalesce()._v != 0).any()


@rule("norm")
def _norm(self: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    if dim is not None or keepdim:
        raise _refuse("norm", "over some of the dimensions")
    return _coo(self).coalesce()._v.reshape(-1).norm(2 if p == "fro" else p, dtype=dtype)


@rule("t")
def _t(self: Any) -> Any:
    if self.dim() > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {self.dim()}")
    return self if self.dim() < 2 else _permute(self, (1, 0))


@rule("transpose", "swapaxes", "swapdims")
def _transpose(self: Any, dim0: int, dim1: int) -> Any:
    order = list(range(self.dim()))
    a, b = _dim(self, dim0), _dim(self, dim1)
    order[a], order[b] = b, a
    return _permute(self, order)


@rule("permute")
def _permute(self: Any, *dims: Any) -> Any:
    order = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    order = [_dim(self, d) for d in order]
    if sorted(order) != list(range(self.dim())):
        raise RuntimeError(f"permute(sparse_coo): repeated or missing dimensions in {order}")
    source = _coo(self)
    n = source.sparse_dim()
    if any((to < n) != (d < n) for to, d in enumerate(order)):
        raise RuntimeError(
            "permute: an operation between sparse and dense dimensions is not allowed for sparse tensors"
        )
    if order == list(range(self.dim())):
        return self
    values = source._v.permute(0, *(d - n + 1 for d in order[n:])) if order[n:] else source._v
    indices = source._i.index_select(0, weft.tensor(order[:n]))
    return _like(CooTensor.make(indices, values, [self.shape[d] for d in order]), self)


def _reversed(self: Any) -> Any:
    """The transpose."""
    return _permute(self, tuple(reversed(range(self.dim()))))


SparseTensor.T = property(_reversed)  # type: ignore[assignment, method-assign]  # an attribute there too
SparseTensor.mT = property(lambda self: _transpose(self, -2, -1))  # type: ignore[assignment, method-assign]


def _dim(self: Tensor, dim: int, extra: int = 0) -> int:
    n = self.dim() + extra
    if not -n <= dim < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})")
    return dim % n


def _sparse_dim(op: str, self: CooTensor, dim: int) -> int:
    d = _dim(self, dim)
    if d >= self.sparse_dim():
        raise _refuse(op, "along their dense dimensions")
    return d


@rule("unsqueeze")
def _unsqueeze(self: Any, dim: int) -> Any:
    source, d = _coo(self), _dim(self, dim, 1)
    shape = (*self.shape[:d], 1, *self.shape[d:])
    n = source.sparse_dim()
    if d > n:
        return CooTensor.make(source._i, source._v.unsqueeze(d - n + 1), shape, source._coalesced)
    row = _core.zeros((1, source._i.size(1)), dtype=_core.int64)
    return CooTensor.make(weft.cat([source._i[:d], row, source._i[d:]]), source._v, shape, source._coalesced)


@rule("select")
def _select(self: Any, dim: int, index: int) -> Any:
    source, d = _coo(self), _dim(self, dim)
    size, n = self.shape[d], source.sparse_dim()
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {tuple(self.shape)} at dimension {d}"
        )
    shape = (*self.shape[:d], *self.shape[d + 1 :])
    if d >= n:
        return CooTensor.make(source._i, source._v.select(d - n + 1, index), shape, source._coalesced)
    at = (source._i[d] == index % size).nonzero().reshape(-1)
    values = source._v.index_select(0, at)
    if n == 1:
        return values.sum(0)
    indices = weft.cat([source._i[:d], source._i[d + 1 :]]).index_select(1, at)
    return CooTensor.make(indices, values, shape, source._coalesced)


@rule("__getitem__")
def _getitem(self: Any, index: Any) -> Any:
    for i in index if isinstance(index, tuple) else (index,):
        if isinstance(i, bool) or not hasattr(type(i), "__index__") or (isinstance(i, Tensor) and i.dim()):
            raise _refuse("indexing", f"by {type(i).__name__}")
        self = _select(self, 0, i.__index__()) if isinstance(self, SparseTensor) else self[i.__index__()]
    return self


@rule("unbind")
def _unbind(self: Any, dim: int = 0) -> Any:
    return tuple(_select(self, dim, i) for i in range(self.size(dim)))


@rule("index_select")
def _index_select(self: Any, dim: int, index: Tensor) -> Any:
    source = _coo(self)
    d, picks = _sparse_dim("index_select", source, dim), index.reshape(-1)
    size = self.shape[d]
    if picks.numel() and not (int(picks.min()) >= 0 and int(picks.max()) < size):
        raise IndexError("index_select(): index out of range in self")
    row, order = source._i[d].sort(stable=True)
    starts, ends = weft.searchsorted(row, picks), weft.searchsorted(row, picks, right=True)
    pick, place = repeated_runs(starts, ends - starts)
    at = order.index_select(0, place)
    indices = source._i.index_select(1, at)
    indices[d] = pick
    shape = (*self.shape[:d], picks.numel(), *self.shape[d + 1 :])
    return _like(CooTensor.make(indices, source._v.index_select(0, at), shape), self)


@rule("cat", "concat", "concatenate")
def _cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    if not all(isinstance(t, SparseTensor) for t in tensors):
        raise RuntimeError("cat: all tensors must be sparse, or none")
    parts = [_coo(t) for t in tensors]
    first, d = parts[0], _sparse_dim("cat", parts[0], dim)
    indices, offset = [], 0
    for part in parts:
        if part.shape[:d] != first.shape[:d] or part.shape[d + 1 :] != first.shape[d + 1 :]:
            raise RuntimeError(f"cat: sizes must match except in dimension {d}, got {first.shape} and {part.shape}")
        moved = part._i.clone()
        moved[d] += offset
        indices.append(moved)
        offset += part.shape[d]
    shape = (*first.shape[:d], offset, *first.shape[d + 1 :])
    return _like(CooTensor.make(weft.cat(indices, 1), weft.cat([p._v for p in parts]), shape), tensors[0])


@rule("stack")
def _stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    return _cat([_unsqueeze(t, dim) for t in tensors], dim)


@rule("sparse_mask")
def sparse_mask(input: Any, mask: Any) -> Any:
    """The elements of input where mask, a sparse tensor, has some."""
    if not isinstance(mask, SparseTensor):
        raise RuntimeError("sparse_mask: the mask must be a sparse tensor")
    _same_shape("sparse_mask", input, mask)
    pattern = _coo(mask)
    if isinstance(input, SparseTensor):
        ones = pattern.coalesce()
        return _like(_intersection(ones._with(weft.ones_like(ones._v)), _coo(input).coalesce()), mask)
    values = input.reshape(_flat(input, pattern)).index_select(0, pattern._keys())
    return _like(pattern._with(values), mask)


@rule("backward")
def _backward(tensors: Any, grad_tensors: Any = None, *options: Any) -> None:
    weft.autograd.backward(_values(tensors), _values(grad_tensors), *options)


@rule("grad")
def _grad(outputs: Any, inputs: Any, grad_outputs: Any = None, *options: Any) -> Any:
    wanted = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    found = weft.autograd.grad(_values(outputs), _values(wanted), _values(grad_outputs), *options)
    return tuple(
        x._with(g) if isinstance(x, SparseTensor) and g is not None else g for x, g in zip(wanted, found, strict=True)
    )


def _values(tensors: Any) -> Any:
    """What autograd sees of tensors."""
    if isinstance(tensors, SparseTensor):
        return tensors._v
    return tensors if tensors is None or isinstance(tensors, Tensor) else tuple(_values(t) for t in tensors)
