"""vmap: a function of one example, run on a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import weft
from weft._core import Tensor
from weft.func._batched import Level, batch, current_levels, is_batched, physical_of
from weft.func._rules import RandomnessMode
from weft.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

__all__ = ["vmap"]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that runs func on every example of a batch, as if one by one, with whole batches inside.

    Args:
        func: takes and returns tensors, or nests of them, without the batch dimension.
        in_dims: where the batch lies in the arguments; an int, None for an argument all examples share, or a nest of
            those as deep as the arguments'.
        out_dims: where it shall lie in the results, likewise.
        randomness: what random operations do: "error" raise, "same" draw the same for all, "different" anew for each.
        chunk_size: run so many examples at a time; all by default.
    Raises:
        ValueError: in_dims does not fit the arguments, or the batches differ in size.

    >>> weft.vmap(weft.dot)(weft.ones(2, 3), weft.ones(2, 3))
    tensor([3., 3.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leaves, dims, size, spec = _arguments(func, args, in_dims)
        values, keyword_spec = tree_flatten(kwargs)
        keyword_dims = [0 if isinstance(v, Tensor) else None for v in values]
        for v, d in zip(values, keyword_dims, strict=True):
            if d is not None and (v.dim() == 0 or v.shape[0] != size):
                raise ValueError(
                    f"vmap: Expected all tensors to have the same size in the mapped dimension, got a keyword argument of "
                    f"shape {tuple(v.shape)} for a batch of {size}"
                )

        def chunk(first: int, count: int) -> Any:
            def cut(value: Any, dim: int | None) -> Any:
                return value if dim is None or count == size else value.narrow(dim, first, count)

            inputs = tree_unflatten([cut(v, d) for v, d in zip(leaves, dims, strict=True)], spec)
            keywords = tree_unflatten([cut(v, d) for v, d in zip(values, keyword_dims, strict=True)], keyword_spec)
            return _run(func, inputs, dims, spec, keywords, count, out_dims, randomness)

        if chunk_size is None or chunk_size >= size:
            return _joined([chunk(0, size)])
        return _joined([chunk(i, min(chunk_size, size - i)) for i in range(0, size, chunk_size)])

    return wrapper


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


def _arguments(func: Any, args: tuple[Any, ...], in_dims: Any) -> tuple[list[Any], list[int | None], int, TreeSpec]:
    """The leaves of the arguments, the batch dimension of each, and the size of the batch."""
    if not isinstance(in_dims, int | tuple | list):
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially nested) "
            f"tuple matching the structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over "
            "a function with no inputs. The latter is unsupported."
        )
    leaves, spec = tree_flatten(args)
    dims = _spread(in_dims if isinstance(in_dims, int) else tuple(in_dims), spec)
    if dims is None:
        raise ValueError(
            f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure of "
            f"`inputs`. in_dims has structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    sizes = set()
    for i, (value, dim) in enumerate(zip(leaves, dims, strict=True)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for an input but in_dim must be "
                "either an integer dimension or None."
            )
        if not isinstance(value, Tensor):
            raise ValueError(
                f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for an input but the input is of "
                f"type {type(value)}. We cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -value.dim() <= dim < value.dim():
            raise ValueError(
                f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for some input, but that input is "
                f"a Tensor of dimensionality {value.dim()} so expected in_dim to satisfy -{value.dim()} <= in_dim < "
                f"{value.dim()}."
            )
        dims[i] = dim % value.dim()
        sizes.add(value.shape[dim])
    if not sizes:
        raise ValueError("vmap: at least one input must have a dimension to map over: in_dims has none")
    if len(sizes) > 1:
        raise ValueError(
            f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)}"
        )
    return leaves, dims, sizes.pop(), spec


def _spread(dims: Any, spec: TreeSpec) -> list[Any] | None:
    """dims for every leaf of a tree; None when their structures differ."""
    if dims is None or isinstance(dims, int):
        return [dims] * spec.num_leaves
    if spec.kind is None:
        return None
    if isinstance(dims, dict):
        if not issubclass(spec.kind, dict) or set(dims) != set(spec.context[0]):
            return None
        children = [dims[key] for key in spec.context[0]]
    elif isinstance(dims, tuple | list) and not issubclass(spec.kind, dict):
        children = list(dims)
    else:
        return None
    if len(children) != len(spec.children):
        return None
    spread: list[Any] = []
    for child, child_spec in zip(children, spec.children, strict=True):
        part = _spread(child, child_spec)
        if part is None:
            return None
        spread += part
    return spread


def _run(
    func: Any,
    inputs: Any,
    dims: list[int | None],
    spec: TreeSpec,
    keywords: Any,
    size: int,
    out_dims: Any,
    randomness: str,
) -> tuple[list[Any], list[int], TreeSpec]:
    levels = current_levels()
    level = Level(len(levels) + 1, size, randomness)
    leaves = tree_flatten(inputs)[0]
    batched = [v if d is None else batch(v.movedim(d, 0), level) for v, d in zip(leaves, dims, strict=True)]
    values, keyword_spec = tree_flatten(keywords)
    keyword = tree_unflatten([batch(v, level) if isinstance(v, Tensor) else v for v in values], keyword_spec)
    levels.append(level)
    try:
        with RandomnessMode(level):
            results = func(*tree_unflatten(batched, spec), **keyword)
        outputs, output_spec = tree_flatten(results)
        for o in outputs:
            if not isinstance(o, Tensor):
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type {type(o)}. Did you mean "
                    "to set out_dims= to None for output?"
                )
        where = _spread(out_dims if not isinstance(out_dims, list) else tuple(out_dims), output_spec)
        if isinstance(out_dims, tuple) and len(out_dims) == 1 and output_spec.kind is None:
            where = [out_dims[0]]
        if where is None:
            raise ValueError(
                f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of "
                f"`outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {output_spec}."
            )
        finished = [_placed(o, d, level) for o, d in zip(outputs, where, strict=True)]
    finally:
        levels.pop()
    return finished, where, output_spec


def _placed(output: Tensor, dim: int | None, level: Level) -> Tensor:
    if dim is None:
        if is_batched(output, level):
            raise ValueError("vmap: out_dims is None for an output that differs between examples")
        return output
    physical = physical_of(output, level)
    if not -physical.dim() <= dim < physical.dim():
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-physical.dim()}, {physical.dim() - 1}], but got {dim})"
        )
    return physical.movedim(0, dim)


def _joined(chunks: list[tuple[list[Any], list[int], TreeSpec]]) -> Any:
    outputs, dims, spec = chunks[0]
    if len(chunks) > 1:
        outputs = [
            outputs[k] if d is None else weft.cat([chunk[0][k] for chunk in chunks], d) for k, d in enumerate(dims)
        ]
    return tree_unflatten(outputs, spec)
