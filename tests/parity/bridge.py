"""Takes what PyTorch's OpInfo database gives, tensors and callables, over to weft, and weft's results back."""

from __future__ import annotations

import ctypes
import dataclasses
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional

import weft
from tests.parity import twins

_NAMESPACES = {
    "": torch,
    "nn.functional": torch.nn.functional,
    "linalg": torch.linalg,
    "fft": torch.fft,
    "special": torch.special,
    "signal.windows": torch.signal.windows,
    "masked": torch.masked,
    "Tensor": torch.Tensor,
}


class Unsupported(Exception):
    """An argument that has no counterpart in weft: a sparse tensor, a dtype weft does not have."""


def resolve(path: str, root: Any = weft) -> Any:
    """The object at a dotted path below root, or None."""
    for name in path.split("."):
        root = getattr(root, name, None)
        if root is None:
            return None
    return root


@functools.cache
def _paths() -> dict[int, list[str]]:
    """Where in torch's public namespaces an object stands, by its id."""
    found: dict[int, list[str]] = {}
    for prefix, space in _NAMESPACES.items():
        for name in dir(space):
            try:
                value = getattr(space, name)
            except (AttributeError, RuntimeError):
                continue
            if callable(value):
                found.setdefault(id(value), []).append(f"{prefix}.{name}" if prefix else name)
    return found


class Missing:
    """Stands for a callable that weft does not have; calling it says so."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"weft has no {self.name}")


def counterpart(value: Any, name: str = "", memo: dict[int, Any] | None = None) -> Any:
    """weft's object for one of torch's: the same name in the same namespace, or a test's function over weft.

    Args:
        value: torch's callable or module; anything that is not torch's is given back.
        name: the path to try when the object itself stands in no public namespace.
    """
    memo = {} if memo is None else memo
    if value is torch:
        return weft
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, functools.partial):
        return functools.partial(counterpart(value.func, name, memo), *value.args, **value.keywords)
    if isinstance(value, torch.dtype):
        return plain_dtype(value)
    paths = _paths().get(id(value)) if callable(value) else None
    if paths:
        return next((found for path in paths if (found := resolve(path)) is not None), Missing(paths[0]))
    if getattr(value, "__name__", "") == "wrapper_set_seed":
        return _seeded
    if isinstance(value, types.FunctionType) and value.__module__.startswith("torch.testing"):
        return _transplant(value, memo)
    if callable(value) and type(value).__module__.startswith("torch._ops"):
        plain = name.removeprefix("torch.ops.aten.").partition(".")[0]
        return resolve(name) or resolve(plain) or Missing(str(value))
    if isinstance(value, types.ModuleType) and value.__name__.startswith("torch."):
        return resolve(value.__name__.removeprefix("torch.")) or Missing(value.__name__)
    return value


def _seeded(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What the database wraps around samplers."""
    weft.manual_seed(42)
    return function(*args, **kwargs)


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def is_sampler(f: Any) -> bool:
    """Whether a function of the database sets a seed of its own, as it does around all that is random."""
    names = set(_names(f.__code__)) if isinstance(f, types.FunctionType) else set()
    return "wrapper_set_seed" in names or any(is_sampler(f.__globals__.get(name)) for name in names if name[0] == "_")


def _transplant(f: types.FunctionType, memo: dict[int, Any]) -> Any:
    """The same code whose globals and closure say weft where f's say torch."""
    scope: dict[str, Any] = {"__builtins__": __builtins__}
    twin = types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, f.__closure__)
    twin.__kwdefaults__ = f.__kwdefaults__
    memo[id(f)] = twin
    for name in set(_names(f.__code__)):
        if name in f.__globals__:
            scope[name] = counterpart(f.__globals__[name], "", memo)
    if f.__closure__:
        cells = tuple(types.CellType(counterpart(cell.cell_contents, "", memo)) for cell in f.__closure__)
        twin = types.FunctionType(f.__code__, scope, f.__name__, f.__defaults__, cells)
        twin.__kwdefaults__ = f.__kwdefaults__
        memo[id(f)] = twin
    return twin


