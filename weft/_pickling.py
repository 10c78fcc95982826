"""Picklers that write and read PyTorch's names, one of them for files that nobody vouches for.

A storage leaves the pickle as a *persistent id*, ("storage", class, key, location, elements); its bytes lie elsewhere in
the file. Names are PyTorch's in the file and weft's in the process.
"""

from __future__ import annotations

import _compat_pickle
import contextlib
import functools
import pickle
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import weft
from weft import _core, _utils
from weft._core import Tensor
from weft._names import lookup, to_torch, to_weft
from weft.storage import TYPED_STORAGES, TypedStorage, UntypedStorage, storage_class_of

__all__ = [
    "RestrictedUnpickler",
    "SafeGlobals",
    "StoragePickler",
    "TrustingUnpickler",
    "safe",
    "unsafe_names",
]


# Python's own versions of the two: C's have neither save_global nor opcodes to override.
_Pickler: Any = pickle._Pickler
_Unpickler: Any = pickle._Unpickler
whichmodule: Callable[[Any, str], str] = pickle.whichmodule  # type: ignore[attr-defined]


class StorageRef:
    """Stands in the pickle for a storage, with the class of elements that PyTorch expects to be told."""

    __slots__ = ("elements", "kind", "storage")

    def __init__(self, storage: UntypedStorage, kind: type[Any], elements: int) -> None:
        self.storage, self.kind, self.elements = storage, kind, elements


class StoragePickler(_Pickler):  # type: ignore[misc]  # of type Any
    """Pickles an object graph, and gathers the storages of its tensors."""

    dispatch: ClassVar[dict[Any, Any]] = dict(_Pickler.dispatch)

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: dict[str, UntypedStorage] = {}
        self._keys: dict[tuple[int, int], str] = {}

    def persistent_id(self, obj: Any) -> Any:
        """What the file says in the place of a storage."""
        if isinstance(obj, UntypedStorage):
            obj = StorageRef(obj, UntypedStorage, len(obj))
        elif isinstance(obj, TypedStorage):
            obj = StorageRef(obj.untyped(), storage_class_of(obj.dtype), len(obj))
        if not isinstance(obj, StorageRef):
            return None
        identity = (obj.storage._cdata, len(obj.storage))
        key = self._keys.get(identity)
        if key is None:
            key = self._keys[identity] = str(len(self._keys))
            self.storages[key] = obj.storage
        return "storage", obj.kind, key, "cpu", obj.elements

    def reducer_override(self, obj: Any) -> Any:
        """How tensors are made again."""
        if isinstance(obj, weft.layout):
            return weft.serialization._get_layout, (repr(obj),)
        if not isinstance(obj, Tensor) or type(obj).__reduce_ex__ not in _OWN_REDUCTIONS:
            return NotImplemented
        state = _state_of(obj)
        if isinstance(obj, weft.nn.Parameter) and type(obj) is not Tensor:
            arguments: tuple[Any, ...] = (_plain(obj), obj.requires_grad, OrderedDict())
            if state:
                return _utils._rebuild_parameter_with_state, (*arguments, state)
            return _utils._rebuild_parameter, arguments
        rebuild, arguments = _rebuilding(obj)
        if type(obj) is Tensor and not state:
            return rebuild, arguments
        return weft._tensor._rebuild_from_type_v2, (rebuild, type(obj), arguments, state)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        """Writes a class or function under PyTorch's name for it."""
        name = name or getattr(obj, "__qualname__", None) or obj.__name__
        module = whichmodule(obj, name)
        foreign = to_torch(module)
        if foreign == module:
            super().save_global(obj, name)
            return
        if self.proto >= 4:
            self.save(foreign)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{foreign}\n{name}\n".encode())
        self.memoize(obj)

    def _save_type(self, obj: Any) -> None:
        if obj in (type(None), type(NotImplemented), type(...)):
            _Pickler.save_type(self, obj)
        else:
            self.save_global(obj)

    dispatch[type] = _save_type
    dispatch[type(lambda: None)] = save_global


