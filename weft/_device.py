"""The one device weft runs on."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["DeviceLike", "check_cpu", "cpu", "device"]


class device:
    """Where a tensor lives: always the CPU. Kept so that programs written for several devices run.

    Raises:
        RuntimeError: for any other device.

    >>> weft.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")
    __module__ = "weft"  # where PyTorch's files say it is

    def __init__(self, type: str | device = "cpu", index: int | None = None) -> None:
        if isinstance(type, device):
            index = type.index
            type = type.type
        name, _, number = type.partition(":")
        if number:
            index = int(number)
        if name not in ("cpu", "meta"):
            raise RuntimeError(f"weft runs on the CPU: device must be 'cpu', got {type!r}")
        if name == "meta":
            raise NotImplementedError("weft has no meta device: tensors always have memory")
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


DeviceLike: TypeAlias = device | str | int | None
cpu = device("cpu")


def check_cpu(where: DeviceLike) -> None:
    """Raises RuntimeError unless `where` is None or the CPU."""
    if where is None or where is cpu:
        return
    if isinstance(where, int):
        raise RuntimeError(f"weft runs on the CPU: there is no accelerator with number {where}")
    device(where)
