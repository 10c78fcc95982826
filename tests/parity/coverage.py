"""python -m tests.parity.coverage: which of PyTorch's public names weft has.

Writes docs/reference/coverage.md, and weft/_absent.txt, by which an AttributeError says that PyTorch has the name.
"""

from __future__ import annotations

import importlib
import types
from pathlib import Path
from typing import Any

import torch

import weft
from tests.parity import database

ROOT = Path(__file__).resolve().parents[2]
PAGE, ABSENT = ROOT / "docs/reference/coverage.md", ROOT / "weft/_absent.txt"
SPACES = (
    "", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "linalg", "fft", "special", "masked", "signal.windows",
    "autograd", "autograd.functional", "func", "optim", "optim.lr_scheduler", "utils.data", "utils.checkpoint",
    "distributions", "random", "amp", "sparse",
)  # fmt: skip


def _space(root: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        if root is None:
            return None
        found = getattr(root, name, None)
        if found is None and isinstance(root, types.ModuleType):
            try:
                found = importlib.import_module(f"{root.__name__}.{name}")
            except ImportError:
                return None
        root = found
    return root


def names(path: str) -> tuple[list[str], list[str]]:
    """The public names of one of PyTorch's namespaces: those weft has, and those it has not."""
    theirs, ours = _space(torch, path), _space(weft, path)
    public = getattr(theirs, "__all__", None) if path not in ("", "Tensor") else None
    found: list[str] = []
    for name in public or dir(theirs):
        value = getattr(theirs, name, None)
        home = getattr(value, "__module__", "") or ""
        foreign = isinstance(value, types.ModuleType) and not value.__name__.startswith("torch")
        inner = isinstance(value, type) and home == "torch._C" and path == ""  # of the compiler's, not for programs
        if name.startswith("_") or foreign or inner or home.split(".")[0] in ("typing", "warnings", "collections"):
            continue
        found.append(name)
    found = sorted(set(found))
    here = [name for name in found if ours is not None and hasattr(ours, name)]
    return here, [name for name in found if name not in set(here)]


def write() -> None:
    lines = [
        "# What is covered of PyTorch\n",
        "Written by `python -m tests.parity.coverage`, which asks PyTorch 2.13 for its public names. A name that is here is",
        "not yet a promise: what agrees with PyTorch's operator database, and in which dtypes, stands in",
        "`tests/parity/passing.txt`, and is tested.\n",
        "| namespace | weft has | PyTorch has |",
        "|---|---|---|",
    ]
    tables, absent = [], []
    for path in SPACES:
        here, missing = names(path)
        title = f"torch.{path}" if path else "torch"
        lines.append(f"| `{title}` | {len(here)} | {len(here) + len(missing)} |")
        absent += [f"{path}.{name}" if path else name for name in missing]
        tables.append(f"\n## {title}\n\n{_listed(here)}\n\nMissing: {_listed(missing)}")
    passing = database.read()
    tables.append(
        "\n## Differences\n\n"
        f"{len(passing)} entries of the operator database pass at least in part. Letters after a dtype say what agrees in every "
        "sample: v values, s strides and views, g gradients, h second gradients, m the method, i the in-place method, o out=, "
        "e error classes. `python -m tests.parity NAME -v` says why a letter is missing."
    )
    missing = sorted(set(database.entries()) - set(passing))
    tables.append(
        "\n### Why entries are missing or pass in part\n\n"
        "- Internal operators below PyTorch's public functions, not offered: `max_pool2d_with_indices_backward`, "
        "`hash_tensor`, `slice`, `native_dropout_backward`, and what else stands in "
        "`torch.ops.aten` alone.\n"
        "- Sparse layouts: what PyTorch's database asks for in CSR and its relatives.\n"
        "- Singular and eigenvectors are determined up to a sign or phase: they are compared by what defines them.\n"
        "- Single differences, with figures: `docs/notes/parity.md`.\n"
        "- Half precision complex numbers (`chalf`) do not exist.\n\n"
        f"Entries that are not in the list of what passes, for one of these reasons or because they are newer than it: {_listed(missing)}"
    )
    PAGE.write_text("\n".join(lines) + "\n" + "\n".join(tables) + "\n")
    ABSENT.write_text("\n".join(sorted(absent)) + "\n")


def _listed(found: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in found) if found else "none"


if __name__ == "__main__":
    write()
