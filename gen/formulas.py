"""Traced derivative formulas as C++ expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gen.types import TYPES, cpp_identifier, cpp_literal
from ops.formula import GEOMETRY, Call, Geometry, Item, Value, trace
from ops.signature import Parameter
from ops.table import Formula, Op


@dataclass
class Emitted:
    """C++ of one formula: statements that come first, then the expression."""

    lines: list[str] = field(default_factory=list)
    result: str = ""
    uses: set[str] = field(default_factory=set)  # values needed whole
    geometry: set[tuple[str, str]] = field(default_factory=set)  # (value, attribute) needed


class Emitter:
    """Writes the expression tree of one formula of `op`; `ops` maps C++ names to records."""

    def __init__(self, op: Op, ops: Mapping[str, Op]) -> None:
        self.op = op
        self.ops = ops
        self.values = self._values()

    def _values(self) -> dict[str, Value]:
        signature = self.op.signature
        values = {p.name: Value(p.name, p.type) for p in signature.parameters}
        for i, output in enumerate(signature.outputs):
            values[output.name] = Value(output.name, output.type)
            if output.hidden:
                continue
            if output.type == "list[Tensor]":
                values["grads"] = Value("grads", "list[Tensor | None]")
            else:
                values[f"g_{output.name}"] = Value(f"g_{output.name}", "Tensor")
                values[f"maybe_{output.name}"] = Value(f"maybe_{output.name}", "Tensor | None")
                if i == 0:
                    values["g"] = Value("g", "Tensor")
        for p in signature.parameters:
            if p.is_tensor or p.is_tensor_list:
                values[f"wants_{p.name}"] = Value(f"wants_{p.name}", "bool")
        return values

    def emit(self, formula: Formula, where: str) -> Emitted:
        """Traces and writes one formula."""
        tree = trace(formula, self.values, set(self.ops), where)
        out = Emitted()
        self._where = where
        self._out = out
        self._names: dict[int, str] = {}
        self._counts: dict[int, int] = {}
        self._count(tree)
        out.result = self._write(tree, "Tensor")
        return out

    def _count(self, tree: Any) -> None:
        if isinstance(tree, Item):
            self._counts[id(tree.value)] = 2  # indexed results live in a variable
            self._count(tree.value)
        elif isinstance(tree, Call):
            self._counts[id(tree)] = self._counts.get(id(tree), 0) + 1
            if self._counts[id(tree)] == 1 or not self._counts.get(-id(tree)):
                self._counts[-id(tree)] = 1
                for argument in tree.args:
                    self._count(argument)
        elif isinstance(tree, tuple | list):
            for part in tree:
                self._count(part)

    def _write(self, tree: Any, kind: str) -> str:
        if isinstance(tree, Value):
            return self._write_value(tree, kind)
        if isinstance(tree, Geometry):
            if tree.value.name not in ("g", "grads") and not tree.value.name.startswith("g_"):
                self._out.geometry.add((tree.value.name, tree.attribute))
                return f"s.{tree.value.name}_{tree.attribute}"
            return f"{cpp_identifier(tree.value.name)}.{tree.attribute}()"
        if isinstance(tree, Item):
            if isinstance(tree.value, Value):
                return f"{self._write(tree.value, 'list[Tensor]')}[{tree.index}]"
            source = self._write(tree.value, "")
            many = self.ops[tree.value.name].signature.visible
            return f"std::get<{tree.index}>({source})" if len(many) > 1 else f"{source}[{tree.index}]"
        if isinstance(tree, Call):
            if id(tree) in self._names:
                return self._names[id(tree)]
            text = self._write_call(tree)
            if self._counts.get(id(tree), 0) > 1:
                name = f"t{len(self._names)}"
                self._names[id(tree)] = name
                self._out.lines.append(f"const auto {name} = {text};")
                return name
            return text
        if isinstance(tree, tuple | list) and any(isinstance(v, Geometry | Value | Call | Item) for v in tree):
            return f"Dims{{{', '.join(self._write(v, 'int') for v in tree)}}}"
        return cpp_literal(tree, kind)

    def _write_value(self, value: Value, kind: str) -> str:
        if not (value.name in ("g", "grads") or value.name.startswith(("g_", "maybe_", "wants_"))):
            self._out.uses.add(value.name)
        name = cpp_identifier(value.name)
        if value.type.startswith("Number") and kind.startswith("Tensor"):
            return f"wrapped_number({name})"
        if value.type in ("float", "int", "bool") and kind.startswith("Tensor"):
            return f"wrapped_number(Scalar({name}))"
        return name

    def _write_call(self, call: Call) -> str:
        target = self.ops[call.name]
        parameters = target.signature.parameters
        if len(call.args) > len(parameters):
            raise TypeError(
                f"{self._where}: {call.name} takes {len(parameters)} arguments, the formula gives {len(call.args)}"
            )
        for missing in parameters[len(call.args) :]:
            if missing.required:
                raise TypeError(f"{self._where}: {call.name} needs {missing.name}")
        written = [self._argument(a, p) for a, p in zip(call.args, parameters, strict=False)]
        return f"ops::{target.cpp_name}({', '.join(written)})"

    def _argument(self, argument: Any, parameter: Parameter) -> str:
        text = self._write(argument, parameter.type)
        takes_list = parameter.type.startswith(("list[int]", "ints[")) or parameter.type == "shape"
        if takes_list and isinstance(argument, Value) and argument.type == "int":
            return f"Dims{{{text}}}"
        if (
            takes_list
            and isinstance(argument, Value)
            and parameter.type.endswith("None")
            and not argument.type.endswith("None")
        ):
            return f"std::optional<Dims>({text})"
        return text


def saved_field(op: Op, name: str) -> str:
    """Owning C++ type for a saved parameter or output."""
    for parameter in op.signature.parameters:
        if parameter.name == name:
            return TYPES[parameter.type].saved
    for output in op.signature.outputs:
        if output.name == name:
            return "std::vector<SavedTensor>" if output.type == "list[Tensor]" else "SavedTensor"
    raise KeyError(name)


def geometry_field(op: Op, name: str, attribute: str) -> str:
    """C++ type of saved geometry; a list of tensors keeps a list of shapes."""
    for parameter in op.signature.parameters:
        if parameter.name == name and parameter.is_tensor_list:
            return f"std::vector<{GEOMETRY[attribute]}>"
    return {"int": "int64_t"}.get(GEOMETRY[attribute], GEOMETRY[attribute])