def function_of(op: Any) -> Callable[..., Any]:
    """weft's callable for an OpInfo."""
    found = counterpart(op.op, op.name)
    if isinstance(found, Missing):
        found = resolve(op.name) or resolve(f"Tensor.{op.name}") or found
    return found


def plain_dtype(dtype: torch.dtype) -> Any:
    name = str(dtype).removeprefix("torch.")
    found = getattr(weft, name, None)
    if found is None:
        raise Unsupported(f"dtype {name}")
    return found


class Converter:
    """torch's values as weft's. Tensors that shared a storage share it still; the originals are left alone."""

    def __init__(self) -> None:
        self._storages: dict[tuple[int, Any], Any] = {}
        self._tensors: dict[int, Any] = {}
        self._kept: list[Any] = []

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self._tensors:
                self._kept.append(value)
                self._tensors[id(value)] = self._tensor(value)
            return self._tensors[id(value)]
        if isinstance(value, torch.dtype):
            return plain_dtype(value)
        if isinstance(value, torch.device):
            return "cpu"
        if isinstance(value, torch.layout):
            return getattr(weft, str(value).removeprefix("torch."))
        if isinstance(value, torch.memory_format):
            return getattr(weft, str(value).removeprefix("torch."))
        if isinstance(value, torch.Generator):
            return weft.Generator()
        if isinstance(value, slice):
            return slice(self(value.start), self(value.stop), self(value.step))
        if isinstance(value, torch.Size):
            return weft.Size(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self(item) for item in value))
        if isinstance(value, list | tuple):
            return type(value)([self(item) for item in value])
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, torch.nn.Module):
            return twins.to_weft(value)
        if isinstance(value, torch.nn.LinearCrossEntropyOptions):
            fields = {field.name: self(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return weft.nn.LinearCrossEntropyOptions(**fields)
        return value

    def _tensor(self, t: torch.Tensor) -> Any:
        if t.layout is not torch.strided:
            raise Unsupported(f"layout {t.layout}")
        if t.device.type != "cpu":
            raise Unsupported(f"device {t.device}")
        if t.is_conj() or t.is_neg():
            t = t.resolve_conj().resolve_neg()
        dtype = plain_dtype(t.dtype)
        storage = t.untyped_storage()
        key = (storage.data_ptr(), dtype)
        count = storage.nbytes() // t.element_size()
        if count == 0:
            result = weft.empty_strided(tuple(t.shape), t.stride(), dtype=dtype)
        else:
            if key not in self._storages:
                data = bytearray(ctypes.string_at(storage.data_ptr(), storage.nbytes()))
                self._storages[key] = weft.frombuffer(data, dtype=dtype, count=count)
            result = self._storages[key].as_strided(tuple(t.shape), t.stride(), t.storage_offset()).detach()
        if t.requires_grad:
            result.requires_grad_(True)
        return result


def to_torch(w: Any) -> torch.Tensor:
    """weft's tensor as a contiguous one of torch's, with a copy of its elements."""
    dtype = getattr(torch, str(w.dtype).removeprefix("weft."))
    flat = w.detach().contiguous().view(-1)
    if w.dtype == weft.bfloat16:
        flat = flat.view(weft.int16)
    if flat.numel() == 0:
        return torch.empty(tuple(w.shape), dtype=dtype)
    data = bytearray(flat.numpy().tobytes())
    return torch.frombuffer(data, dtype=dtype).reshape(tuple(w.shape))


def storage_of(t: Any) -> int:
    """The address at which a tensor's storage begins, of either library."""
    if isinstance(t, torch.Tensor):
        return t.untyped_storage().data_ptr()
    return t.data_ptr() - t.storage_offset() * t.element_size()


def tensors_in(value: Any) -> Iterator[Any]:
    """The tensors inside nested lists, tuples and dicts, in order."""
    if isinstance(value, torch.Tensor | weft.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)
