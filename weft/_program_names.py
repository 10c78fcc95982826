"""Which names of PyTorch a program uses, read from its source, and whether weft has them.

What is seen: attributes of modules that were imported under any name, in the program's file and in the files beside it
that it imports. Not seen: methods of objects, whose types only running shows.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType

import weft
from weft._names import to_weft

__all__ = ["Use", "names_in", "report", "uses_of"]


@dataclass
class Use:
    """A name of PyTorch in a program.

    Attributes:
        places: "file:line" of each use.
        guarded: whether every use stands in a `try` that catches its absence.
    """

    name: str
    places: list[str] = field(default_factory=list)
    guarded: bool = True


class _Reader(ast.NodeVisitor):
    """Gathers the names of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.found: list[tuple[str, int, bool]] = []
        self.imports: list[tuple[str, int]] = []  # other modules, and how many dots stand before them
        self._meaning: dict[str, str] = {}  # local names that stand for something of PyTorch
        self._guards = 0

    def _add(self, name: str, line: int) -> None:
        self.found.append((name, line, self._guards > 0))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] != "torch":
                self.imports.append((alias.name, 0))
                continue
            self._add(alias.name, node.lineno)
            self._meaning[alias.asname or "torch"] = alias.name if alias.asname else "torch"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or module.split(".")[0] != "torch":
            self.imports.append((module, node.level))
            self.imports += [(f"{module}.{a.name}".strip("."), node.level) for a in node.names]
            return
        for alias in node.names:
            if alias.name == "*":
                self._add(module, node.lineno)
                continue
            self._add(f"{module}.{alias.name}", node.lineno)
            self._meaning[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _meaning_of(self, node: ast.expr) -> str | None:
        """PyTorch's name for an expression of names and dots."""
        if isinstance(node, ast.Name):
            return self._meaning.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._meaning_of(node.value)
            return None if owner is None else f"{owner}.{node.attr}"
        return None

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._meaning_of(node)
        if name is None:
            self.generic_visit(node)
        else:
            self._add(name, node.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        name = self._meaning_of(node.value)
        if name is not None and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._meaning[node.targets[0].id] = name

    def visit_Try(self, node: ast.Try) -> None:
        caught = {part for handler in node.handlers for part in _caught(handler)}
        guards = bool(caught & {"ImportError", "ModuleNotFoundError", "AttributeError", "Exception", ""})
        self._guards += guards
        for statement in node.body:
            self.visit(statement)
        self._guards -= guards
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)


def _caught(handler: ast.ExceptHandler) -> Iterator[str]:
    if handler.type is None:
        yield ""
    for part in handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]:
        if isinstance(part, ast.Name):
            yield part.id


def _local_file(module: str, level: int, importer: str, root: str) -> str | None:
    """The file of a module beside the program, or None when it is installed elsewhere."""
    folder = root
    if level:
        folder = os.path.dirname(importer)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
    base = os.path.join(folder, *module.split(".")) if module else folder
    for path in (f"{base}.py", os.path.join(base, "__init__.py")):
        if os.path.isfile(path):
            return path
    return None


def names_in(path: str) -> dict[str, Use]:
    """The names of PyTorch in a file and in the files beside it that it imports, by name."""
    root = os.path.dirname(os.path.abspath(path))
    pending, seen = [os.path.abspath(path)], set[str]()
    uses: dict[str, Use] = {}
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        with open(current, "rb") as file:
            reader = _Reader(current)
            reader.visit(ast.parse(file.read(), current))
        for name, line, guarded in reader.found:
            use = uses.setdefault(name, Use(name))
            use.places.append(f"{os.path.relpath(current)}:{line}")
            use.guarded &= guarded
        for module, level in reader.imports:
            local = _local_file(module, level, current, root)
            if local is not None:
                pending.append(local)
    return uses


def _resolve(name: str) -> str | None:
    """The shortest beginning of PyTorch's name that weft lacks, or None when it has everything."""
    found: object = weft
    parts = name.split(".")
    for i, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            if not isinstance(found, ModuleType | type):
                return None  # an attribute of an object: only running shows what it is
            try:
                found = importlib.import_module(to_weft(".".join(parts[:i])))
            except ImportError:
                return ".".join(parts[:i])
    return None


def uses_of(path: str) -> tuple[list[Use], list[Use]]:
    """The names that weft has, and those it lacks, in alphabetical order."""
    present: dict[str, Use] = {}
    missing: dict[str, Use] = {}
    for name, use in sorted(names_in(path).items()):
        lacking = _resolve(name)
        into, key = (present, name) if lacking is None else (missing, lacking)
        known = into.setdefault(key, Use(key))
        known.places += use.places
        known.guarded &= use.guarded
    return list(present.values()), list(missing.values())


def report(program: str, *, is_module: bool = False) -> int:
    """Prints the names of a program; returns 1 if it needs something that is missing, else 0."""
    path = program
    if is_module:
        sys.path.insert(0, os.getcwd())
        spec = importlib.util.find_spec(program)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{program}.__main__")
        path = spec.origin if spec is not None and spec.origin else program
    try:
        present, missing = uses_of(path)
    except (OSError, SyntaxError) as error:
        print(f"weft run --check: {error}", file=sys.stderr)
        return 2
    for use in present:
        print(f"  ok       {use.name}")
    needed = [use for use in missing if not use.guarded]
    for use in missing:
        more = f" and {len(use.places) - 3} more" if len(use.places) > 3 else ""
        note = " (the program catches its absence)" if use.guarded else ""
        print(f"  MISSING  {use.name}  {', '.join(use.places[:3])}{more}{note}")
    print(f"{len(present) + len(missing)} names of PyTorch, {len(needed)} missing")
    return 1 if needed else 0
