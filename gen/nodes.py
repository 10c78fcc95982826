"""Backward nodes: one struct per differentiable operator, saving just what its formulas touch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gen.formulas import Emitted, Emitter, geometry_field, saved_field
from gen.types import cpp_identifier
from ops.signature import Parameter
from ops.table import Op


@dataclass
class NodeCode:
    type: str
    code: str
    make: list[str] = field(default_factory=list)  # declares `node`
    make_assign: list[str] = field(default_factory=list)  # assigns an existing `node`
    keep_original: list[str] = field(default_factory=list)  # in place: self as it was
    attach: list[str] = field(default_factory=list)
    attach_inplace: list[str] = field(default_factory=list)


def _keys(op: Op) -> list[tuple[str, ...]]:
    return [key if isinstance(key, tuple) else (key,) for key in op.vjp]


def differentiable(op: Op) -> list[Parameter]:
    """Parameters that gradients flow to, in signature order; each tensor takes one edge, a list as many as it has."""
    wanted = {name for key in _keys(op) for name in key}
    known = {p.name for p in op.signature.parameters}
    if wanted - known:
        raise NameError(f"{op.source}: vjp of {op.key} names {sorted(wanted - known)}, which are no parameters")
    return [p for p in op.signature.parameters if p.name in wanted]


def node_name(op: Op) -> str:
    base = op.backward_name or "".join(part[:1].upper() + part[1:] for part in op.name.strip("_").split("_"))
    return f"{base}Backward0"


def build(op: Op, ops: Mapping[str, Op]) -> NodeCode | None:
    """The node of `op`; None when nothing flows back through it."""
    if not op.vjp:
        return None
    emitter = Emitter(op, ops)
    where = f"{op.source}: derivative of {op.key}"
    formulas: list[tuple[tuple[str, ...], Emitted]] = []
    for key, formula in op.vjp.items():
        names = key if isinstance(key, tuple) else (key,)
        formulas.append((names, emitter.emit(formula, f"{where} for {', '.join(names)}")))
    type_name = f"{op.cpp_name.strip('_')}_node"
    edges = _edge_numbers(op)
    out = NodeCode(type_name, "")
    out.code = _struct(op, type_name, formulas, edges)
    _write_make(op, out, formulas, edges)
    return out


def _edge_numbers(op: Op) -> dict[str, str]:
    """C++ for the first edge of each parameter."""
    numbers: dict[str, str] = {}
    fixed = 0
    lists: list[str] = []
    for p in differentiable(op):
        numbers[p.name] = " + ".join([str(fixed), *(f"count_{name}" for name in lists)])
        if p.is_tensor_list:
            lists.append(p.name)
        else:
            fixed += 1
    return numbers


def _uses(
    formulas: list[tuple[tuple[str, ...], Emitted]],
) -> tuple[dict[str, set[str]], dict[tuple[str, str], set[str]]]:
    """For each saved value the parameters whose gradients need it."""
    whole: dict[str, set[str]] = {}
    geometry: dict[tuple[str, str], set[str]] = {}
    for names, emitted in formulas:
        for used in emitted.uses:
            whole.setdefault(used, set()).update(names)
        for used_geometry in emitted.geometry:
            geometry.setdefault(used_geometry, set()).update(names)
    return whole, geometry


def _struct(op: Op, type_name: str, formulas: list[tuple[tuple[str, ...], Emitted]], edges: dict[str, str]) -> str:
    whole, geometry = _uses(formulas)
    lists = [p.name for p in differentiable(op) if p.is_tensor_list]
    lines = [f"struct {type_name}_saved {{"]
    lines += [f"  {saved_field(op, name)} {cpp_identifier(name)};" for name in sorted(whole)]
    lines += [f"  {geometry_field(op, n, a)} {n}_{a};" for n, a in sorted(geometry)]
    lines += [f"  std::size_t count_{name} = 0;" for name in lists]
    if not any("SavedTensor" in saved_field(op, name) for name in whole):
        lines.append("  using no_tensors = void;")
    lines += ["};", "", f"struct {type_name} final : NodeSaving<{type_name}_saved> {{"]
    lines.append(f'  std::string name() const override {{ return "{node_name(op)}"; }}')
    lines.append(
        "  void backward([[maybe_unused]] std::span<Tensor> grads, std::span<Tensor> results, bool keep) override {"
    )
    lines.append("    [[maybe_unused]] const auto s = take(keep);")
    lines += [f"    const auto count_{name} = s.count_{name};" for name in lists]
    lines += _gradients(op)
    lines += _unpack(op, whole)
    for names, emitted in formulas:
        lines += _assign(op, names, emitted, edges)
    lines += ["  }", "};"]
    return "\n".join(lines)


def _asked_for(op: Op, index: int) -> bool:
    """Whether a formula reads the gradient of an output."""
    asked = {name for f in op.vjp.values() for name in f.__code__.co_varnames[: f.__code__.co_argcount]}
    name = op.signature.visible[index].name
    return bool(asked & {f"g_{name}", f"maybe_{name}"}) or (index == 0 and "g" in asked)


def _gradients(op: Op) -> list[str]:
    visible = op.signature.visible
    if visible[0].type == "list[Tensor]":
        return []
    lines = []
    for i, output in enumerate(visible):
        if not _asked_for(op, i):
            continue
        source = f"grads[{i}]" if len(visible) == 1 else f"gradient_or_zeros(grads[{i}], output_meta({i}))"
        if op.is_holomorphic:
            source = f"conjugate({source})"
        kind = "const Tensor&" if source.startswith("grads") else "const Tensor"
        if len(visible) > 1:
            lines.append(f"    [[maybe_unused]] {kind} g_{output.name} = {source};")
            lines.append(f"    [[maybe_unused]] const Tensor& maybe_{output.name} = grads[{i}];")
            if i == 0:
                lines.append(f"    [[maybe_unused]] const Tensor& g = g_{output.name};")
        else:
            lines.append(f"    [[maybe_unused]] {kind} g = {source};")
    return lines


def _unpack(op: Op, whole: dict[str, set[str]]) -> list[str]:
    lines = []
    for name in sorted(whole):
        kind = saved_field(op, name)
        local = cpp_identifier(name)
        if kind == "SavedTensor":
            lines.append(f"    [[maybe_unused]] const Tensor {local} = s.{local}.unpack(this);")
        elif kind == "std::vector<SavedTensor>":
            lines.append(f"    const TensorList {local} = unpack_all(s.{local}, this);")
        else:
            lines.append(f"    [[maybe_unused]] const auto& {local} = s.{local};")
    return lines


def _assign(op: Op, names: tuple[str, ...], emitted: Emitted, edges: dict[str, str]) -> list[str]:
    by_name = {p.name: p for p in differentiable(op)}
    turn = "conjugate" if op.is_holomorphic else "std::move"
    result = f"conjugate({emitted.result})" if op.is_holomorphic else emitted.result
    lines = []
    if len(names) == 1:
        p = by_name[names[0]]
        at = edges[p.name]
        if p.is_tensor_list:
            lines.append("    {")
            lines += [f"      {s}" for s in emitted.lines]
            lines.append(f"      auto list = {emitted.result};")
            lines.append(f"      for (std::size_t i = 0; i < count_{p.name}; ++i) results[{at} + i] = {turn}(list[i]);")
            lines.append("    }")
            return lines
        if not emitted.lines:
            return [f"    if (wants({at})) results[{at}] = {result};"]
        lines.append(f"    if (wants({at})) {{")
        lines += [f"      {s}" for s in emitted.lines]
        return [*lines, f"      results[{at}] = {result};", "    }"]
    lines.append(f"    if ({' || '.join(f'wants({edges[n]})' for n in names)}) {{")
    lines += [f"      [[maybe_unused]] const bool wants_{n} = wants({edges[n]});" for n in names]
    lines += [f"      {s}" for s in emitted.lines]
    lines.append(f"      auto all = {emitted.result};")
    for i, n in enumerate(names):
        lines.append(f"      if (wants_{n}) results[{edges[n]}] = {turn}(std::get<{i}>(all));")
    return [*lines, "    }"]


def _write_make(op: Op, out: NodeCode, formulas: list[tuple[tuple[str, ...], Emitted]], edges: dict[str, str]) -> None:
    whole, geometry = _uses(formulas)
    parameters = {p.name: p for p in op.signature.parameters}
    outputs = {o.name: (i, o) for i, o in enumerate(op.signature.outputs)}
    create = f"Ref<{out.type}>(new {out.type})"
    body = []
    for p in differentiable(op):
        local = cpp_identifier(p.name)
        if p.is_tensor_list:
            body.append(f"for (const auto& t : {local}) node->add_edge(gradient_edge(t));")
            body.append(f"node->saved.count_{p.name} = {local}.size();")
        else:
            body.append(f"node->add_edge(gradient_edge({local}));")
    single = {p.name for p in differentiable(op) if not p.is_tensor_list}

    def condition(needed: set[str]) -> str:
        if needed - single or len(needed) == len(differentiable(op)):
            return ""
        return f"if ({' || '.join(f'node->wants({edges[n]})' for n in sorted(needed))}) "

    for name, needed in sorted(whole.items()):
        local = cpp_identifier(name)
        if name in parameters:
            p = parameters[name]
            if p.is_tensor:
                body.append(f"{condition(needed)}node->saved.{local} = SavedTensor({local});")
            elif p.is_tensor_list:
                body.append(f"{condition(needed)}node->saved.{local} = save_all({local});")
            elif p.type == "str":
                body.append(f"node->saved.{local} = std::string({local});")
            else:
                body.append(f"node->saved.{local} = {local};")
    for name, attribute in sorted(geometry):
        local = cpp_identifier(name)
        if name not in parameters:
            raise NameError(f"{op.source}: geometry of output {name} is not kept; use g.{attribute}")
        if parameters[name].is_tensor_list:
            body.append(f"for (const auto& t : {local}) node->saved.{name}_{attribute}.push_back(t.{attribute}());")
        elif parameters[name].type == "Tensor | None":
            body.append(f"if ({local}.defined()) node->saved.{name}_{attribute} = {local}.{attribute}();")
        else:
            body.append(f"node->saved.{name}_{attribute} = {local}.{attribute}();")
    if (op.cost.function or op.cost.per_element) and not op.inplace_only:
        # Backward does about twice the work: the governor reads it when a pass begins.
        arguments = ", ".join(cpp_identifier(p.name) for p in op.signature.parameters)
        body.append(f"node->cost = 2 * {op.cpp_name}_cost({arguments});")
    out.make = [f"auto node = {create};", *body]
    out.make_assign = [f"node = {create};", *body]
    self_name = op.signature.parameters[0].name
    if self_name in whole:
        local = cpp_identifier(self_name)
        out.keep_original = [f"{condition(whole[self_name])}node->saved.{local} = SavedTensor(ops::clone({local}));"]
    for name, needed in sorted(whole.items()):
        if name in outputs:
            i, output = outputs[name]
            local = cpp_identifier(output.name)
            if output.hidden:
                out.attach.append(f"{condition(needed)}node->saved.{local} = SavedTensor({local});")
            else:
                out.attach.append(f"{condition(needed)}node->saved.{local} = SavedTensor::output({local}, {i});")
                out.attach_inplace.append(
                    f"{condition(needed)}node->saved.{local} = SavedTensor::output({cpp_identifier(self_name)}, {i});"
                )
    visible = op.signature.visible
    if visible[0].type == "list[Tensor]":
        local = cpp_identifier(visible[0].name)
        out.attach.append(f"for (std::size_t i = 0; i < {local}.size(); ++i)")
        out.attach.append(f"  set_history({local}[i], node, static_cast<uint32_t>(i));")
    else:
        for i, output in enumerate(visible):  # one whose gradient no formula asks for only reserves its number
            tensor = cpp_identifier(output.name) if _asked_for(op, i) else "Tensor()"
            out.attach.append(f"set_history({tensor}, node, {i});")
    if op.mutates or op.has_inplace or op.inplace_only:
        out.attach_inplace.append(f"rebase_history({cpp_identifier(self_name)}, node, {edges.get(self_name, '0')});")
