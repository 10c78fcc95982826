"""Stub and reference of the operators composed in Python, read from the source of weft/_compose without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path("weft/_compose")
_ROOT = Path(__file__).resolve().parent.parent
_HEADER = "# Generated from weft/_compose by `python -m gen --docs`. Do not edit.\n"


@dataclass(frozen=True)
class Composition:
    """A function decorated with `@composite`."""

    family: str  # the module's name
    name: str
    arguments: ast.arguments
    result: str
    doc: str
    options: dict[str, Any]  # of the decorator

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.options.get("aliases", ()))

    @property
    def is_method(self) -> bool:
        return bool(self.options.get("method", True))

    @property
    def is_function(self) -> bool:
        return bool(self.options.get("function", True))

    @property
    def namespace(self) -> str:
        return str(self.options.get("namespace", ""))

    def signature(self, method: bool = False) -> str:
        """``(input: Tensor, dim: int = 0) -> Tensor``; a method's receiver is untyped."""
        text = ast.unparse(self.arguments)
        if method:
            text = re.sub(r"^\w+: Tensor", "self", text)
        return f"({text}) -> {self.result}"


@cache
def compositions() -> tuple[Composition, ...]:
    """Every declaration, by family in the order of the source."""
    return tuple(c for path in sorted((_ROOT / _FOLDER).glob("[a-z]*.py")) for c in _declared(path))


def _declared(path: Path) -> Iterator[Composition]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "composite":
                result = ast.unparse(node.returns) if node.returns else "None"
                doc = ast.get_docstring(node) or ""
                yield Composition(path.stem, node.name, node.args, result, doc, dict(_options(decorator)))


def _options(decorator: ast.Call) -> Iterator[tuple[str, Any]]:
    for keyword in decorator.keywords:
        if keyword.arg in ("namespace", "aliases", "method", "function", "inplace", "attribute"):
            yield keyword.arg, ast.literal_eval(keyword.value)


def within_tensor(annotation: str) -> str:
    """In the stub of class Tensor `dtype` is the attribute; the class is called _dtype there."""
    return re.sub(r"\bdtype\b(?! *[:=])", "_dtype", annotation)


def method_imports() -> list[str]:
    """Import lines for the classes of a family that its methods return."""
    found: dict[str, set[str]] = {}
    for c in compositions():
        if c.is_method and c.result in _classes(c.family):
            found.setdefault(c.family, set()).add(c.result)
    return [f"from weft._compose.{family} import {', '.join(sorted(names))}" for family, names in sorted(found.items())]


@cache
def _classes(family: str) -> frozenset[str]:
    tree = ast.parse((_ROOT / _FOLDER / f"{family}.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.ClassDef))


def method_stubs(indent: str) -> list[str]:
    """Lines for the stub of class Tensor, whose module calls Python's numbers _int, _float and so on."""
    lines = []
    for c in compositions():
        text = within_tensor(re.sub(r"\b(int|float|bool|complex)\b", r"_\1", c.signature(method=True)))
        for name in c.names:
            if c.options.get("attribute"):
                lines += [f"{indent}@property", f"{indent}def {name}(self) -> {c.result}: ..."]
            elif c.is_method:
                lines.append(f"{indent}def {name}{text}: ...")
            if c.options.get("inplace"):
                lines.append(f"{indent}def {name}_{text}: ...")
    return lines


def _exported(namespace: str) -> tuple[list[str], list[str]]:
    """Import lines and aliases of the functions of a namespace."""
    imports, aliases = [], []
    for c in compositions():
        if c.is_function and c.namespace == namespace:
            imports.append(f"from weft._compose.{c.family} import {c.name} as {c.name}")
            aliases += [f"{alias} = {c.name}" for alias in c.names[1:]]
    return sorted(imports), aliases


def stubs() -> dict[Path, str]:
    """weft/_compose/__init__.pyi with the functions that weft re-exports, and a stub of every other namespace."""
    imports, aliases = _exported("")
    head = [_HEADER + "from collections.abc import Callable", "from typing import Any", ""]
    exports = ["", "def exports(namespace: str) -> dict[str, Callable[..., Any]]: ...", ""]
    result = {_FOLDER / "__init__.pyi": "\n".join([*head, *imports, *exports, *aliases]) + "\n"}
    for namespace in sorted({c.namespace for c in compositions()} - {""}):
        imports, aliases = _exported(namespace)
        lines = [*imports, f"from weft._core.{namespace} import *  # noqa: F403", *([""] if aliases else []), *aliases]
        result[Path(f"weft/{namespace}.pyi")] = _HEADER + "\n".join(lines) + "\n"
    return result


def pages(prefix: dict[str, str], markdown: Any) -> dict[str, str]:
    """Reference entries by family."""
    found: dict[str, list[str]] = {}
    for c in compositions():
        spelled = f"{prefix[c.namespace]}.{c.name}" if c.is_function else f"Tensor.{c.name}"
        forms = [f"`Tensor.{c.name}`"] * (c.is_method and c.is_function)
        forms += [f"`Tensor.{c.name}_`"] * bool(c.options.get("inplace"))
        forms += [f"`{alias}`" for alias in c.names[1:]]
        lines = [f"### {spelled}", "", f"```python\n{c.name}{c.signature()}\n```", "", markdown(c.doc), ""]
        found.setdefault(c.family, []).append("\n".join(lines + ([f"Also: {', '.join(forms)}.", ""] if forms else [])))
    return {family: "\n".join(entries) for family, entries in found.items()}
