"""The record of an operator, and the words records are written with."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ops.signature import Signature, parse

Formula = Callable[..., Any]
_RECORDS: dict[str, Op] = {}


class Rule(Enum):
    """How the dtype that a pointwise operator computes in, and its result's, follow from its inputs."""

    FLOAT = "float_"  # integers become the default dtype: sin, div
    PROMOTE = "promote"  # PyTorch's result_type: add, maximum
    WIDEN = "widen"  # result_type, bools become int64: square
    COMPARE = "compare"  # computed in result_type, gives bool: eq, logical_and
    TEST = "test"  # of one tensor, gives bool: isnan
    INTEGRAL = "integral"  # result_type, which must be an integer or bool: bitwise_and
    SELECT = "select"  # the first input is a bool mask, the others promote: where


FLOAT, PROMOTE, WIDEN, COMPARE = Rule.FLOAT, Rule.PROMOTE, Rule.WIDEN, Rule.COMPARE
TEST, INTEGRAL, SELECT = Rule.TEST, Rule.INTEGRAL, Rule.SELECT


@dataclass(frozen=True)
class Cost:
    """Expected native time, for the governor and the grain of parallel loops: nanoseconds on one thread."""

    per_element: float = 0.0  # of the largest tensor among inputs
    function: str = ""  # or a C++ function of the op's arguments in core/ops/cost.h


def pointwise(nanoseconds: float) -> Cost:
    """So many nanoseconds for each element, in float32."""
    return Cost(per_element=nanoseconds)


def estimated(function: str) -> Cost:
    """What the named function of core/ops/cost.h says."""
    return Cost(function=function)


FREE = Cost()  # views and bookkeeping: never worth letting go of the lock


