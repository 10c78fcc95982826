"""Checks that no source file outgrows its subject: 800 lines at most. Run: `python tools/check_sizes.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 800
FOLDERS = ("weft", "ops", "gen", "core", "tests", "bench", "examples", "docs", "tools")
SUFFIXES = {".py", ".h", ".cpp", ".md"}
GENERATED = {ROOT / "bench/RESULTS.md"}  # a line for every workload


def too_long() -> Iterator[str]:
    """Files over the limit, as `path: lines`. What is generated does not count, nor do stubs (`.pyi`)."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path not in GENERATED:
                lines = len(path.read_text(encoding="utf-8").splitlines())
                if lines > LIMIT:
                    yield f"{path.relative_to(ROOT)}: {lines} lines, at most {LIMIT} are allowed"


def main() -> int:
    problems = list(too_long())
    print("\n".join(problems) or f"sizes: no file over {LIMIT} lines")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
