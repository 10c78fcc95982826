"""Derivative formulas: lambdas are traced once, so an unknown name or a wrong argument fails at generation.

Inside a formula ``x * y``, ``-x``, ``x @ y`` and calls such as ``rsqrt(x)`` name operators of the table; ``x.sizes``,
``x.dtype`` and ``x.dim`` are the tensor's geometry, for which no tensor needs to be kept.
"""

from __future__ import annotations

import builtins
import math
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

GEOMETRY = {"sizes": "Dims", "strides": "Dims", "dtype": "DType", "dim": "int", "numel": "int", "offset": "int"}


class _Arithmetic:
    """Python's operators, spelled as operators of the table."""

    def __add__(self, other: Any) -> Call:
        return Call("add", (self, other))

    def __radd__(self, other: Any) -> Call:
        return Call("add", (other, self))

    def __sub__(self, other: Any) -> Call:
        return Call("sub", (self, other))

    def __rsub__(self, other: Any) -> Call:
        return Call("sub", (other, self))

    def __mul__(self, other: Any) -> Call:
        return Call("mul", (self, other))

    def __rmul__(self, other: Any) -> Call:
        return Call("mul", (other, self))

    def __truediv__(self, other: Any) -> Call:
        return Call("div", (self, other))

    def __rtruediv__(self, other: Any) -> Call:
        return Call("div", (other, self))

    def __matmul__(self, other: Any) -> Call:
        return Call("matmul", (self, other))

    def __pow__(self, other: Any) -> Call:
        return Call("pow", (self, other))

    def __neg__(self) -> Call:
        return Call("neg", (self,))

    def __gt__(self, other: Any) -> Call:
        return Call("gt", (self, other))

    def __ge__(self, other: Any) -> Call:
        return Call("ge", (self, other))

    def __lt__(self, other: Any) -> Call:
        return Call("lt", (self, other))

    def __le__(self, other: Any) -> Call:
        return Call("le", (self, other))

    def __bool__(self) -> bool:
        raise TypeError("a formula cannot branch on a value; use where(...) or a named C++ function")


@dataclass(frozen=True, eq=False)
class Value(_Arithmetic):
    """A parameter, an output, or the incoming gradient."""

    name: str
    type: str

    def __getattr__(self, attribute: str) -> Geometry:
        if attribute in GEOMETRY and not attribute.startswith("_"):
            return Geometry(self, attribute)
        raise AttributeError(f"{self.name}.{attribute}: formulas know {sorted(GEOMETRY)}")

    def __getitem__(self, index: int) -> Item:
        return Item(self, index)


@dataclass(frozen=True, eq=False)
class Geometry:
    """``x.sizes``: kept instead of the tensor."""

    value: Value
    attribute: str


@dataclass(frozen=True, eq=False)
class Item(_Arithmetic):
    """One element of a list of gradients or of a call with several results."""

    value: Any
    index: int


@dataclass(frozen=True, eq=False)
class Call(_Arithmetic):
    """An operator of the table applied to arguments."""

    name: str
    args: tuple[Any, ...]

    def __getitem__(self, index: int) -> Item:
        return Item(self, index)


def _global_names(code: types.CodeType) -> set[str]:
    """The names a formula looks up, in its inner lambdas too."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*(_global_names(c) for c in inner))


def trace(formula: Callable[..., Any], values: Mapping[str, Value], operators: set[str], where: str) -> Any:
    """Runs `formula` on symbols; returns its expression tree.

    Args:
        formula: a lambda whose parameters are keys of `values`.
        values: the symbols a formula may ask for.
        operators: C++ names of all operators.
        where: for error messages.
    Raises:
        NameError: a name that is neither an operator nor a parameter.
    """
    code = formula.__code__
    names = code.co_varnames[: code.co_argcount]
    for name in names:
        if name not in values:
            raise NameError(f"{where}: the formula asks for {name!r}; it may ask for {sorted(values)}")

    def operator(name: str) -> Callable[..., Call]:
        return lambda *args: Call(name, args)

    scope: dict[str, Any] = {"__builtins__": {"len": builtins.len}, "pi": math.pi, "inf": math.inf, "math": math}
    for name in _global_names(code):
        if name in operators:
            scope[name] = operator(name)
        elif name in formula.__globals__ and isinstance(formula.__globals__[name], int | float):
            scope[name] = formula.__globals__[name]
    closure = formula.__closure__
    traced = types.FunctionType(code, scope, closure=closure)
    try:
        return traced(*(values[name] for name in names))
    except NameError as error:
        raise NameError(f"{where}: {error} and is no operator of the table") from None
