"""The type stub of the native module: weft/_core/__init__.pyi, and one file per namespace.

Operators come from the table; the classes and functions written by hand in core/bindings stand in gen/stub_own.pyi.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gen import compositions
from gen.bindings import NAMESPACES, Form, Name, is_named, names
from gen.types import of
from ops.signature import Output, Parameter
from ops.table import Op

_FOLDER = Path("weft/_core")
_HEADER = "# Generated from the operator table by `python -m gen --docs`. Do not edit.\n"
_RESULTS = {"Tensor": "Tensor", "list[Tensor]": "tuple[Tensor, ...]", "None": "None", "Number": "Number"}
_KEYWORDS = {"lambda", "from", "in", "is", "not", "if", "else", "def", "class", "global"}
_IMPORTS = {
    "collections.abc": ("Sequence",),
    "typing": ("NamedTuple", "overload"),
    "weft._core": ("Generator", "Number", "Tensor", "dtype", "memory_format"),
}
_OWN = Path(__file__).resolve().parent / "stub_own.pyi"


def _kind(output: Output) -> str:
    return _RESULTS.get(output.type, output.type)


def _result_class(op: Op) -> str:
    return f"_{op.name.lstrip('_')}_result"


def _result(op: Op) -> str:
    kinds = [_kind(o) for o in op.signature.visible]
    if is_named(op):
        return _result_class(op)
    return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"


def _named_tuples(every: Sequence[Name], builtin: str) -> list[str]:
    """The classes of the results that have names."""
    lines = {}
    for op in (form.op for n in every for form in n.forms):
        if is_named(op):
            fields = [f"    {o.name}: {_with_builtins(_kind(o), builtin)}" for o in op.signature.visible]
            lines[op.name] = [f"class {_result_class(op)}(NamedTuple):", *fields, ""]
    return [line for lines_of_one in lines.values() for line in lines_of_one]


def _with_builtins(kind: str, prefix: str) -> str:
    """The root module's dtypes carry the names of Python's numbers, which it calls _int, _float and so on."""
    return re.sub(r"\b(int|float|bool|complex)\b", rf"{prefix}\1", kind)


def _parameter(p: Parameter, method: bool, builtin: str) -> str:
    name = "input" if p.name == "self" else p.name
    kind = _with_builtins(of(p).stub, builtin)
    if method:
        kind = compositions.within_tensor(kind)
    return f"{name}: {kind}" + ("" if p.required else " = ...")


def signature(form: Form, method: bool, builtin: str) -> str:
    parts: list[str] = ["self"] if method else []
    op = form.op
    keyword_only = False
    for p in op.signature.parameters:
        if method and p.name == "self":
            continue
        if p.keyword_only and not keyword_only:
            parts.append("*")
            keyword_only = True
        if p.type == "shape" and not keyword_only:
            variadic = len([q for q in op.signature.parameters if not q.keyword_only and q.name != "self"]) == 1
            parts.append(
                f"*{p.name}: {builtin}int | Sequence[{builtin}int]" if variadic else _parameter(p, method, builtin)
            )
            keyword_only |= variadic
            continue
        parts.append(_parameter(p, method, builtin))
    extra = []
    if op.has_out and not form.inplace:
        extra.append("out: Tensor | Sequence[Tensor] | None = ...")
    if op.factory:
        extra += ["layout: object = ...", "device: object = ...", f"requires_grad: {builtin}bool = ...",
                  f"pin_memory: {builtin}bool = ..."]  # fmt: skip
    if extra and not keyword_only:
        parts.append("*")
    result = "Tensor" if form.inplace else _with_builtins(_result(op), builtin)
    return f"({', '.join(parts + extra)}) -> {result}: ..."


def _definitions(name: Name, method: bool, indent: str, builtin: str) -> list[str]:
    """One def per overload."""
    forms = [f for f in name.forms if (f.op.is_method if method else f.op.function)]
    lines = []
    texts = dict.fromkeys(signature(f, method, builtin) for f in forms)
    for text in texts:
        if len(texts) > 1:
            lines.append(f"{indent}@overload")
        lines.append(f"{indent}def {name.name}{text}")
    return lines


def _imports(body: str) -> str:
    """The import lines that a namespace's definitions need."""
    lines = []
    for module, exported in _IMPORTS.items():
        used = [name for name in exported if re.search(rf"\b{name}\b(?!:)", body)]
        if used:
            lines.append(f"from {module} import {', '.join(used)}")
    return "\n".join(lines).replace("\nfrom weft", "\n\nfrom weft") + "\n\n" if lines else ""


def _root(every: Sequence[Name]) -> str:
    """weft._core itself: what is written by hand with the operators in it."""
    own = _OWN.read_text(encoding="utf-8")
    for imported, needed in (("Iterator", "Iterator, Sequence"), ("Any,", "Any, NamedTuple,")):  # by the operators
        own = own.replace(f" {imported}", f" {needed}", 1)
    composed = compositions.method_stubs("    ")
    in_python = "\n".join([own[own.index("class Tensor:") :], *composed])  # takes the place of a native method
    replaced = set(re.findall(r"^    def (\w+)", in_python, re.MULTILINE))
    native = [n for n in every if n.method and n.name not in replaced]
    methods = [line for n in native for line in _definitions(n, True, "    ", "_")] + composed
    shown = [n for n in every if not n.namespace or n.method]
    functions = [line for n in every if n.function and not n.namespace for line in _definitions(n, False, "", "_")]
    for mark, lines in (
        ("# IMPORTS\n", compositions.method_imports()),
        ("# RESULTS\n", _named_tuples(shown, "_")),
        ("    # METHODS\n", methods),
        ("# FUNCTIONS\n", functions),
    ):
        own = own.replace(mark, "".join(f"{line}\n" for line in lines))
    return own


def files(ops: Sequence[Op]) -> dict[Path, str]:
    """Committed stubs by path."""
    every = [n for n in names(ops) if n.name not in _KEYWORDS]
    result = {_FOLDER / "__init__.pyi": _HEADER + _root(every), **compositions.stubs()}
    for namespace, module in NAMESPACES.items():
        if namespace:
            shown = [n for n in every if n.namespace == namespace and n.function]
            lines = _named_tuples(shown, "")
            lines += [line for n in shown for line in _definitions(n, False, "", "")]
            body = "".join(f"{line}\n" for line in lines)
            result[_FOLDER / f"{module}.pyi"] = _HEADER + _imports(body) + body
    return result
