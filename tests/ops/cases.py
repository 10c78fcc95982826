"""The operators under test, from the table and from the Python compositions, and the arguments they are tried with."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import weft
from ops import all_ops
from ops.table import INTEGRAL, SELECT, Op

_NAMESPACES = {"": weft._core, "_": weft._core.internal, "nn": weft._core.nn, "linalg": weft._core.linalg,
               "special": weft._core.special, "fft": weft._core.fft}  # fmt: skip
_UNARY = [((),), ((5,),), ((2, 3),), ((0,),)]
_BINARY = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (4,)), ((3,), ()), ((0, 3), (3,))]
_TERNARY = [((2, 3), (2, 3), (2, 3)), ((2, 3), (3,), ()), ((0,), (0,), (0,))]


@dataclass(frozen=True)
class Case:
    """One operator: how to call it, and with what."""

    name: str
    function: Callable[..., Any]
    samples: Sequence[Sequence[Any]]
    big: Sequence[Sequence[Any]]
    reference: Callable[..., Any] | None
    domain: tuple[float, float]
    ulps: float
    op: Op | None = None
    tensors: tuple[int, ...] = ()  # positions of tensors among the arguments; empty: every tuple of ints is a shape
    selects: bool = False  # the first tensor is a bool mask
    integral: bool = False  # takes integers only

    @property
    def double_error(self) -> float:
        """The relative error the record states for float64."""
        return self.op.double_error if self.op is not None else 0.0

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers: a stream for each dtype."""
        return self.op is not None and any(p.type == "Generator | None" for p in self.op.signature.parameters)

    @property
    def without_derivative(self) -> set[int]:
        """Which of the tensors among the arguments have no derivative, as the record says."""
        if self.op is None:
            return set()
        tensors = [p.name for p in self.op.signature.parameters if p.is_tensor]
        formulas = {name: f.__code__.co_names for name, f in self.op.vjp.items() if isinstance(name, str)}
        return {i for i, name in enumerate(tensors) if "_no_derivative" in formulas.get(name, ())}

    def __str__(self) -> str:
        return self.name


