"""C++ entries of operators: declarations, and bodies that compute and record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gen import nodes
from gen.types import cpp_declaration, cpp_identifier, cpp_literal, cpp_result
from ops.signature import Output, Parameter
from ops.table import SELECT, TEST, Op, Rule

HEADER = "// Generated from the operator table by `python -m gen`. Do not edit.\n"


def camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def declare(op: Op, name: str, *, defaults: bool, extra: Sequence[str] = (), result: str = "") -> str:
    """``Tensor add(const Tensor& self, ...)`` without the semicolon."""
    written = []
    for p in op.signature.parameters:
        text = cpp_declaration(p)
        if defaults and not p.required and not extra:
            text += f" = {cpp_literal(p.default, p.type)}"
        written.append(text)
    # C++ wants defaults at the end: drop those before a parameter without one.
    for i in range(len(written) - 1, -1, -1):
        if "=" not in written[i].partition(" ")[2]:
            written[:i] = [w.split(" = ")[0] for w in written[:i]]
            break
    return f"{result or cpp_result(op.signature.visible)} {name}({', '.join([*written, *extra])})"


def arguments(op: Op) -> str:
    return ", ".join(cpp_identifier(p.name) for p in op.signature.parameters)


def header(ops: Sequence[Op]) -> str:
    """ops/ops.h: every entry with its defaults."""
    lines = [
        HEADER,
        "#pragma once\n",
        "#include <limits>",
        "#include <optional>",
        "#include <string_view>",
        "#include <tuple>",
        "#include <vector>\n",
        '#include "runtime/random.h"',
        '#include "tensor/tensor.h"\n',
        "namespace weft::ops {\n",
    ]
    for op in ops:
        lines.append(f"// {op.source}")
        if op.inplace_only:
            lines.append(f"{declare(op, op.cpp_name, defaults=True, result='Tensor')};")
            continue
        lines.append(f"{declare(op, op.cpp_name, defaults=True)};")
        if op.has_inplace:
            lines.append(f"{declare(op, op.cpp_name + '_', defaults=True, result='Tensor')};")
        if op.is_pointwise:
            lines.append(
                f"{declare(op, op.cpp_name + '_out', defaults=False, extra=['const Tensor& out'], result='Tensor')};"
            )
        if has_cost(op):
            lines.append(f"{declare(op, op.cpp_name + '_cost', defaults=False, result='int64_t')};")
    lines.append("\n}  // namespace weft::ops\n")
    return "\n".join(lines)


def impl_header(ops: Sequence[Op]) -> str:
    """ops/impl.h: what core/ops must define by hand."""
    lines = [
        HEADER,
        "#pragma once\n",
        "#include <optional>",
        "#include <string_view>",
        "#include <tuple>",
        "#include <vector>\n",
        '#include "runtime/random.h"',
        '#include "tensor/tensor.h"\n',
        "namespace weft::ops::impl {\n",
    ]
    declared = set()
    for op in ops:
        if op.is_pointwise:
            continue
        result = "void" if op.mutates or op.inplace_only else cpp_result(op.signature.outputs)
        text = f"{declare(op, impl_name(op), defaults=False, result=result)};"
        if text not in declared:
            declared.add(text)
            lines.append(text)
    lines.append("\n}  // namespace weft::ops::impl\n")
    return "\n".join(lines)


def impl_name(op: Op) -> str:
    name = op.impl or op.cpp_name
    return f"{name}_" if op.mutates and not op.inplace_only and not name.endswith("_") else name


def has_cost(op: Op) -> bool:
    return bool(op.cost.function or op.cost.per_element)


def cost_body(op: Op) -> str:
    if op.cost.function:
        return f"return cost::{op.cost.function}({arguments(op)});"
    tensors = [cpp_identifier(p.name) for p in op.signature.parameters if p.is_tensor]
    lists = [cpp_identifier(p.name) for p in op.signature.parameters if p.is_tensor_list]
    terms = [f"cost::elements({t})" for t in tensors + lists]
    most = terms[0] if len(terms) == 1 else f"std::max({{{', '.join(terms)}}})" if terms else "0"
    return f"return static_cast<int64_t>({op.cost.per_element} * static_cast<double>({most}));"


def _tensor_names(op: Op) -> list[str]:
    return [cpp_identifier(p.name) for p in op.signature.parameters if p.is_tensor]


def _scalars(op: Op) -> list[Parameter]:
    return [p for p in op.signature.parameters if not p.is_tensor]


def _record_condition(op: Op) -> str:
    names = [cpp_identifier(p.name) for p in nodes.differentiable(op)]
    return (
        " || ".join(f"must_record({n})" for n in names)
        if any(p.is_tensor_list for p in nodes.differentiable(op))
        else (f"must_record({', '.join(names)})")
    )


_RULES = {
    Rule.FLOAT: "float_",
    Rule.PROMOTE: "promote",
    Rule.WIDEN: "widen",
    Rule.COMPARE: "compare",
    TEST: "compare",
    Rule.INTEGRAL: "integral",
    SELECT: "select",
}


def pointwise_record(op: Op) -> str:
    return (
        f'constexpr pointwise::Record {op.cpp_name}_record{{"{op.name}", kernels::PointwiseId::{camel(op.cpp_name)}, '
        f"pointwise::Rule::{_RULES[op.rule]}, "  # type: ignore[index]
        f"{str(op.real_valued).lower()}, {str(op.casts_out).lower()}, "
        f"{op.cost.per_element}}};"
    )


def pointwise_call(op: Op, target: str) -> str:
    inputs = ", ".join(f"&{n}" for n in _tensor_names(op))
    params = ", ".join(f"pointwise::param({cpp_identifier(p.name)})" for p in _scalars(op))
    return f"pointwise::{target}({op.cpp_name}_record, {{{inputs}}}, {{{params}}}"


def bodies(op: Op, ops: Mapping[str, Op]) -> str:
    """Node, entry, in-place entry, out entry and cost of one operator."""
    lines = [f"// {op.source}: {op.text}"]
    node = nodes.build(op, ops)
    if node or op.is_pointwise:
        lines.append("namespace {\n")
        if node:
            lines.append(node.code)
        if op.is_pointwise:
            lines.append(pointwise_record(op))
        lines.append("\n}  // namespace\n")
    check = [f"  checks::{name}({arguments(op)});" for name in op.checks.split()]
    if has_cost(op) and not op.inplace_only:
        lines += [
            f"{declare(op, op.cpp_name + '_cost', defaults=False, result='int64_t')} {{",
            f"  {cost_body(op)}",
            "}",
        ]
    if not op.inplace_only:
        lines += _functional(op, node, check)
    if op.has_inplace or op.inplace_only:
        lines += _inplace(op, node, check)
    if op.is_pointwise:
        lines += [
            f"{declare(op, op.cpp_name + '_out', defaults=False, extra=['const Tensor& out'], result='Tensor')} {{",
            *check,
            f'  check_no_history_for_out({_record_condition(op) if node else "false"}, "{op.name}");',
            f"  {pointwise_call(op, 'compute_into')}, out);",
            "  return out;",
            "}",
        ]
    return "\n".join(lines) + "\n"


def _functional(op: Op, node: nodes.NodeCode | None, check: list[str]) -> list[str]:
    lines = [f"{declare(op, op.cpp_name, defaults=False)} {{", *check]
    outputs = op.signature.outputs
    visible = op.signature.visible
    if op.composite:
        return [*lines, f"  return impl::{impl_name(op)}({arguments(op)});", "}"]
    if op.is_pointwise:
        compute = f"{pointwise_call(op, 'compute')})"
    elif op.mutates:
        self_name = cpp_identifier(op.signature.parameters[0].name)
        rest = ", ".join(["out", *(cpp_identifier(p.name) for p in op.signature.parameters[1:])])
        lines += [
            f"  Tensor out = [&] {{ const GradModeScope no_grad(false); return ops::clone({self_name}); }}();",
            f"  {{ const GradModeScope no_grad(false); impl::{impl_name(op)}({rest}); }}",
        ]
        compute = ""
    else:
        compute = f"impl::{impl_name(op)}({arguments(op)})"
    if node is None:
        if op.view:
            lines += [f"  auto out = {compute};", *_mark_view(op), "  return out;", "}"]
        elif op.mutates:
            lines += ["  return out;", "}"]
        elif len(visible) == len(outputs):
            lines += [f"  return {compute};", "}"]
        else:
            lines += [f"  auto all = {compute};", f"  return {_pick(outputs)};", "}"]
        return lines
    if not op.mutates:
        if op.is_pointwise:
            lines.append(f"  Tensor out = {compute};")
        else:
            names = f"[{', '.join(_out_name(o) for o in outputs)}]" if len(outputs) > 1 else _out_name(outputs[0])
            lines += [
                f"  const bool record = {_record_condition(op)};",
                f"  auto {names} = [&] {{",
                "    const GradModeScope no_grad(false);",
                f"    return {compute};",
                "  }();",
            ]
    if op.view:
        lines += _mark_view(op)
    record = "record" if not op.is_pointwise and not op.mutates else _record_condition(op)
    lines += [f"  if ({record}) {{", *(f"    {s}" for s in node.make), *(f"    {s}" for s in node.attach), "  }"]
    lines.append(f"  return {_results(visible)};")
    return [*lines, "}"]


def _out_name(output: Output) -> str:
    return cpp_identifier(output.name)


def _mark_view(op: Op) -> list[str]:
    self_name = cpp_identifier(op.signature.parameters[0].name)
    output = op.signature.outputs[0]
    if output.type == "list[Tensor]":
        return [
            f"  for (const auto& piece : {_out_name(output)}) set_view(piece, {self_name}, ViewKind::one_of_several);"
        ]
    return [f"  set_view({_out_name(output)}, {self_name});"]


def _pick(outputs: tuple[Output, ...]) -> str:
    picked = [f"std::move(std::get<{i}>(all))" for i, o in enumerate(outputs) if not o.hidden]
    return picked[0] if len(picked) == 1 else f"std::make_tuple({', '.join(picked)})"


def _results(visible: tuple[Output, ...]) -> str:
    names = [_out_name(o) for o in visible]
    return names[0] if len(names) == 1 else f"std::make_tuple({', '.join(f'std::move({n})' for n in names)})"


def _inplace(op: Op, node: nodes.NodeCode | None, check: list[str]) -> list[str]:
    name = op.cpp_name if op.inplace_only else f"{op.cpp_name}_"
    names = [p.name for p in op.signature.parameters]
    self_name = cpp_identifier("self" if "self" in names else names[0])
    lines = [
        f"{declare(op, name, defaults=False, result='Tensor')} {{",
        *check,
        f'  check_inplace({self_name}, "{op.name}");',
    ]
    if op.composite and not op.inplace_only:  # what it is made of records itself, and so does the copy
        return [*lines, f"  return ops::copy_({self_name}, impl::{impl_name(op)}({arguments(op)}));", "}"]
    if node:
        lines += [f"  Ref<{node.type}> node;", f"  if ({_record_condition(op)}) {{"]
        lines += [f"    {s}" for s in node.make_assign]
        lines += [f"    {s}" for s in node.keep_original]
        lines.append("  }")
    if op.is_pointwise:
        lines.append(f"  {pointwise_call(op, 'compute_inplace')});")
    elif op.composite:
        lines.append(f"  impl::{impl_name(op)}({arguments(op)});")
    elif op.mutates or op.inplace_only:
        lines.append(f"  {{ const GradModeScope no_grad(false); impl::{impl_name(op)}({arguments(op)}); }}")
    else:
        lines += [
            "  {",
            "    const GradModeScope no_grad(false);",
            f"    assign_inplace({self_name}, impl::{impl_name(op)}({arguments(op)}));",
            "  }",
        ]
    lines.append(f"  {self_name}.bump_version();")
    if node:
        lines += ["  if (node) {", *(f"    {s}" for s in node.attach_inplace), "  }"]
    return [*lines, f"  return {self_name};", "}"]


def unit(share: Sequence[Op], ops: Mapping[str, Op]) -> str:
    """One translation unit of entries."""
    lines = [
        HEADER,
        '#include "generated/ops.h"',
        '#include "autograd/meta.h"',
        '#include "generated/impl.h"',
        '#include "ops/checks.h"',
        '#include "ops/cost.h"',
        '#include "ops/pointwise.h"',
        '#include "ops/support.h"\n',
        "namespace weft::ops {\n",
    ]
    lines += [bodies(op, ops) for op in share]
    return "\n".join([*lines, "}  // namespace weft::ops\n"])
