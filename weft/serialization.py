"""``save`` and ``load``: checkpoints in PyTorch's file format, readable by either library.

>>> import io
>>> file = io.BytesIO()
>>> weft.save({"weight": weft.ones(2)}, file)
>>> _ = file.seek(0)
>>> weft.load(file)
{'weight': tensor([1., 1.])}
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, TypeAlias

from weft import _checkpoint, _core, _layout
from weft._device import device
from weft._pickling import RestrictedUnpickler, StoragePickler, TrustingUnpickler, safe, unsafe_names
from weft.storage import TypedStorage, UntypedStorage

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "safe_globals",
    "save",
]

FileLike: TypeAlias = str | os.PathLike[str] | Any
MapLocation: TypeAlias = Callable[[UntypedStorage, str], Any] | device | str | dict[str, str] | None
DEFAULT_PROTOCOL = 2


def save(
    obj: object,
    f: FileLike,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Writes an object with its tensors to a file that `load`, and PyTorch's `torch.load`, read.

    Tensors that share memory share it again when loaded. A path is written beside and then renamed, so that a crash
    half-way leaves the file that was there.

    Args:
        obj: usually a `state_dict()`; any picklable object.
        f: a path, or a file-like object with `write`.
        pickle_protocol: of the pickle inside.
    Raises:
        RuntimeError: a tensor in it has a recorded history; the folder does not exist.

    >>> import io
    >>> weft.save(weft.arange(3), io.BytesIO())
    """
    if pickle_module is not pickle:
        raise ValueError("save: only Python's own pickle writes tensors under PyTorch's names; leave pickle_module out")
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("save: only the zip format is written; files of the older one can be loaded")
    pickled = io.BytesIO()
    pickler = StoragePickler(pickled, pickle_protocol)
    pickler.dump(obj)
    if isinstance(f, str | os.PathLike):
        path = os.fspath(f)
        name = os.path.splitext(os.path.basename(path))[0] or "archive"
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise RuntimeError(f"Parent directory {os.path.dirname(path)} does not exist.")
        _write_beside(path, lambda file: _write(file, name, pickled.getvalue(), pickler.storages))
        return
    if not hasattr(f, "write"):
        raise AttributeError(
            f"expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {type(f).__name__}"
        )
    _write(f, "archive", pickled.getvalue(), pickler.storages)


def _write(file: Any, name: str, pickled: bytes, storages: dict[str, UntypedStorage]) -> None:
    with _checkpoint.ZipWriter(file, name) as writer:
        writer.finish(pickled, storages)


def _write_beside(path: str, write: Callable[[BinaryIO], None]) -> None:
    """Writes to a temporary neighbour that then takes the path; devices and pipes are written directly."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            write(file)
        return
    target = os.path.realpath(path)
    beside = f"{target}.{os.getpid()}.tmp"
    try:
        with open(beside, "wb") as file:
            write(file)
        if os.path.exists(target):
            os.chmod(beside, os.stat(target).st_mode & 0o7777)
        os.replace(beside, target)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def load(
    f: FileLike,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Reads what `save`, or PyTorch's `torch.save`, wrote.

    Args:
        f: a path, or a file-like object with `read` and `seek`.
        map_location: where tensors go: a device, a dictionary of devices, or a function of a storage and its location.
            Files with tensors of an accelerator need one: "cpu".
        pickle_module: only with weights_only=False; ignored but for that.
        weights_only: True (the default) makes tensors, containers and numbers, and refuses everything else in the file;
            False runs whatever the file says, as unpickling does.
        mmap: True maps the file (which must be a path) instead of reading it; what is written to the tensors stays in
            memory.
    Raises:
        pickle.UnpicklingError: the file names something that is not allowed, see `add_safe_globals`.
        RuntimeError: no such file format, a damaged file, or a device that is not here.

    >>> import io
    >>> file = io.BytesIO()
    >>> weft.save(weft.ones(2), file)
    >>> _ = file.seek(0)
    >>> weft.load(file)
    tensor([1., 1.])
    """
    only_data = weights_only is not False
    if only_data and pickle_module is not None:
        if weights_only:
            raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
        only_data = False
    if mmap and not isinstance(f, str | os.PathLike):
        raise ValueError("f must be a file path in order to use the mmap argument")
    pickle_load_args.setdefault("encoding", "utf-8")
    file, opened = _checkpoint.readable(f)
    try:
        place = _placer(map_location)
        if not _checkpoint.is_zip(file):
            if mmap:
                raise RuntimeError("mmap can only be used with files saved with the zip format")
            return _load_old(file, only_data, place, pickle_load_args)
        reader = _checkpoint.ZipReader(file, bool(mmap))
        if reader.is_script():
            raise RuntimeError("load: the file is a TorchScript archive, which holds compiled code; weft reads tensors")
        return _unpickle(
            io.BytesIO(reader.read("data.pkl")), _storage_loader(reader, place), only_data, pickle_load_args
        )
    finally:
        if opened:
            file.close()


