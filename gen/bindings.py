"""Python's functions, methods and number protocol, as tables for bindings/dispatch.h."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen.entries import HEADER, arguments, has_cost
from gen.types import cpp_identifier, cpp_literal, cpp_result, of
from ops.signature import Parameter
from ops.table import Op

NAMESPACES = {"": "weft", "nn": "nn", "linalg": "linalg", "special": "special", "fft": "fft", "_": "internal"}


@dataclass(frozen=True)
class Form:
    """One callable shape of an operator: functional or in place."""

    op: Op
    inplace: bool

    @property
    def entry(self) -> str:
        return f"{self.op.cpp_name}_" if self.inplace and not self.op.inplace_only else self.op.cpp_name

    @property
    def id(self) -> str:
        return f"{self.entry}_form"


@dataclass(frozen=True)
class Name:
    """A name Python sees, with the forms behind it in the order they are tried."""

    namespace: str
    name: str
    forms: tuple[Form, ...]
    function: bool
    method: bool


def names(ops: Sequence[Op]) -> list[Name]:
    """Every Python name of the table, overloads together."""
    found: dict[tuple[str, str], list[Form]] = {}
    flags: dict[tuple[str, str], list[bool]] = {}
    for op in sorted(ops, key=lambda o: (o.name, o.source.split(":")[0], int(o.source.split(":")[1]))):
        callable_forms = forms_of(op)
        for base in (op.name, *op.aliases) if callable_forms else ():
            spellings = []
            if op.inplace_only:
                spellings.append((base, Form(op, True)))
            else:
                if op.functional:
                    spellings.append((base, Form(op, False)))
                if op.has_inplace:
                    spellings.append((f"{base}_", Form(op, True)))
            for name, form in spellings:
                key = (op.namespace, name)
                found.setdefault(key, []).append(form)
                flag = flags.setdefault(key, [False, False])
                flag[0] |= op.function and (op.inplace_only or not form.inplace or op.has_inplace_function)
                flag[1] |= op.is_method
        for path in op.also:
            namespace, _, name = path.rpartition(".")
            found.setdefault((namespace, name), []).append(Form(op, False))
            flags[namespace, name] = [True, False]
    return [Name(ns, name, tuple(forms), *flags[ns, name]) for (ns, name), forms in sorted(found.items())]


def _spec(p: Parameter) -> str:
    flags = [f"Kind::{of(p).kind}", "true" if p.required else "false", "true" if p.keyword_only else "false"]
    python_name = "input" if p.name == "self" else p.name
    return f'{{"{python_name}", {", ".join(flags)}}}'


def _conversion(p: Parameter, i: int) -> str:
    """The C++ that turns slot i into the argument."""
    kind = of(p)
    getter = f"slots.{kind.get}({i})"
    if p.required or p.default is None:
        return getter
    return f"slots.has({i}) ? {getter} : {_default(p)}"


def _default(p: Parameter) -> str:
    literal = cpp_literal(p.default, p.type)
    if p.type in ("list[int]", "shape") or p.type.startswith("ints["):
        return literal if p.type.endswith("None") else f"Slots::Ints({literal})"
    if p.type == "str":
        return f"std::string_view({literal})"
    return f"std::optional({literal})" if p.type.endswith("| None") and not p.type.startswith("Tensor") else literal


def form_code(form: Form) -> str:
    """The parameter list of one form and the function that calls it."""
    op = form.op
    parameters = [p for p in op.signature.parameters if of(p).kind]
    out = op.has_out and not form.inplace
    specs = [_spec(p) for p in parameters]
    if out:
        specs.append('{"out", Kind::out, false, true}')
    if op.factory:
        specs += [
            '{"layout", Kind::ignored, false, true}',
            '{"device", Kind::device, false, true}',
            '{"requires_grad", Kind::boolean, false, true}',
            '{"pin_memory", Kind::ignored, false, true}',
        ]
    self_index = next((i for i, p in enumerate(parameters) if p.name == "self"), -1)
    lines = [f"// {op.source}", f"constexpr ParamSpec {form.id}_params[] = {{{', '.join(specs)}}};" if specs else ""]
    lines.append(f"PyObject* {form.id}_call([[maybe_unused]] Slots& slots) {{")
    for i, p in enumerate(parameters):
        value = _conversion(p, i)
        if out and p.type == "dtype | None" and (op.factory or op.casts_out):  # what is written to decides
            at = len(parameters)
            value = f"slots.has({at}) && !slots.has({i}) ? std::optional(slots.out({at}).dtype()) : {value}"
        lines.append(f"  const auto {cpp_identifier(p.name)} = {value};")
    call_args = arguments(op)
    cost = f"ops::{op.cpp_name}_cost({call_args})" if has_cost(op) and not op.inplace_only else _inplace_cost(op)
    n = len(parameters)
    if out and op.is_pointwise:
        lines.append(f"  if (const Tensor out_ = slots.out({n}); out_.defined())")
        lines.append(f"    return wrap(native({cost}, [&] {{ return ops::{op.cpp_name}_out({call_args}, out_); }}));")
    result = f"native({cost}, [&] {{ return ops::{form.entry}({call_args}); }})"
    if out and not op.is_pointwise:
        inputs = ", ".join(str(i) for i, p in enumerate(parameters) if p.name in op.apart)
        given = f"slots.kept_apart({n}, {{{inputs}}}, {result})" if op.apart else result
        lines.append(
            f"  if (slots.has({n})) return give_out(slots, {n}, {str(op.casts_out).lower()}, {given}{_named(op)});"
        )
    if form.inplace:
        lines.append(f"  {result};")
        lines.append(f"  return slots.self_again({max(self_index, 0)});")
    elif op.factory:
        base = n + (1 if out else 0)
        lines.append(f"  return wrap(with_requires_grad({result}, slots, {base + 2}));")
    elif cpp_result(op.signature.visible) == "void":
        lines += [f"  {result};", "  Py_RETURN_NONE;"]
    else:
        lines.append(f"  return wrap({result}{_named(op)});")
    lines.append("}")
    display = op.text.replace('"', "'")
    span = f"{form.id}_params" if specs else "{}"
    autocast = f", Autocast::{op.autocast}" if op.autocast and not form.inplace else ""
    rest = f'{self_index}, &{form.id}_call, "{op.batch_family}"{autocast}'
    lines.append(f'constexpr Overload {form.id}{{"{display}", {span}, {rest}}};')
    return "\n".join(lines)


def _inplace_cost(op: Op) -> str:
    if op.inplace_only and op.cost.per_element:
        self_name = cpp_identifier(op.signature.parameters[0].name)
        return f"static_cast<int64_t>({op.cost.per_element} * static_cast<double>(ops::cost::elements({self_name})))"
    return "0"


def is_named(op: Op) -> bool:
    """Whether the results come as a named tuple."""
    visible = op.signature.visible
    return len(visible) > 1 and not visible[0].name.startswith("out")


def _named(op: Op) -> str:
    if not is_named(op):
        return ""
    name = f"{op.namespace}_{op.name}" if op.namespace else op.name
    return f', result_type("{name}", {{{", ".join(chr(34) + o.name + chr(34) for o in op.signature.visible)}}})'


def source(ops: Sequence[Op]) -> str:
    """One translation unit with the forms of these operators; the forms are visible to the tables' unit."""
    lines = [
        HEADER,
        '#include "bindings/dispatch.h"',
        '#include "bindings/native.h"',
        '#include "ops/cost.h"',
        '#include "generated/ops.h"',
        '#include "generated/forms.h"\n',
        "namespace weft::bindings {\n",
    ]
    for op in ops:
        for form in forms_of(op):
            lines.append("namespace {")
            code = form_code(form)
            body, _, overload = code.rpartition("\n")
            lines.append(body)
            lines.append("}  // namespace")
            lines.append(overload.replace("constexpr", "const", 1) + "\n")
    lines.append("}  // namespace weft::bindings\n")
    return "\n".join(lines)


