"""Files of `save` and `load`: PyTorch's format, in both directions."""

from __future__ import annotations

import collections
import io
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
from oracle import plain

import weft


def contents(m):
    x = m.arange(12.0).reshape(3, 4)
    tensors = [m.ones(3, dtype=getattr(m, name)) for name in ("bool", "uint8", "int8", "int16", "int32", "int64")]
    tensors += [
        m.ones(3, dtype=getattr(m, n)) for n in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
    ]
    return {
        "base": x,
        "view": x[1:, ::2],
        "transposed": x.T,
        "parameter": m.nn.Parameter(m.ones(2)),
        "frozen": m.nn.Parameter(m.ones(2), requires_grad=False),
        "leaf": m.ones(1, requires_grad=True),
        "scalar": m.tensor(3),
        "empty": m.empty(0, 3),
        "channels_last": m.ones(1, 2, 3, 3).to(memory_format=m.channels_last),
        "dtypes": tensors,
        "ordered": collections.OrderedDict(a=1),
        "size": m.Size([1, 2]),
        "dtype": m.float32,
        "device": m.device("cpu"),
        "plain": [1, 2.5, 1j, "a", b"x", None, True, {1, 2}, (1,), bytearray(b"y")],
    }


def same(ours, theirs) -> None:
    assert list(ours) == list(theirs)
    for key, a in ours.items():
        b = theirs[key]
        for x, y in zip(a if key == "dtypes" else [a], b if key == "dtypes" else [b], strict=True):
            assert plain(x) == plain(y), key
            if isinstance(x, weft.Tensor):
                assert x.stride() == y.stride()
                assert x.storage_offset() == y.storage_offset()


def through_file(m_save, obj, m_load, **options):
    file = io.BytesIO()
    m_save.save(obj, file)
    file.seek(0)
    return m_load.load(file, **options)


def test_load_gives_what_was_saved() -> None:
    same(through_file(weft, contents(weft), weft), contents(weft))


