"""Signatures of operators: ``"sum.dim(self: Tensor, dim: list[int] | None, *, keepdim: bool = False) -> Tensor"``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

#: Every type a parameter can have. What each means in C++, Python and a stub is gen/types.py's business.
TYPES = frozenset(
    {
        "Tensor",
        "Tensor | None",
        "Tensor | Number",  # a Python number becomes a 0-dim tensor, weakest in type promotion
        "list[Tensor]",
        "list[Tensor | None]",
        "Number",
        "Number | None",
        "int",
        "int | None",
        "float",
        "float | None",
        "bool",
        "bool | None",
        "str",
        "str | None",
        "list[int]",
        "list[int] | None",
        "shape",  # list[int] that may also be spelled f(2, 3)
        "ints[1]",  # n ints, or one int for all n
        "ints[2]",
        "ints[3]",
        "ints[1] | None",
        "ints[2] | None",
        "ints[3] | None",
        "list[float] | None",
        "dtype",
        "dtype | None",
        "memory_format",
        "memory_format | None",
        "Generator | None",
        "list[Dims]",  # internal: the shapes of a list of tensors
    }
)

REQUIRED = object()


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = REQUIRED
    keyword_only: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def is_tensor(self) -> bool:
        return self.type in ("Tensor", "Tensor | None", "Tensor | Number")

    @property
    def is_tensor_list(self) -> bool:
        return self.type in ("list[Tensor]", "list[Tensor | None]")


@dataclass(frozen=True)
class Output:
    name: str
    type: str  # "Tensor" or "list[Tensor]", or a plain "bool", "int", "float" of an op that is not differentiable
    hidden: bool = False  # kept for backward, not returned to the caller


@dataclass(frozen=True)
class Signature:
    name: str  # "sum"
    overload: str  # "dim", or ""
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...]

    @property
    def visible(self) -> tuple[Output, ...]:
        return tuple(o for o in self.outputs if not o.hidden)


def _parameters(text: str, where: str) -> tuple[Parameter, ...]:
    try:
        definition = ast.parse(f"def f({text}): ...").body[0]
    except SyntaxError as error:
        raise ValueError(f"{where}: cannot parse parameters {text!r}: {error}") from None
    assert isinstance(definition, ast.FunctionDef)
    arguments = definition.args
    defaults: list[Any] = [REQUIRED] * (len(arguments.args) - len(arguments.defaults))
    defaults += [ast.literal_eval(d) for d in arguments.defaults]
    result = []
    pairs = [(a, d, False) for a, d in zip(arguments.args, defaults, strict=True)]
    for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        pairs.append((a, REQUIRED if d is None else ast.literal_eval(d), True))
    for argument, default, keyword_only in pairs:
        if argument.annotation is None:
            raise ValueError(f"{where}: parameter {argument.arg} has no type")
        kind = ast.unparse(argument.annotation)
        if kind not in TYPES:
            raise ValueError(f"{where}: unknown type {kind!r} of {argument.arg}; known: {sorted(TYPES)}")
        result.append(Parameter(argument.arg, kind, default, keyword_only))
    return tuple(result)


def parse(text: str) -> Signature:
    """Reads a signature; raises ValueError that says where it is wrong."""
    head, arrow, returns = text.partition("->")
    name, paren, inner = head.strip().partition("(")
    if not arrow or not paren or not inner.endswith(")"):
        raise ValueError(f"{text!r}: expected name(parameters) -> result")
    base, _, overload = name.partition(".")
    parameters = _parameters(inner[:-1], name)
    returns = returns.strip()
    if not returns.startswith("("):
        return Signature(base, overload, parameters, (Output("out", returns),))
    definition = ast.parse(f"def f{returns}: ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    visible = [(a, False) for a in definition.args.args] + [(a, True) for a in definition.args.kwonlyargs]
    outputs = tuple(Output(a.arg, ast.unparse(a.annotation) if a.annotation else "Tensor", h) for a, h in visible)
    return Signature(base, overload, parameters, outputs)