def _unpickle(data: BinaryIO, load_storage: Callable[[Any], Any], only_data: bool, options: dict[str, Any]) -> Any:
    if not only_data:
        return TrustingUnpickler(data, load_storage, **options).load()
    try:
        return RestrictedUnpickler(data, load_storage, **options).load()
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(
            "Weights only load failed. If the file comes from somebody you trust as much as a program of theirs, "
            f"weights_only=False loads it and may run code in it.\n\t{error}"
        ) from None
    except (IndexError, KeyError, TypeError, ValueError, AttributeError, EOFError) as error:
        raise pickle.UnpicklingError(
            f"Weights only load failed: the pickle in the file is damaged ({error})"
        ) from error


def _storage_loader(reader: _checkpoint.ZipReader, place: Callable[[UntypedStorage, str], Any]) -> Callable[[Any], Any]:
    loaded: dict[str, Any] = {}

    def load_storage(pid: Any) -> Any:
        tag, kind, key, location, elements = pid
        if tag != "storage" or not (kind is UntypedStorage or issubclass(kind, TypedStorage)):
            raise pickle.UnpicklingError(f"unexpected persistent id {pid!r}")
        dtype = _core.uint8 if kind is UntypedStorage else kind._dtype
        if key not in loaded:
            loaded[key] = place(reader.storage(key, elements * dtype.itemsize), location)
        return TypedStorage(wrap_storage=loaded[key], dtype=dtype)

    return load_storage


def _load_old(
    file: BinaryIO, only_data: bool, place: Callable[[UntypedStorage, str], Any], options: dict[str, Any]
) -> Any:
    start = file.tell()
    if file.read(1) != b"\x80":
        raise RuntimeError("load: this is neither a zip archive nor a pickle: no checkpoint of torch.save")
    file.seek(start)
    source = file if hasattr(file, "readline") and hasattr(file, "readinto") else _checkpoint.buffered(file)
    return _checkpoint.read_old(source, lambda data, loader: _unpickle(data, loader, only_data, options), place)


def _placer(map_location: MapLocation) -> Callable[[UntypedStorage, str], Any]:
    """What becomes of a storage that was at some location."""

    def default(storage: UntypedStorage, location: str) -> UntypedStorage:
        kind = location.partition(":")[0]
        if kind == "cpu":
            return storage
        raise RuntimeError(
            f"Attempting to deserialize object on a {kind.upper()} device but torch.{kind}.is_available() is False. If you "
            "are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )

    if map_location is None:
        return default
    if isinstance(map_location, dict):
        return lambda storage, location: default(storage, str(map_location.get(location, location)))
    if isinstance(map_location, str | device):
        return lambda storage, location: default(storage, str(map_location))
    if not callable(map_location):
        raise TypeError(
            f"load: map_location should be a device, a string, a dictionary or a function, got {map_location!r}"
        )

    def chosen(storage: UntypedStorage, location: str) -> Any:
        result = map_location(storage, location)
        return default(storage, location) if result is None else result.untyped()

    return chosen


def add_safe_globals(safe_globals: Iterable[Any]) -> None:
    """Lets files that are loaded with weights_only=True name these classes and functions.

    >>> weft.serialization.add_safe_globals([slice])
    >>> weft.serialization.clear_safe_globals()
    """
    safe.add(safe_globals)


def clear_safe_globals() -> None:
    """Forgets what add_safe_globals added."""
    safe.replace([])


def get_safe_globals() -> list[Any]:
    """What add_safe_globals added."""
    return safe.get()


def safe_globals(safe_globals: Iterable[Any]) -> AbstractContextManager[None]:
    """add_safe_globals for the length of a `with`.

    >>> with weft.serialization.safe_globals([slice]):
    ...     weft.serialization.get_safe_globals()
    [<class 'slice'>]
    """
    return safe.extended(safe_globals)


def get_unsafe_globals_in_checkpoint(f: FileLike) -> list[str]:
    """The names in a file that weights_only=True would refuse."""
    file, opened = _checkpoint.readable(f)
    try:
        if not _checkpoint.is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        return unsafe_names(_checkpoint.ZipReader(file, False).read("data.pkl"))
    finally:
        if opened:
            file.close()


def _get_layout(name: str) -> Any:
    """The layout that PyTorch writes as its name."""
    found = getattr(_layout, name.removeprefix("torch."), None)
    if not isinstance(found, _layout.layout):
        raise ValueError(f"unknown layout {name!r}")
    return found