@pytest.mark.parametrize("weights_only", [True, False])
def test_torch_reads_wefts_files(weights_only: bool) -> None:
    torch = pytest.importorskip("torch")
    same(contents(weft), through_file(weft, contents(weft), torch, weights_only=weights_only))


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_weft_reads_torchs_files(weights_only: bool, zipped: bool) -> None:
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save(contents(torch), file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    same(weft.load(file, weights_only=weights_only), contents(torch))


def test_mapped_files_are_read_by_either(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save(contents(torch), tmp_path / "torch.pt")
    weft.save(contents(weft), tmp_path / "weft.pt")
    same(weft.load(tmp_path / "torch.pt", mmap=True), contents(torch))
    same(weft.load(tmp_path / "weft.pt", mmap=True), torch.load(tmp_path / "weft.pt", mmap=True))


def test_tensors_that_share_memory_share_it_again() -> None:
    loaded = through_file(weft, contents(weft), weft)
    loaded["base"][1, 0] = 100
    assert loaded["view"][0, 0].item() == 100
    assert loaded["transposed"][0, 1].item() == 100


def test_writes_to_a_mapped_tensor_stay_in_memory(tmp_path: Path) -> None:
    weft.save(weft.ones(4), tmp_path / "x.pt")
    weft.load(tmp_path / "x.pt", mmap=True).zero_()
    assert weft.load(tmp_path / "x.pt").sum().item() == 4


def test_module_saved_whole_comes_back_in_either_library() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(), torch.nn.LSTM(4, 2))
    ours = through_file(torch, model, weft, weights_only=False)
    assert isinstance(ours[0], weft.nn.Linear)
    x = weft.randn(5, 3)
    again = through_file(weft, ours, torch, weights_only=False)
    assert weft.allclose(ours(x)[0], weft.tensor(again(torch.tensor(x.tolist()))[0].tolist()), atol=1e-6)


def test_optimizer_state_crosses_over() -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([theirs])
    theirs.sum().backward()
    optimizer.step()
    mine = weft.optim.Adam([weft.nn.Parameter(weft.ones(2))])
    mine.load_state_dict(through_file(torch, optimizer.state_dict(), weft))
    assert plain(mine.state_dict()["state"]) == plain(optimizer.state_dict()["state"])


class Custom:
    def __init__(self, value=1) -> None:
        self.value = value


def test_data_only_is_the_default_and_names_what_it_refuses() -> None:
    with pytest.raises(pickle.UnpicklingError, match="Custom was not an allowed global"):
        through_file(weft, Custom(), weft)
    assert through_file(weft, Custom(3), weft, weights_only=False).value == 3


def test_allowed_globals_load() -> None:
    with weft.serialization.safe_globals([Custom]):
        assert through_file(weft, Custom(3), weft).value == 3
    assert weft.serialization.get_safe_globals() == []
    file = io.BytesIO()
    weft.save([Custom(), weft.ones(1)], file)
    file.seek(0)
    assert weft.serialization.get_unsafe_globals_in_checkpoint(file) == [f"{Custom.__module__}.Custom"]


class Exploit:
    def __reduce__(self):
        import os

        return os.system, ("echo broken",)


def pickled(data: bytes) -> io.BytesIO:
    """A checkpoint around a pickle."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", data)
    file.seek(0)
    return file


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + b"".join(arguments) + b"tR."


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Exploit()),
        call("builtins", "eval", pickle.dumps("1")[2:-1]),
        call("weft._core", "ones", b"K\x01"),
        b"\x80\x02]K\x00R.",  # calls a list
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x04\x00\x00\x00nameK\x01sb.",  # gives a function attributes
        b"\x80\x02ctorch.storage\nUntypedStorage\nN}X\x06\x00\x00\x00_bytesK\x01s\x86b.",  # changes a class
        b"(i__main__\nCustom\n.",
        b"\x82\x01.",
        b"\x80\x02K\x01",  # ends too early
        b"\x80\x02b.",  # nothing on the stack
        b"\x80\x02(X\x07\x00\x00\x00storageX\x01\x00\x00\x00aX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQ.",
    ],
)
def test_files_that_want_more_than_data_are_refused(data: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        weft.load(pickled(data))


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (5,), (1,)),
        (2, (3,), (1,)),
        (-1, (2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2,), (1 << 62,)),
        (0, (-1,), (1,)),
        (0, (2,), ()),
    ],
)
def test_geometry_outside_the_storage_is_refused(offset: int, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    storage = weft.ones(4).storage()
    with pytest.raises(RuntimeError):
        weft._utils._rebuild_tensor_v2(storage, offset, size, stride, False, {})


def test_damaged_bytes_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    weft.save(weft.ones(1000), path)
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<f", 1.0) * 4)
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(RuntimeError, match="damaged"):
        weft.load(path)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"hello world", b"\x80\x02N."])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises((RuntimeError, pickle.UnpicklingError)):
        weft.load(io.BytesIO(data))


def test_every_truncation_raises(tmp_path: Path) -> None:
    file = io.BytesIO()
    weft.save({"a": weft.ones(4)}, file)
    data = file.getvalue()
    for end in range(0, len(data), 37):
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            weft.load(io.BytesIO(data[:end]))


def test_tensors_of_a_gpu_need_a_map_location() -> None:
    file = io.BytesIO()
    weft.save(weft.ones(2), file)
    data = zipfile.ZipFile(file).read("archive/data.pkl").replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    gpu = io.BytesIO()
    with zipfile.ZipFile(gpu, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/data/0", zipfile.ZipFile(file).read("archive/data/0"))
    gpu.seek(0)
    with pytest.raises(RuntimeError, match="map_location"):
        weft.load(gpu)
    for where in ("cpu", weft.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage):
        gpu.seek(0)
        assert weft.load(gpu, map_location=where).tolist() == [1, 1]


def test_recorded_history_cannot_be_saved() -> None:
    x = weft.ones(2, requires_grad=True) * 2
    with pytest.raises(RuntimeError, match="detach"):
        weft.save(x, io.BytesIO())


def test_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    weft.save(weft.ones(2), path)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        weft.save([weft.ones(2), lambda: 0], path)
    assert weft.load(path).tolist() == [1, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.pt"]


def test_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"Parent directory .*nowhere does not exist"):
        weft.save(1, tmp_path / "nowhere" / "x.pt")


def test_stream_without_seek_can_be_written() -> None:
    class Stream:
        def __init__(self) -> None:
            self.data = bytearray()

        def write(self, data) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None: ...

    stream = Stream()
    weft.save({"a": weft.ones(3)}, stream)
    assert weft.load(io.BytesIO(stream.data))["a"].tolist() == [1, 1, 1]


def test_records_are_aligned(tmp_path: Path) -> None:
    weft.save([weft.ones(i + 1) for i in range(5)], tmp_path / "x.pt")
    data = (tmp_path / "x.pt").read_bytes()
    for info in zipfile.ZipFile(tmp_path / "x.pt").infolist():
        name, extra = struct.unpack("<HH", data[info.header_offset + 26 : info.header_offset + 30])
        assert (info.header_offset + 30 + name + extra) % 64 == 0