def _state_of(tensor: Tensor) -> Any:
    return dict(tensor.__dict__) or None


def _plain(tensor: Tensor) -> Tensor:
    return _core._as_subclass(Tensor, tensor.detach())


def _rebuilding(tensor: Tensor) -> tuple[Callable[..., Tensor], tuple[Any, ...]]:
    """The function and the arguments that make a tensor again."""
    if not tensor.is_leaf:
        raise RuntimeError(
            "a tensor that is the result of recorded operations cannot be pickled with its history: detach() it first"
        )
    storage, kind = UntypedStorage._of(tensor), storage_class_of(tensor.dtype)
    geometry: tuple[Any, ...] = (
        tensor.storage_offset(),
        tuple(tensor.shape),
        tensor.stride(),
        tensor.requires_grad,
        OrderedDict(),
    )
    if kind is UntypedStorage:
        return _utils._rebuild_tensor_v3, (StorageRef(storage, kind, len(storage)), *geometry, tensor.dtype)
    return _utils._rebuild_tensor_v2, (StorageRef(storage, kind, len(storage) // tensor.itemsize), *geometry)


@functools.cache
def _own_reductions() -> tuple[Any, ...]:
    return Tensor.__reduce_ex__, weft.nn.Parameter.__reduce_ex__


class _Reductions:
    """The ``__reduce_ex__`` of tensors and parameters: a subclass with its own one knows better."""

    def __contains__(self, method: Any) -> bool:
        return method in _own_reductions()


_OWN_REDUCTIONS = _Reductions()

Load = Callable[[Any], Any]


class TrustingUnpickler(pickle.Unpickler):
    """Runs whatever the file says: only for files that one would run as a program."""

    def __init__(self, file: Any, load: Load, **options: Any) -> None:
        super().__init__(file, **options)
        self._load_storage = load

    def persistent_load(self, pid: Any) -> Any:
        """The storage of a persistent id."""
        return self._load_storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        """weft's object for PyTorch's name."""
        if to_weft(module) != module:
            return lookup(module, name)
        return super().find_class(module, name)


class SafeGlobals:
    """The classes and functions that a file may name when nobody vouches for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: list[Any] = []  # guarded by _lock

    def get(self) -> list[Any]:
        """What the user added."""
        with self._lock:
            return list(self._added)

    def add(self, objects: Iterable[Any]) -> None:
        """Allows more: functions, classes, or (object, "module.name") pairs."""
        with self._lock:
            self._added += [obj for obj in objects if obj not in self._added]

    def replace(self, objects: Iterable[Any]) -> None:
        """Allows these, and what is always allowed."""
        with self._lock:
            self._added = list(objects)

    @contextlib.contextmanager
    def extended(self, objects: Iterable[Any]) -> Iterator[None]:
        """Allows more for a while."""
        before = self.get()
        self.add(objects)
        try:
            yield
        finally:
            self.replace(before)

    def find(self, module: str, name: str) -> Any:
        """The object of that name, or None when it is not allowed."""
        # Protocols before 3 use the names of Python 2.
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
        full = f"{to_torch(_compat_pickle.IMPORT_MAPPING.get(module, module))}.{name}"
        built_in = _built_in_globals()
        if full in built_in:
            return built_in[full]
        for entry in self.get():
            obj, known_as = entry if isinstance(entry, tuple) else (entry, None)
            if full in (known_as, f"{to_torch(obj.__module__)}.{obj.__qualname__}"):
                return obj
        return None


safe = SafeGlobals()


@functools.cache
def _built_in_globals() -> dict[str, Any]:
    import _codecs

    allowed: dict[str, Any] = {
        "collections.OrderedDict": OrderedDict,
        "collections.Counter": Counter,
        "builtins.set": set,
        "builtins.bytearray": bytearray,
        "builtins.complex": complex,
        "_codecs.encode": _codecs.encode,
        "torch.Size": weft.Size,
        "torch.Tensor": Tensor,
        "torch.device": weft.device,
        "torch.nn.parameter.Parameter": weft.nn.Parameter,
        "torch.serialization._get_layout": weft.serialization._get_layout,
        "torch.storage.UntypedStorage": UntypedStorage,
        "torch.storage.TypedStorage": TypedStorage,
        "torch._tensor._rebuild_from_type_v2": weft._tensor._rebuild_from_type_v2,
    }
    for name in ("tensor", "tensor_v2", "tensor_v3", "parameter", "parameter_with_state", "sparse_tensor"):
        allowed[f"torch._utils._rebuild_{name}"] = getattr(_utils, f"_rebuild_{name}")
    for name, value in vars(_core).items():
        if isinstance(value, _core.dtype):
            allowed[f"torch.{name}"] = value
    for kind in TYPED_STORAGES.values():
        allowed[f"torch.{kind.__name__}"] = allowed[f"torch.cuda.{kind.__name__}"] = kind
    return allowed


class RestrictedUnpickler(_Unpickler):  # type: ignore[misc]  # of type Any
    """Unpickles data, and refuses code: only allowed names are looked up, called, or given attributes."""

    def __init__(self, file: Any, load: Load, **options: Any) -> None:
        super().__init__(file, **options)
        self._load_storage = load
        self._allowed: set[int] = set()  # identities of what find_class gave

    def persistent_load(self, pid: Any) -> Any:
        """The storage of a persistent id."""
        return self._load_storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        """An allowed object."""
        found = safe.find(module, name)
        if found is None:
            full = f"{module}.{name}"
            raise pickle.UnpicklingError(
                f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
                f"`torch.serialization.add_safe_globals([{name}])` or the `torch.serialization.safe_globals([{name}])` "
                "context manager to allowlist this global if you trust this class/function."
            )
        self._allowed.add(id(found))
        return found

    def _check(self, function: Any, verb: str) -> None:
        if id(function) not in self._allowed:
            raise pickle.UnpicklingError(
                f"Trying to {verb} {function!r}, which the file did not get by an allowed name"
            )

    def _reduce(self) -> None:
        self._check(self.stack[-2], "call")
        _Unpickler.load_reduce(self)

    def _newobj(self) -> None:
        self._check(self.stack[-2], "make an instance of")
        _Unpickler.load_newobj(self)

    def _build(self) -> None:
        state, instance = self.stack[-1], self.stack[-2]
        if isinstance(instance, Tensor):
            self.stack.pop()
            _utils._set_state(instance, state)
            return
        if isinstance(instance, OrderedDict) or id(type(instance)) in self._allowed:
            _Unpickler.load_build(self)
            return
        raise pickle.UnpicklingError(
            f"Can only build Tensor, Parameter, OrderedDict or types allowlisted, but got {type(instance)}"
        )

    def _refuse(self) -> None:
        raise pickle.UnpicklingError("Unsupported operand: the file uses an instruction that data does not need")

    # Instructions that make plain data, or go through the checks above; every other one is refused.
    dispatch: ClassVar[dict[Any, Any]] = dict.fromkeys(range(256), _refuse)
    for _opcode, _method in _Unpickler.dispatch.items():
        if _method.__name__ not in {
            "load_persid", "load_inst", "load_obj", "load_newobj_ex", "load_ext1", "load_ext2", "load_ext4",
            "load_next_buffer", "load_readonly_buffer",
        }:  # fmt: skip
            dispatch[_opcode] = _method
    dispatch[pickle.REDUCE[0]] = _reduce
    dispatch[pickle.NEWOBJ[0]] = _newobj
    dispatch[pickle.BUILD[0]] = _build
    del _opcode, _method


def unsafe_names(data: bytes) -> list[str]:
    """The names in a pickle that a restricted load would refuse."""
    import pickletools

    names: list[str] = []
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name == "GLOBAL":
            module, name = str(argument).split(" ", 1)
        elif opcode.name == "STACK_GLOBAL" and len(strings) >= 2:
            module, name = strings[-2:]
        else:
            if isinstance(argument, str):
                strings.append(argument)
            continue
        if safe.find(module, name) is None:
            names.append(f"{module}.{name}")
    return list(dict.fromkeys(names))
