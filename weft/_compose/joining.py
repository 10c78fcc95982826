"""Tensors stacked, combined, and brought to common shapes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite

_PAIRS = [([(2, 3), (2, 3)],), ([(3,), (3,)],)]


def _tensors(name: str, tensors: Sequence[Any]) -> Sequence[Tensor]:
    """f(a, b) and f([a, b]) mean the same; TypeError for what is no tensor."""
    listed = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors
    for i, tensor in enumerate(listed):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name}(): expected Tensors, but argument {i} is {type(tensor).__name__}")
    return listed


def _raised(name: str, tensors: Any, ndim: int) -> list[Tensor]:
    raise_dims = (atleast_1d, atleast_2d, atleast_3d)[ndim - 1]
    if not len(tensors):
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return [raise_dims(t) for t in tensors]


@composite(method=False, ref="numpy.atleast_1d", samples=[((),), ((2,),)])
def atleast_1d(*tensors: Any) -> Any:
    """Views with at least one dimension.

    >>> weft.atleast_1d(weft.tensor(1)).shape
    weft.Size([1])
    """
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return tensors[0].reshape(1) if tensors[0].dim() == 0 else tensors[0]
    return tuple(atleast_1d(t) for t in _tensors("atleast_1d", tensors))


@composite(method=False, ref="numpy.atleast_2d", samples=[((),), ((2,),), ((2, 3),)])
def atleast_2d(*tensors: Any) -> Any:
    """Views with at least two dimensions; new ones come first.

    >>> weft.atleast_2d(weft.ones(3)).shape
    weft.Size([1, 3])
    """
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        t = tensors[0]
        return t if t.dim() >= 2 else t.reshape(1, -1)
    return tuple(atleast_2d(t) for t in _tensors("atleast_2d", tensors))


@composite(method=False, ref="numpy.atleast_3d", samples=[((),), ((2,),), ((2, 3),), ((1, 2, 3),)])
def atleast_3d(*tensors: Any) -> Any:
    """Views with at least three dimensions: (n) becomes (1, n, 1), (m, n) becomes (m, n, 1).

    >>> weft.atleast_3d(weft.ones(3)).shape
    weft.Size([1, 3, 1])
    """
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        t = tensors[0]
        return t if t.dim() >= 3 else t.unsqueeze(-1) if t.dim() == 2 else t.reshape(1, -1, 1)
    return tuple(atleast_3d(t) for t in _tensors("atleast_3d", tensors))


@composite(out_casts=True, method=False, ref=lambda tensors: __import__("numpy").hstack(tensors), samples=_PAIRS)
def hstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors side by side: along the second dimension, or the first of 1-dim tensors.

    >>> weft.hstack([weft.zeros(1), weft.ones(2)]).tolist()
    [0.0, 1.0, 1.0]
    """
    raised = _raised("hstack", tensors, 1)
    return weft.cat(raised, 0 if raised[0].dim() == 1 else 1)


@composite(
    out_casts=True, method=False, aliases=("row_stack",), ref=lambda t: __import__("numpy").vstack(t), samples=_PAIRS
)
def vstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors one below the other; 1-dim tensors are rows.

    >>> weft.vstack([weft.zeros(2), weft.ones(2)]).shape
    weft.Size([2, 2])
    """
    return weft.cat(_raised("vstack", tensors, 2), 0)


@composite(out_casts=True, method=False, ref=lambda t: __import__("numpy").dstack(t), samples=_PAIRS)
def dstack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors one behind the other, along the third dimension.

    >>> weft.dstack([weft.zeros(2), weft.ones(2)]).shape
    weft.Size([1, 2, 2])
    """
    return weft.cat(_raised("dstack", tensors, 3), 2)


@composite(out_casts=True, method=False, ref=lambda t: __import__("numpy").column_stack(t), samples=_PAIRS)
def column_stack(tensors: Sequence[Tensor], *, out: Tensor | None = None) -> Tensor:
    """The tensors side by side; 0-dim and 1-dim tensors are columns.

    >>> weft.column_stack([weft.zeros(2), weft.ones(2)]).shape
    weft.Size([2, 2])
    """
    listed = _tensors("column_stack", tensors)
    return weft.cat([t.reshape(-1, 1) if t.dim() <= 1 else t for t in listed], 1)


