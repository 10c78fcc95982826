"""Devices by name. weft runs on the CPU; the others can be named, as programs do before they choose, but not used."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["DeviceLike", "check_cpu", "cpu", "device"]

_TYPES = (
    "cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy",
    "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip


class device:
    """The name of a place for tensors. Only the CPU can hold any; as a context manager it checks just that.

    Raises:
        RuntimeError: no such type of device.

    >>> weft.device("cuda:1")
    device(type='cuda', index=1)
    >>> with weft.device("cpu"):
    ...     weft.ones(1).device
    device(type='cpu')
    """

    __slots__ = ("index", "type")
    __module__ = "weft"  # where PyTorch's files say it is

    def __init__(self, type: str | device | int = "cpu", index: int | None = None) -> None:
        if isinstance(type, int):
            raise RuntimeError(f"Cannot access accelerator device when none is available: there is no number {type}")
        if isinstance(type, device):
            index = type.index if index is None else index
            type = type.type
        name, colon, number = type.partition(":")
        if colon:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            if not number.isdecimal():
                raise RuntimeError(f"Invalid device string: {type!r}")
            index = int(number)
        if name not in _TYPES:
            raise RuntimeError(f"Expected one of {', '.join(_TYPES)} device type at start of device string: {type}")
        self.type: str = name
        self.index: int | None = index

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __reduce__(self) -> tuple[type[device], tuple[str] | tuple[str, int]]:
        return device, (self.type,) if self.index is None else (self.type, self.index)

    def __enter__(self) -> device:
        check_cpu(self)
        return self

    def __exit__(self, *_: object) -> None:
        pass


DeviceLike: TypeAlias = device | str | int | None
cpu = device("cpu")


def check_cpu(where: DeviceLike) -> None:
    """Raises, with PyTorch's class for a build without that device, unless `where` is None or the CPU."""
    if where is None or where is cpu:
        return
    kind = device(where).type
    if kind in ("cuda", "xpu", "mtia"):
        raise AssertionError(
            f"Torch not compiled with {kind.upper()} enabled: weft runs on the CPU, got device {str(where)!r}"
        )
    if kind == "meta":
        raise NotImplementedError("weft has no meta device: tensors always have memory")
    if kind != "cpu":
        raise RuntimeError(f"weft runs on the CPU: device must be 'cpu', got {str(where)!r}")
