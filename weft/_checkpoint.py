"""The containers of PyTorch's files: a zip archive with a pickle and a record per storage, and the form before it.

An archive holds `<name>/data.pkl`, `<name>/data/<key>` for each storage, uncompressed and aligned so that it can be
mapped, and a few words about the format.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

from weft import _core
from weft._core import Tensor
from weft.storage import TypedStorage, UntypedStorage

__all__ = ["ZipReader", "ZipWriter", "is_zip", "read_old"]

ALIGNMENT = 64
_LOCAL_HEADER = 30  # bytes before the name in a record's header
_PADDING = 0x4246  # tag of the extra field that pads a header, PyTorch's "FB"
_ZIP64_FROM = 1 << 31
_OLD_MAGIC = 0x1950A86A20F9469CFC6C
_OLD_VERSION = 1001


def is_zip(file: BinaryIO) -> bool:
    """Whether a zip archive begins here."""
    start = file.tell()
    head = file.read(4)
    file.seek(start)
    return head == b"PK\x03\x04"


class ZipWriter:
    """Writes one checkpoint."""

    def __init__(self, file: Any, name: str) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._name = name

    def __enter__(self) -> ZipWriter:
        return self

    def __exit__(self, kind: Any, *_: object) -> None:
        self._zip.close()

    def write(self, record: str, data: Any) -> None:
        """Adds a record, whose bytes begin at a multiple of the alignment."""
        info = zipfile.ZipInfo(f"{self._name}/{record}", (1980, 1, 1, 0, 0, 0))
        size = memoryview(data).nbytes
        large = 20 if size * 1.05 > _ZIP64_FROM else 0  # zipfile puts sizes beyond 32 bits in an extra field
        fp = self._zip.fp
        assert fp is not None
        at = fp.tell() + _LOCAL_HEADER + len(info.filename.encode()) + large + 4
        padding = -at % ALIGNMENT
        info.extra = struct.pack("<HH", _PADDING, padding) + b"Z" * padding
        info.file_size = size
        with self._zip.open(info, "w", force_zip64=bool(large)) as out:
            out.write(data)

    def finish(self, pickled: bytes, storages: dict[str, UntypedStorage]) -> None:
        """Writes all records."""
        self.write("data.pkl", pickled)
        self.write(".format_version", b"1")
        self.write(".storage_alignment", str(ALIGNMENT).encode())
        self.write("byteorder", sys.byteorder.encode())
        checksum = zlib.crc32(pickled)
        for key, storage in storages.items():
            self.write(f"data/{key}", memoryview(storage._bytes) if len(storage) else b"")
        self.write("version", b"3\n")
        self.write(".data/serialization_id", f"{checksum:020d}{len(storages):020d}".encode())


class ZipReader:
    """Reads one checkpoint."""

    def __init__(self, file: BinaryIO, mapped: bool) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            raise RuntimeError(f"PytorchStreamReader failed reading zip archive: {error}") from None
        self._file = file
        roots = [
            i.filename.partition("/")[0]
            for i in self._zip.infolist()
            if i.filename.count("/") == 1 and i.filename.endswith("/data.pkl")
        ]
        if not roots:
            raise RuntimeError("load: the zip archive holds no data.pkl: it is no checkpoint of torch.save")
        self._root = roots[0]
        self._map: memoryview | None = None
        if mapped:
            self._map = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
        if self.has("byteorder") and self.read("byteorder").decode() != sys.byteorder:
            raise RuntimeError(
                f"load: the file was written on a machine of the other byte order than this {sys.byteorder}-endian one"
            )

    def has(self, record: str) -> bool:
        """Whether there is such a record."""
        return f"{self._root}/{record}" in self._zip.NameToInfo

    def read(self, record: str) -> bytes:
        """A small record."""
        return self._zip.read(f"{self._root}/{record}")

    def is_script(self) -> bool:
        """Whether torch.jit.save wrote it: then it holds code."""
        return self.has("constants.pkl")

    def storage(self, key: str, size: int) -> UntypedStorage:
        """The storage of that key, which should have `size` bytes."""
        try:
            info = self._zip.getinfo(f"{self._root}/data/{key}")
        except KeyError:
            raise RuntimeError(f"load: storage {key!r} is missing in the file") from None
        if info.file_size < size:
            raise RuntimeError(f"load: storage {key!r} has {info.file_size} bytes, expected {size}")
        if size == 0:
            return UntypedStorage(0)
        if self._map is not None and info.compress_type == zipfile.ZIP_STORED:
            start = self._start_of(info)
            if start % 16 == 0:  # else elements could not be addressed
                return UntypedStorage._over(_core._from_buffer(self._map[start : start + size]))
        data = _core.empty(size, dtype=_core.uint8)
        with self._zip.open(info) as source:
            _fill(data, source, key)
        return UntypedStorage._over(data)

    def _start_of(self, info: zipfile.ZipInfo) -> int:
        self._file.seek(info.header_offset + 26)
        name, extra = struct.unpack("<HH", self._file.read(4))
        return info.header_offset + _LOCAL_HEADER + int(name) + int(extra)


def _fill(data: Tensor, source: Any, key: str) -> None:
    """Reads as many bytes as the tensor has."""
    view, at = memoryview(data), 0
    while at < len(view):
        try:
            count = source.readinto(view[at : at + (1 << 24)])
        except zipfile.BadZipFile as error:
            raise RuntimeError(f"load: storage {key!r} is damaged: {error}") from None
        if not count:
            raise RuntimeError(f"load: the file ends within storage {key!r}: expected {len(view)} bytes, got {at}")
        at += count


def read_old(
    file: BinaryIO,
    unpickle: Callable[[BinaryIO, Callable[[Any], Any]], Any],
    place: Callable[[UntypedStorage, str], Any],
) -> Any:
    """Reads the format before the archives: pickles in a row, then the bytes of the storages.

    Args:
        unpickle: reads a pickle, given what to do with persistent ids.
        place: what becomes of a storage and its location.
    """

    def refuse(pid: Any) -> Any:
        raise pickle.UnpicklingError(f"unexpected persistent id {pid!r}")

    if unpickle(file, refuse) != _OLD_MAGIC:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = unpickle(file, refuse)
    if version != _OLD_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    unpickle(file, refuse)  # about the machine that wrote it
    storages: dict[str, tuple[TypedStorage, UntypedStorage]] = {}

    def load(pid: Any) -> Any:
        tag, kind, key, location, elements, *rest = pid
        if tag != "storage":
            return refuse(pid)
        if key not in storages:
            if not (isinstance(elements, int) and 0 <= elements <= sys.maxsize):
                raise pickle.UnpicklingError(f"storage {key!r} has no sensible size: {elements!r}")
            width = kind._dtype.itemsize if kind is not UntypedStorage else 1
            bytes_ = UntypedStorage(elements * width)
            typed = TypedStorage(
                wrap_storage=place(bytes_, location), dtype=getattr(kind, "_dtype", None) or _core.uint8
            )
            storages[key] = typed, bytes_
        typed = storages[key][0]
        view = rest[0] if rest else None
        if view is not None:
            _, first, count = view
            width = typed.dtype.itemsize
            part = typed.untyped()[first * width : (first + count) * width]
            return TypedStorage(wrap_storage=part, dtype=typed.dtype)
        return typed

    result = unpickle(file, load)
    for key in unpickle(file, refuse):
        head = file.read(8)
        typed, bytes_ = storages[key]
        if len(head) != 8 or int.from_bytes(head, "little") != len(typed):
            raise RuntimeError(f"load: storage {key!r} has another size than the file says; corrupt file?")
        if len(bytes_):
            _fill(bytes_._bytes, file, key)
    return result


def readable(file: Any) -> tuple[BinaryIO, bool]:
    """A file to read and seek in, and whether it is ours to close, from a path or a file-like object."""
    if isinstance(file, str | os.PathLike):
        return open(file, "rb"), True
    if not (hasattr(file, "read") and hasattr(file, "seek")):
        raise AttributeError(
            "load: expected a path or a file with read and seek. Please pre-load the data into a buffer like io.BytesIO "
            f"and try to load from it instead. Got {type(file).__name__}"
        )
    return file, False


def buffered(file: Any) -> io.BytesIO:
    """The rest of a file, in memory."""
    return io.BytesIO(file.read())