@dataclass
class Call:
    """Concrete arguments of one call: NumPy arrays where tensors go."""

    args: list[Any]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def map(self, f: Callable[[np.ndarray], Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with f applied to every array, also inside lists."""

        def one(value: Any) -> Any:
            if isinstance(value, np.ndarray):
                return f(value)
            if isinstance(value, list) and any(isinstance(v, np.ndarray) for v in value):
                return [one(v) for v in value]
            return value

        return [one(a) for a in self.args], {k: one(v) for k, v in self.kwargs.items()}

    def arrays(self) -> list[np.ndarray]:
        found: list[np.ndarray] = []
        self.map(lambda a: found.append(a))  # type: ignore[func-returns-value]
        return found


def _function(op: Op) -> Callable[..., Any]:
    if op.inplace_only:
        return lambda self, *args, **kwargs: getattr(self.clone(), op.name)(*args, **kwargs)
    if op.function:
        return getattr(_NAMESPACES[op.namespace], op.name)
    return getattr(weft.Tensor, op.name)


def _pointwise_samples(op: Op) -> list[tuple[Any, ...]]:
    tensors = [p for p in op.signature.parameters if p.is_tensor]
    if any(p.required and not p.is_tensor for p in op.signature.parameters):
        return []
    return [[], _UNARY, _BINARY, _TERNARY][len(tensors)]  # type: ignore[return-value]


def _reference(ref: Any) -> Callable[..., Any] | None:
    if not isinstance(ref, str):
        return ref  # type: ignore[no-any-return]
    module, _, name = ref.rpartition(".")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def _listed(samples: Any) -> Sequence[Any]:
    return samples() if callable(samples) else samples


def _from_table() -> Iterator[Case]:
    for op in all_ops():
        if not all(p.type != "list[Dims]" for p in op.signature.parameters) or not op.functional:
            continue
        if op.types == "c":  # test_complex.py tries it
            continue
        samples = _listed(op.samples) or (_pointwise_samples(op) if op.is_pointwise else [])
        if not samples:
            continue
        big = list(_listed(op.big))
        if op.is_pointwise and not big:
            big = [tuple((70_001,) if isinstance(v, tuple) else v for v in samples[0])]
        tensors = tuple(i for i, p in enumerate(op.signature.parameters) if p.is_tensor or p.is_tensor_list)
        yield Case(op.key, _function(op), samples, big, _reference(op.ref), op.domain, op.ulps, op, tensors,
                   op.rule is SELECT, op.rule is INTEGRAL)  # fmt: skip


def _from_compositions() -> Iterator[Case]:
    registry = importlib.import_module("weft._compose._registry")
    for entry in registry.registered():
        samples = _listed(entry.samples)
        if samples:
            yield Case(entry.key, entry.function, samples, _listed(entry.big), _reference(entry.ref), entry.domain,
                       entry.ulps)  # fmt: skip


def cases() -> list[Case]:
    """Every operator that has samples."""
    found = list(_from_table())
    if importlib.util.find_spec("weft._compose") is not None:
        found += list(_from_compositions())
    return found


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)


def make_call(case: Case, sample: Sequence[Any], dtype: Any = np.float64, seed: int = 0) -> Call:
    """Draws the arrays of one sample from the case's domain."""
    rng = np.random.default_rng(seed)
    low, high = case.domain

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        if np.dtype(dtype) == np.bool_:
            return rng.random(shape) < 0.5
        if case.integral and np.issubdtype(dtype, np.floating):
            return np.asarray(rng.integers(max(int(low), 0), int(high) + 4, shape))
        values = np.asarray(rng.uniform(low, high, shape))
        if np.issubdtype(dtype, np.integer):
            values = np.trunc(values * 3)
            if low >= 0:
                values = np.maximum(values, 1)
        return np.asarray(values.astype(dtype))

    def make(position: int, value: Any) -> Any:
        if case.tensors and position not in case.tensors:
            return value
        if _is_shape(value):
            if case.selects and position == 0:
                return np.asarray(rng.random(value) < 0.5)
            return draw(value)
        if isinstance(value, list) and value and all(_is_shape(v) for v in value):
            return [draw(v) for v in value]
        return value

    values = list(sample)
    keywords = dict(values.pop()) if values and isinstance(values[-1], dict) else {}
    return Call([make(i, v) for i, v in enumerate(values)], {k: make(-1, v) for k, v in keywords.items()})


def enlarged(case: Case, sample: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The sample with every dimension larger than 1 of every tensor to draw multiplied by a factor; large ones first.

    A dimension that two tensors share stays shared. What other arguments say may no longer fit: then calling raises.
    """

    def grown(position: int, value: Any, factor: int) -> Any:
        if _is_shape(value) and (not case.tensors or position in case.tensors):
            return tuple(n * factor if n > 1 else n for n in value)
        if isinstance(value, list) and value and all(_is_shape(v) for v in value):
            return [grown(position, v, factor) for v in value]
        return value

    for factor in (4096, 1024, 256, 64, 32, 16, 8, 4):
        candidate = [grown(i, v, factor) for i, v in enumerate(sample)]
        shapes = [s for v in candidate for s in (v if isinstance(v, list) else [v]) if _is_shape(s)]
        if max((math.prod(s) for s in shapes), default=0) <= 300_000 and candidate != list(sample):
            yield candidate


def to_tensor(array: np.ndarray) -> weft.Tensor:
    """A contiguous tensor holding a copy of the array."""
    return weft.from_numpy(np.array(array))


def run(case: Case, call: Call, convert: Callable[[np.ndarray], Any] = to_tensor) -> Any:
    """Calls the operator; random operators start from the same seed every time."""
    weft.manual_seed(0)
    args, kwargs = call.map(convert)
    return case.function(*args, **kwargs)


def flatten(result: Any) -> list[weft.Tensor]:
    """All tensors of a result."""
    if isinstance(result, weft.Tensor):
        return [result]
    if isinstance(result, tuple | list):
        return [t for part in result for t in flatten(part)]
    return []


ALL = cases()
SAMPLES = [(case, sample) for case in ALL for sample in case.samples]


def label(pair: tuple[Case, Sequence[Any]]) -> str:
    """A test id: the operator and its arguments' shapes."""
    case, sample = pair
    text = ",".join(f"{v.dtype}{v.shape}" if isinstance(v, np.ndarray) else str(v) for v in sample)
    return f"{case.name}({text})".replace(" ", "")[:100]