def forms_of(op: Op) -> list[Form]:
    """The forms Python can call: none where a parameter has no Python type."""
    if not all(of(p).kind for p in op.signature.parameters):
        return []
    if op.inplace_only:
        return [Form(op, True)]
    return [Form(op, False)] * op.functional + [Form(op, True)] * op.has_inplace


def forms_header(ops: Sequence[Op]) -> str:
    lines = [HEADER, "#pragma once\n", '#include "bindings/dispatch.h"\n', "namespace weft::bindings {\n"]
    lines += [f"extern const Overload {form.id};" for op in ops for form in forms_of(op)]
    return "\n".join([*lines, "\n}  // namespace weft::bindings\n"])


def tables(ops: Sequence[Op]) -> str:
    """Methods of Tensor, functions by namespace, and the number protocol."""
    every = names(ops)
    lines = [
        HEADER,
        '#include "bindings/dispatch.h"',
        '#include "bindings/tables.h"',
        '#include "generated/forms.h"\n',
        "namespace weft::bindings {\nnamespace {\n",
    ]
    for n in every:
        ident = f"{NAMESPACES[n.namespace]}_{n.name}"
        forms = ", ".join(f"&{form.id}" for form in n.forms)
        lines.append(f"const Overload* const {ident}_overloads[] = {{{forms}}};")
        lines.append(f'constexpr Callable {ident}{{"{n.name}", {ident}_overloads}};')
    lines.append("\n}  // namespace\n")
    lines.append("const NamedCallable named_callables[] = {")
    lines += [f'    {{"{NAMESPACES[n.namespace]}", &{NAMESPACES[n.namespace]}_{n.name}}},' for n in every]
    lines += ["    {nullptr, nullptr}};\n"]
    methods = [n for n in every if n.method]
    lines.append("PyMethodDef tensor_methods[] = {")
    lines += [f"    {_method_def(n, 'method')}," for n in methods]
    lines.append("    {nullptr, nullptr, 0, nullptr}};\n")
    for namespace, ident in NAMESPACES.items():
        lines.append(f"PyMethodDef {ident}_functions[] = {{")
        lines += [f"    {_method_def(n, 'function')}," for n in every if n.namespace == namespace and n.function]
        lines.append("    {nullptr, nullptr, 0, nullptr}};\n")
    lines += _operators(ops)
    lines.append("}  // namespace weft::bindings\n")
    return "\n".join(lines)


