"""Samples into batches: tensors are stacked, containers are taken apart and put together again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import weft
from weft import Tensor

__all__ = ["collate", "default_collate", "default_convert"]

_CollateMap = Mapping[Any, Callable[..., Any]]
_UNSUPPORTED = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
_NOT_NUMBERS = "SaUO"  # NumPy's kinds of strings and objects


def _rebuild_mapping(like: Any, values: dict[Any, Any]) -> Any:
    """``values`` in a mapping of the same type as ``like``; a dictionary if that cannot be made."""
    try:
        if isinstance(like, MutableMapping):
            clone = copy.copy(like)
            clone.update(values)
            return clone
        return type(like)(values)
    except TypeError:
        return values


def _rebuild_sequence(like: Any, values: list[Any]) -> Any:
    """``values`` in a sequence of the same type as ``like``; a list if that cannot be made."""
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(like)(values)
    except TypeError:
        return values


def default_convert(data: Any) -> Any:
    """NumPy arrays and numbers to tensors, also inside of containers; anything else stays.

    >>> import numpy
    >>> default_convert({"x": numpy.array([1.0, 2.0])})
    {'x': tensor([1., 2.], dtype=weft.float64)}
    """
    if isinstance(data, Tensor):
        return data
    if isinstance(data, np.ndarray):
        return data if data.dtype.kind in _NOT_NUMBERS else weft.as_tensor(data)
    if isinstance(data, (np.bool_, np.number)):
        return weft.as_tensor(data)
    if isinstance(data, Mapping):
        return _rebuild_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple):
        values = [default_convert(value) for value in data]
        return type(data)(*values) if hasattr(data, "_fields") else values
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild_sequence(data, [default_convert(value) for value in data])
    return data


def collate(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Any:
    """A list of samples as one batch.

    Args:
        batch: samples of one kind.
        collate_fn_map: functions ``f(batch, *, collate_fn_map)`` by the type, or tuple of types, of the
            samples.
    """
    first = batch[0]
    functions = collate_fn_map or {}
    if type(first) in functions:
        return functions[type(first)](batch, collate_fn_map=collate_fn_map)
    for kind, function in functions.items():
        if isinstance(first, kind):
            return function(batch, collate_fn_map=collate_fn_map)

    def column(samples: Any) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _rebuild_mapping(first, {key: column([sample[key] for sample in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(column(samples) for samples in zip(*batch, strict=False)))
    if isinstance(first, Sequence):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [column(samples) for samples in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _rebuild_sequence(first, columns)
    raise TypeError(_UNSUPPORTED.format(type(first)))


def collate_tensor_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Tensor:
    """Tensors of one shape, stacked."""
    return weft.stack(list(batch), 0)


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Any:
    """NumPy arrays of one shape, stacked."""
    if batch[0].dtype.kind in _NOT_NUMBERS:
        raise TypeError(_UNSUPPORTED.format(batch[0].dtype))
    return collate([weft.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Tensor:
    """NumPy numbers, as a tensor of their type."""
    return weft.as_tensor(np.asarray(batch))


def collate_float_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Tensor:
    """Python floats, as float64."""
    return weft.tensor(batch, dtype=weft.float64)


def collate_int_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Tensor:
    """Python integers, as int64."""
    return weft.tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: _CollateMap | None = None) -> Any:
    """Strings, as they are."""
    return batch


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch: Any) -> Any:
    """A list of samples as one batch: tensors, arrays and numbers become tensors with a first dimension more.

    >>> default_collate([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    {'a': tensor([1, 2]), 'b': ['x', 'y']}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
