"""The type stub of the native module: weft/_core/__init__.pyi, and one file per namespace.

Operators come from the table; the classes and functions written by hand in core/bindings stand in gen/stub_own.pyi.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gen import compositions
from gen.bindings import NAMESPACES, Form, Name, names
from gen.types import of
from ops.signature import Output, Parameter
from ops.table import Op

_FOLDER = Path("weft/_core")
_HEADER = "# Generated from the operator table by `python -m gen --docs`. Do not edit.\n"
_RESULTS = {"Tensor": "Tensor", "list[Tensor]": "tuple[Tensor, ...]", "None": "None", "Number": "Number"}
_KEYWORDS = {"lambda", "from", "in", "is", "not", "if", "else", "def", "class", "global"}
_OWN = Path(__file__).resolve().parent / "stub_own.pyi"


def _result(outputs: tuple[Output, ...]) -> str:
    kinds = [_RESULTS.get(o.type, o.type) for o in outputs]
    return kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"


def _parameter(p: Parameter, builtin: str) -> str:
    name = "input" if p.name == "self" else p.name
    kind = of(p).stub
    for word in ("int", "float", "bool"):  # the module's dtypes carry these names
        kind = re.sub(rf"\b{word}\b", f"{builtin}{word}", kind)
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
            parts.append(f"*{p.name}: {builtin}int | Sequence[{builtin}int]" if variadic else _parameter(p, builtin))
            keyword_only |= variadic
            continue
        parts.append(_parameter(p, builtin))
    extra = []
    if op.has_out and not form.inplace:
        extra.append("out: Tensor | Sequence[Tensor] | None = ...")
    if op.factory:
        extra += ["layout: object = ...", "device: object = ...", f"requires_grad: {builtin}bool = ...",
                  f"pin_memory: {builtin}bool = ..."]  # fmt: skip
    if extra and not keyword_only:
        parts.append("*")
    result = "Tensor" if form.inplace else _result(op.signature.visible)
    for word in ("int", "float", "bool"):
        result = re.sub(rf"\b{word}\b", f"{builtin}{word}", result)
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


def files(ops: Sequence[Op]) -> dict[Path, str]:
    """Committed stubs by path."""
    every = [n for n in names(ops) if n.name not in _KEYWORDS]
    methods = [line for n in every if n.method for line in _definitions(n, True, "    ", "_")]
    methods += compositions.method_stubs("    ")
    functions = [line for n in every if n.function and not n.namespace for line in _definitions(n, False, "", "_")]
    own = _OWN.read_text(encoding="utf-8")
    own = own.replace("import Callable, Iterator\n", "import Callable, Iterator, Sequence\n")  # which the operators need
    root = own.replace("    # METHODS\n", "\n".join(methods) + "\n").replace(
        "# FUNCTIONS\n", "\n".join(functions) + "\n"
    )
    result = {_FOLDER / "__init__.pyi": _HEADER + root, Path("weft/_compose/__init__.pyi"): compositions.stub()}
    for namespace, module in NAMESPACES.items():
        if not namespace:
            continue
        body = [
            line for n in every if n.namespace == namespace and n.function for line in _definitions(n, False, "", "")
        ]
        imports = (
            "from collections.abc import Sequence\nfrom typing import overload\n\n"
            "from weft._core import Generator, Number, Tensor, dtype, memory_format\n\n"
        )
        result[_FOLDER / f"{module}.pyi"] = _HEADER + imports + "\n".join(body) + "\n"
    return result
