"""Checks that each module imports only what stands below it. (For C++ the build checks the includes.)

The layers are listed here, lowest first; those on one line may use each other. The check prints each step
upwards, and fails when there is one. Run: `python tools/check_layers.py`.

`import weft` itself is allowed everywhere inside the package: the root's names are tensors and functions,
looked up when they are called.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A module belongs to the longest name here that it is or lies in; other private modules are "weft._".
LAYERS = (
    ("weft._core",),
    ("weft._", "weft.gil", "weft.memory", "weft.profiler", "weft.storage"),
    ("weft.linalg", "weft.masked", "weft.sparse", "weft.special"),
    (
        "weft.autograd",
        "weft._dense",
        "weft._tensor",
        "weft.multiprocessing",
    ),  # a tensor has backward(), and shares its memory
    ("weft.utils",),
    ("weft.nn", "weft.utils.hooks"),
    ("weft.optim",),
    ("weft", "weft._dynamo", "weft.utils.model_zoo"),
    ("weft.demo", "weft.run"),
    ("weft.cli",),
)

RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# The table is data and imports nothing of ours; the generator reads the table and nothing of the package.
STANDALONE = {"ops": {"ops"}, "gen": {"gen", "ops"}}


def layer_of(module: str) -> str:
    """The listed name that a module of the package belongs to."""
    while module not in RANK:
        parent, _, last = module.rpartition(".")
        if parent == "weft" and last.startswith("_"):
            return "weft._"
        module = parent
    return module


def module_name(path: Path) -> str:
    """`weft/nn/linear.py` is `weft.nn.linear`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and absolute name of each module, or name in one, that a file imports when it runs."""
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    pending: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
            continue
        pending.extend(ast.iter_child_nodes(node))


def _exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return module == "weft._core" or path.is_dir() or path.with_suffix(".py").is_file()


def upward_imports() -> Iterator[str]:
    for path in sorted((ROOT / "weft").rglob("*.py")):
        module = module_name(path)
        if module == "weft":
            continue  # the root gathers everything
        mine = layer_of(module)
        for line, name in imports(path):
            # `from weft.nn import Linear` names a module and something in it.
            target = name if _exists(name) else name.rpartition(".")[0]
            if target.split(".")[0] != "weft" or target == "weft" or target.startswith(f"{module}."):
                continue  # a package may gather its own modules
            theirs = layer_of(target)
            if RANK[theirs] > RANK[mine]:
                where = f"{path.relative_to(ROOT)}:{line}"
                yield f"{where}: {mine} may not use {theirs} ({name}), which stands above it"
    for folder, allowed in STANDALONE.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line, name in imports(path):
                package = name.split(".")[0]
                if package in {"weft", "ops", "gen", "tests", "bench", "tools"} - allowed:
                    yield f"{path.relative_to(ROOT)}:{line}: {folder} may not use {package}"


def main() -> int:
    problems = list(upward_imports())
    print("\n".join(problems) or "layers: in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
