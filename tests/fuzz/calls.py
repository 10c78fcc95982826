"""Random malformed calls over everything that can be called: the table, the compositions, their methods and namespaces.

A call is made of its seed alone, so the one that brought a process down can be made again.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import weft
import weft.nn.functional
from ops import all_ops

_DTYPES = [
    weft.float32, weft.float64, weft.int64, weft.bool, weft.uint8, weft.float16, weft.bfloat16, weft.complex64,
]  # fmt: skip
_SHAPES: list[tuple[int, ...]] = [
    (), (0,), (1,), (3,), (2, 3), (3, 2), (0, 4), (2, 0), (2, 2, 2), (1, 3, 4), (2, 3, 4, 4), (1, 2, 3, 4, 5), (1,) * 9,
]  # fmt: skip
_HUGE = (2**62, -(2**62), 2**31, 10**12)  # sizes nobody has memory for
_WORDS = ("", "sum", "mean", "none", "amax", "floor", "reflect", "ij", "nonsense", "i,j->ij", "...->")
# Not functions of tensors: they change the process or wait for something.
_LEFT_OUT = {
    "set_num_threads", "set_num_interop_threads", "save", "load", "set_default_dtype", "set_printoptions", "compile",
    "set_default_device", "use_deterministic_algorithms", "set_default_tensor_type", "from_file", "manual_seed", "seed",
}  # fmt: skip


def _kinds() -> dict[str, list[list[str]]]:
    """Types of the parameters of each form of the native operators, by name."""
    found: dict[str, list[list[str]]] = {}
    for op in all_ops():
        types = [p.type for p in op.signature.parameters]
        for name in (op.name, *op.aliases, f"{op.name}_"):
            found.setdefault(name, []).append(types)
    return found


KINDS = _kinds()


def _parameters(rng: random.Random, name: str, function: Callable[..., Any]) -> list[str]:
    """Types the function would like to have."""
    forms = KINDS.get(name.rpartition(".")[2])
    if forms:
        return rng.choice(forms)
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [str(p.annotation) for p in signature.parameters.values() if p.kind in positional]


def _wanted(rng: random.Random, kind: str) -> Any:
    """Something of the type, though not necessarily of a sensible value."""
    if "list[Tensor" in kind or "Sequence[Tensor" in kind:
        return [_tensor(rng) for _ in range(rng.randrange(4))]
    if "Tensor" in kind:
        return _tensor(rng) if rng.random() < 0.9 else None
    if "list[" in kind or "Sequence" in kind or "shape" in kind or "size" in kind:
        return [_size(rng) for _ in range(rng.randrange(5))] if rng.random() < 0.8 else _size(rng)
    if "bool" in kind:
        return rng.random() < 0.5
    if "str" in kind:
        return rng.choice(_WORDS)
    if "int" in kind:
        return _size(rng)
    if "dtype" in kind:
        return rng.choice([None, *_DTYPES])
    return rng.choice([0.5, 2, -1, 0, 1e300, float("nan")])


def targets(internal: bool = False) -> list[tuple[str, Callable[..., Any]]]:
    """Public functions and methods by name; or the internal operators that derivatives are made of, which trust them."""
    spaces = {
        "weft": weft, "F": weft.nn.functional, "linalg": weft.linalg, "special": weft.special, "Tensor": weft.Tensor,
        "native_nn": weft._core.nn,
    }  # fmt: skip
    if internal:
        spaces = {"internal": weft._core.internal}
    found = []
    for space, module in spaces.items():
        for name in sorted(dir(module)):
            if name.startswith("_") or name in _LEFT_OUT:
                continue
            value = getattr(module, name, None)  # PyTorch's names that weft lacks are listed, and raise
            if callable(value) and not isinstance(value, type):
                found.append((f"{space}.{name}", value))
    return found


def _tensor(rng: random.Random) -> weft.Tensor:
    dtype = rng.choice(_DTYPES)
    shape = rng.choice(_SHAPES)
    kind = rng.randrange(8)
    if dtype.is_floating_point and kind < 6:
        t = weft.randn(shape).to(dtype)
    elif kind == 6 and dtype is weft.int64:
        t = weft.full(shape, rng.choice([-1, 100, 2**40, -(2**40)]), dtype=dtype)
    else:
        t = weft.randint(0, 3, shape).to(dtype)
    if kind == 0 and t.dim() >= 2:
        t = t.transpose(0, -1)
    elif kind == 1 and t.dim() == 1 and t.numel() == 1:
        t = t.expand(5)  # elements overlap: nothing may be written here
    elif kind == 2 and dtype.is_floating_point:
        t.requires_grad_(True)
    return t


def _size(rng: random.Random) -> int:
    return rng.choice(_HUGE) if rng.random() < 0.06 else rng.randint(-3, 5)


def _argument(rng: random.Random) -> Any:
    kind = rng.randrange(20)
    if kind < 8:
        return _tensor(rng)
    if kind < 11:
        return _size(rng)
    if kind == 11:
        return rng.choice([0.5, -1.0, float("nan"), float("inf"), 1e300, 2.0])
    if kind == 12:
        return rng.choice([None, True, False])
    if kind < 15:
        return [_size(rng) for _ in range(rng.randrange(5))]
    if kind == 15:
        return rng.choice(_WORDS)
    if kind == 16:
        return rng.choice(_DTYPES)
    if kind == 17:
        return tuple(_tensor(rng) for _ in range(rng.randrange(4)))
    if kind == 18:
        return rng.choice([object(), {}, slice(0, 2), 1 + 2j, b"x", ...])
    return [_argument(rng)]


def _backward(value: Any) -> Iterator[weft.Tensor]:
    if isinstance(value, weft.Tensor):
        if value.requires_grad and value.numel() and value.is_floating_point():
            yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _backward(item)


def call(seed: int, known: list[tuple[str, Callable[..., Any]]]) -> str:
    """Makes the call of a seed and says what came of it: "gave", or the class that was raised."""
    rng = random.Random(seed)
    name, function = known[rng.randrange(len(known))]
    weft.manual_seed(seed)
    kinds = _parameters(rng, name, function)
    if kinds and rng.random() < 0.9:
        kinds = kinds[: rng.randint(1, len(kinds))]
        arguments = [_wanted(rng, kind) if rng.random() < 0.96 else _argument(rng) for kind in kinds]
    else:
        arguments = [_argument(rng) for _ in range(rng.randrange(6))]
    if name.startswith("Tensor.") and not (arguments and isinstance(arguments[0], weft.Tensor)):
        arguments.insert(0, _tensor(rng))
    keywords: dict[str, Any] = {}
    if rng.random() < 0.15:
        keywords[rng.choice(["out", "dim", "dtype", "keepdim", "reduction", "nonsense"])] = _argument(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = function(*arguments, **keywords)
            for tensor in _backward(result):
                tensor.sum().backward(retain_graph=True)
        except Exception as error:
            return type(error).__name__
    return "gave"