@composite(
    method=False,
    ref=lambda a, b: __import__("scipy.linalg").linalg.block_diag(a, b),
    samples=[((2, 3), (1, 2)), ((2,), ())],
)
def block_diag(*tensors: Tensor) -> Tensor:
    """The matrices along the diagonal of one that is zero elsewhere; 1-dim tensors are rows.

    >>> weft.block_diag(weft.ones(1, 1), weft.ones(1, 2)).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    """
    blocks = [atleast_2d(t) for t in _tensors("block_diag", tensors)]
    for i, block in enumerate(blocks):
        if block.dim() > 2:
            raise RuntimeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {block.dim()} dimensions"
            )
    width = sum(block.size(1) for block in blocks)
    rows, left = [], 0
    for block in blocks:
        rows.append(weft.constant_pad_nd(block, (left, width - left - block.size(1))))
        left += block.size(1)
    return weft.cat(rows, 0) if rows else weft.zeros(1, 0)


@composite(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded to the shape they broadcast to.

    >>> [t.shape for t in weft.broadcast_tensors(weft.zeros(2, 1), weft.zeros(3))]
    [weft.Size([2, 3]), weft.Size([2, 3])]
    """
    listed = _tensors("broadcast_tensors", tensors)
    shape = broadcast_shapes(*(t.shape for t in listed))
    return tuple(t.expand(shape) for t in listed)


@composite(method=False)
def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that tensors of these shapes broadcast to.

    >>> weft.broadcast_shapes((2, 1), (3,))
    weft.Size([2, 3])
    """
    listed = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    out: list[int] = []
    for sizes in itertools.zip_longest(*(reversed(s) for s in listed), fillvalue=1):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
        out.append(wide.pop() if wide else 1)
    return weft.Size(reversed(out))


@composite(method=False)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Grids of coordinates: one tensor for each 1-dim input, which varies along its dimension and repeats along the others.

    Args:
        tensors: 0-dim or 1-dim.
        indexing: "ij" for matrix order, "xy" for the first two dimensions exchanged.

    >>> [t.tolist() for t in weft.meshgrid(weft.arange(2), weft.arange(2), indexing="ij")]
    [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
    """
    axes = [t.reshape(-1) if t.dim() == 0 else t for t in _tensors("meshgrid", tensors)]
    if not axes:
        raise ValueError("meshgrid expects a non-empty TensorList")
    if any(t.dim() != 1 for t in axes):
        raise RuntimeError("meshgrid: Expected 0D or 1D tensor in the tensor list")
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    swap = indexing == "xy" and len(axes) > 1
    if swap:
        axes[0], axes[1] = axes[1], axes[0]
    shape = [t.numel() for t in axes]
    grids = [t.reshape([-1 if k == i else 1 for k in range(len(axes))]).expand(shape) for i, t in enumerate(axes)]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


@composite(method=False, samples=[((2,), (3,)), ((3,),)], big=[((201,), (301,))])
def cartesian_prod(*tensors: Any) -> Tensor:
    """All combinations of elements of 1-dim tensors, one row each.

    >>> weft.cartesian_prod(weft.tensor([1, 2]), weft.tensor([3])).tolist()
    [[1, 3], [2, 3]]
    """
    listed = _tensors("cartesian_prod", tensors)
    if any(t.dim() != 1 for t in listed):
        raise RuntimeError("Expect a 1D vector, but got shapes " + str([tuple(t.shape) for t in listed]))
    if len(listed) == 1:
        return listed[0]
    return weft.stack([grid.flatten() for grid in meshgrid(*listed)], 1)


@composite(method=False, samples=[((4,),), ((4,), 3), ((3,), 2, True), ((2,), 0)], big=[((401,),)])
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a 1-dim tensor, one row each, as itertools.combinations orders them.

    >>> weft.combinations(weft.tensor([1, 2, 3])).tolist()
    [[1, 2], [1, 3], [2, 3]]
    """
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.numel()), r))
    return input[weft.tensor(rows, dtype=weft.int64).reshape(-1)].reshape(len(rows), r)