@dataclass(frozen=True, eq=False)
class Op:
    """One operator, declared once.

    Args:
        text: the signature; a parameter called ``self`` is ``input`` for Python's functions and the receiver of
            the method.
        doc: one line first; then shapes, errors, an example, the source.
        rule: set for a pointwise operator: its kernel is the functor ``functor`` in core/kernels/functors*.h.
        types: compute types the functor is built for: f float32, d float64, l int64, b bool, c complex64 and complex128
            (that one is of functors_complex.h), s each smaller integer in itself: where the result is that of int64
            cut off; without s those go through int64.
        real_valued: of complex inputs the functor makes a real number: abs.
        holomorphic: its derivatives are written as for real numbers, and hold for complex ones conjugated around:
            conj(formula(conj(g))). By default true where the functor is built for complex numbers and gives them.
        cost: see Cost.
        vjp: for each differentiable parameter a traced lambda giving its gradient. Lambda parameters are names of
            the operator's parameters and outputs, and ``g`` (the gradient of the first output) or ``g_<output>``;
            ``maybe_<output>`` is None where no gradient arrived and ``g_<output>`` zeros.
        impl: a structural operator's function in weft::ops::impl, by default its own name; "" for none.
        composite: the C++ function is made of other differentiable operators and records no node itself.
        view: the results look into ``self``'s storage.
        layout_bound: what comes out depends on how ``self`` lies in memory, not on its values alone.
        mutates: the C++ function ``<impl>_`` writes into ``self``. The functional form clones first.
        functional, method, function, out: which forms exist.
        out_casts: out= may have any dtype the result can be cast to; otherwise it must have the result's. By default
            true for pointwise operators that compute in a common dtype. With a parameter ``dtype`` that is not given,
            out= decides the dtype.
        apart: parameters that out= may not share memory with.
        inplace: the form ``name_`` exists. By default for pointwise and mutating operators.
        inplace_function: ``name_`` is a function of the namespace, too, and not only a method. By default for pointwise
            operators of one tensor.
        namespace: where Python finds the function: "" is weft itself; "nn", "linalg", "special", "fft"; "_" internal.
        aliases: other names of the same operator.
        also: functions of other namespaces that are the same operator, as "special.expit".
        operator: Python operator protocol methods, e.g. ("add",) for __add__, __radd__ and __iadd__.
        autocast: what autocast converts floating-point arguments to: "lower" (its dtype: products), "float32" (where
            low precision would hurt), "widest" (float32 if any is: joining); "" leaves them alone.
        checks: C++ functions in weft::ops::checks, separated by spaces, called with all arguments first.
        ref: reference for tests: a dotted NumPy or SciPy name, or a callable of NumPy arrays.
        samples: argument tuples for tests, each a sequence whose Tensor entries are shapes, see tests/ops/samples.py.
        big: further samples, large enough to run on several threads; pointwise operators need none.
        domain: interval the tests draw floating-point inputs from.
        ulps: stated error of the result in float32 units in the last place, against ref in float64.
        double_error: stated relative error in float64, where it is more than a few units in the last place.
        backward_name: of the graph node, where PyTorch's differs from ours.
        batch: how vmap runs it on a whole batch, a family of weft/func/_rules.py; see `batch_family` for the default.
    """

    text: str
    doc: str
    rule: Rule | None = None
    types: str = ""
    functor: str = ""
    real_valued: bool = False
    holomorphic: bool | None = None
    cost: Cost = FREE
    vjp: Mapping[str | tuple[str, ...], Formula] = field(default_factory=dict)
    impl: str = ""
    composite: bool = False
    view: bool = False
    layout_bound: bool = False
    mutates: bool = False
    functional: bool = True
    method: bool = True
    function: bool = True
    out: bool | None = None
    out_casts: bool | None = None
    apart: Sequence[str] = ()
    inplace: bool | None = None
    inplace_function: bool | None = None
    namespace: str = ""
    aliases: Sequence[str] = ()
    also: Sequence[str] = ()
    operator: Sequence[str] = ()
    autocast: str = ""
    checks: str = ""
    factory: bool = False
    ref: str | Callable[..., Any] | None = None
    samples: Sequence[Any] | Callable[[], Sequence[Any]] = ()
    big: Sequence[Any] | Callable[[], Sequence[Any]] = ()
    domain: tuple[float, float] = (-3.0, 3.0)
    ulps: float = 4.0
    double_error: float = 0.0
    backward_name: str = ""
    batch: str = ""
    signature: Signature = field(init=False)
    source: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "signature", parse(self.text))
        frame = inspect.currentframe()
        caller = frame.f_back.f_back if frame and frame.f_back else None
        while isinstance(caller, types.FrameType) and caller.f_code.co_filename.endswith("table.py"):
            caller = caller.f_back
        if caller is not None:
            object.__setattr__(self, "source", f"ops/{Path(caller.f_code.co_filename).name}:{caller.f_lineno}")
        if self.key in _RECORDS:
            raise ValueError(f"{self.source}: {self.key} is declared at {_RECORDS[self.key].source} already")
        _RECORDS[self.key] = self

    @property
    def name(self) -> str:
        return self.signature.name

    @property
    def key(self) -> str:
        """Unique: ``sum``, ``sum.dim``, ``nn.linear``."""
        prefix = f"{self.namespace}." if self.namespace else ""
        overload = f".{self.signature.overload}" if self.signature.overload else ""
        return f"{prefix}{self.signature.name}{overload}"

    @property
    def cpp_name(self) -> str:
        """The C++ entry in weft::ops, and the name in formulas: ``sum``, ``sum_dim``, ``linear``."""
        overload = self.signature.overload
        return f"{self.name}_{overload}" if overload else self.name

    @property
    def is_pointwise(self) -> bool:
        return self.rule is not None

    @property
    def is_holomorphic(self) -> bool:
        return "c" in self.types and not self.real_valued if self.holomorphic is None else self.holomorphic

    @property
    def inplace_only(self) -> bool:
        return self.name.endswith("_") and not self.name.endswith("__")

    @property
    def has_inplace(self) -> bool:
        if self.inplace is not None:
            return self.inplace
        if self.namespace in ("_", "special"):
            return False
        return (self.mutates and not self.inplace_only) or (self.is_pointwise and self.rule not in (TEST, SELECT))

    @property
    def has_inplace_function(self) -> bool:
        tensors = sum("Tensor" in p.type for p in self.signature.parameters)
        return self.inplace_function if self.inplace_function is not None else self.is_pointwise and tensors == 1

    @property
    def has_out(self) -> bool:
        if self.inplace_only or self.view or self.namespace in ("nn", "_"):
            return bool(self.out)
        return self.is_pointwise if self.out is None else self.out

    @property
    def casts_out(self) -> bool:
        return self.out_casts if self.out_casts is not None else self.is_pointwise and self.rule is not TEST

    @property
    def is_method(self) -> bool:
        public = self.namespace not in ("_", "nn", "special")
        return self.method and public and any(p.name == "self" for p in self.signature.parameters)

    @property
    def batch_family(self) -> str:
        """The family of `batch`, or what follows from the signature; "loop" runs the examples one by one."""
        if self.batch:
            return self.batch
        names = {p.name for p in self.signature.parameters}
        tensors = [p for p in self.signature.parameters if "Tensor" in p.type]
        if self.is_pointwise:
            return "pointwise"
        if "generator" in names:
            return "random"
        if len(tensors) == 1 and tensors[0].type == "Tensor" and names & _DIMS:
            return "dims"
        return "loop"

    @property
    def functor_name(self) -> str:
        return self.functor or "".join(part.capitalize() for part in self.name.split("_"))


_DIMS = {"dim", "dims", "dim0", "dim1", "dim2", "start_dim", "end_dim", "dimension", "source", "destination"}


def registered() -> Sequence[Op]:
    """The records imported so far."""
    return tuple(_RECORDS.values())
