"""PyTorch as the judge: runs the same code with weft and with torch, and compares what comes out.

A case is a function of the module: ``lambda m: m.tensor([1.0]) + 1``. Tensors compare by dtype, shape, values and
whether they require gradients; exceptions by class, and by message when asked to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import weft


@dataclass(frozen=True)
class Raised:
    kind: str
    message: str


def outcome(case: Callable[[Any], Any], module: Any) -> Any:
    """What the case gives or raises, in plain Python."""
    try:
        return plain(case(module))
    except Exception as error:
        return Raised(type(error).__name__, named(str(error)))


def named(text: str) -> str:
    return text.replace("torch.", "weft.").replace("(input_tensor)", "")


def plain(value: Any) -> Any:
    if hasattr(value, "requires_grad"):
        return (
            "tensor",
            named(str(value.dtype)),
            tuple(value.shape),
            value.requires_grad,
            plain(value.detach().tolist()),
        )
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, complex):
        return (value.real, value.imag)
    if value is None or isinstance(value, bool | int | float):
        return value
    return named(str(value))


def same(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b or math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance)
    return type(a) is type(b) and a == b


def agree(case: Callable[[Any], Any], *, message: bool = False, tolerance: float = 1e-6) -> None:
    """Asserts that weft does what torch does; tolerance is relative and absolute, for floats."""
    torch = pytest.importorskip("torch")
    ours, theirs = outcome(case, weft), outcome(case, torch)
    if isinstance(ours, Raised) and isinstance(theirs, Raised):
        assert ours.kind == theirs.kind, f"weft: {ours}\ntorch: {theirs}"
        if message:
            assert ours.message == theirs.message
    else:
        assert same(ours, theirs, tolerance), f"weft: {ours}\ntorch: {theirs}"
