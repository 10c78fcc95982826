"""PyTorch's operator database by name, and the committed list of what passes.

passing.txt holds a line per operator: its name, then for each dtype the aspects (tests/parity/check.py) of which every
sample passes. `python -m tests.parity --write` makes it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("passing.txt")
DTYPES = ("float32", "float64", "int64", "bool")


@cache
def entries() -> dict[str, Any]:
    """OpInfo entries by full name, as `nn.functional.pad.circular`. Importing them takes some ten seconds."""
    from torch.testing._internal.common_methods_invocations import op_db

    return {op.full_name: op for op in op_db}


def read() -> dict[str, dict[str, str]]:
    """The committed list: operator, then dtype, to aspects."""
    if not LIST.exists():
        return {}
    result = {}
    for line in LIST.read_text().splitlines():
        name, *fields = line.split()
        result[name] = dict(field.split(":") for field in fields)
    return result


def write(passing: dict[str, dict[str, str]]) -> None:
    lines = [
        " ".join([name, *(f"{dtype}:{aspects}" for dtype, aspects in sorted(found.items()) if aspects)])
        for name, found in sorted(passing.items())
        if any(found.values())
    ]
    LIST.write_text("\n".join(lines) + "\n")
