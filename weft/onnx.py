"""``weft.onnx``: exporting is not available, and says so; programs that ask whether they are exported hear no."""

from __future__ import annotations

from weft._legacy import refusing

__all__ = ["export", "is_in_onnx_export", "register_custom_op_symbolic"]

export = dynamo_export = refusing(
    "weft does not export to ONNX: save the state_dict with weft.save, load it in PyTorch, and export there",
    NotImplementedError,
)


def is_in_onnx_export() -> bool:
    """Whether an export is under way: no."""
    return False


def register_custom_op_symbolic(*args: object, **kwargs: object) -> None:
    """Nothing to register for."""