def _method_def(n: Name, kind: str) -> str:
    ident = f"{NAMESPACES[n.namespace]}_{n.name}"
    doc = n.forms[0].op.doc.strip().splitlines()[0].replace("\\", "\\\\").replace('"', '\\"')
    return f'{{"{n.name}", any_call(&call_{kind}<{ident}>), METH_FASTCALL | METH_KEYWORDS, "{doc}"}}'


def _operators(ops: Sequence[Op]) -> list[str]:
    lines = ["const NumberProtocol number_protocol = {"]
    found: dict[str, str] = {}
    for op in ops:
        for protocol in op.operator:
            found[protocol] = f"&weft_{op.name}"
            if op.has_inplace and f"i{protocol}" in INPLACE_SLOTS:
                found[f"i{protocol}"] = f"&weft_{op.name}_"
    missing = [slot for slot in SLOTS if slot not in found and slot not in _WITHOUT_TABLE]
    if missing:
        raise ValueError(
            f"no operator of the table serves Python's {', '.join(missing)}: see `operator` in ops/table.py"
        )
    lines += [f"    .{slot}_ = {found.get(slot, 'nullptr')}," for slot in SLOTS]
    return [*lines, "};\n"]


BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor")
INPLACE_SLOTS = tuple(f"i{b}" for b in BINARY if b != "matmul")
SLOTS = (*BINARY, *INPLACE_SLOTS, "neg", "pos", "abs", "invert", "lt", "le", "eq", "ne", "gt", "ge")


_WITHOUT_TABLE = ("pos",)  # +x is x


def protocol_header() -> str:
    fields = "\n".join(f"  const Callable* const {slot}_;" for slot in SLOTS)
    return (
        f'{HEADER}\n#pragma once\n\n#include "bindings/dispatch.h"\n\nnamespace weft::bindings {{\n\n'
        f"/// Python's operators and the operators of the table that serve them.\nstruct NumberProtocol {{\n{fields}\n}};\n"
        "extern const NumberProtocol number_protocol;\n\n}  // namespace weft::bindings\n"
    )


__all__ = ["Name", "forms_header", "is_named", "names", "protocol_header", "source", "tables"]
