"""``python -m gen --cpp DIR`` writes the C++ that the build compiles; ``--docs`` the committed stub and reference;
``--check`` fails when a committed artefact differs from the table."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from gen import bindings, entries, kernels, reference, stub
from ops import all_ops
from ops.table import Op

#: Translation units per artefact: fixed, so that the build can name its inputs without running the generator.
ENTRY_PARTS, BINDING_PARTS, LOOP_PARTS = 6, 4, 6
ROOT = Path(__file__).resolve().parent.parent


def _shares(ops: list[Op], parts: int) -> list[list[Op]]:
    """Dealt like cards, so that units take about the same time to compile."""
    return [ops[i::parts] for i in range(parts)]


def cpp_files() -> dict[str, str]:
    """All generated C++ by file name below generated/."""
    ops = list(all_ops())
    by_cpp_name = {op.cpp_name: op for op in ops}
    if len(by_cpp_name) != len(ops):
        raise ValueError(
            f"two operators share a C++ name: {sorted({o.cpp_name for o in ops if by_cpp_name[o.cpp_name] is not o})}"
        )
    files = {
        "ops.h": entries.header(ops),
        "impl.h": entries.impl_header(ops),
        "pointwise_ids.h": kernels.ids(ops),
        "forms.h": bindings.forms_header(ops),
        "number_protocol.h": bindings.protocol_header(),
        "tables.cpp": bindings.tables(ops),
        "pointwise_complex.cpp": kernels.complex_loops(ops),
        "pointwise_fill.cpp": kernels.fill(LOOP_PARTS),
    }
    for i, share in enumerate(_shares(ops, ENTRY_PARTS)):
        files[f"entries_{i}.cpp"] = entries.unit(share, by_cpp_name)
    for i, share in enumerate(_shares(ops, BINDING_PARTS)):
        files[f"bindings_{i}.cpp"] = bindings.source(share)
    pointwise = [op for op in ops if op.is_pointwise]
    for i, share in enumerate(_shares(pointwise, LOOP_PARTS)):
        files[f"pointwise_{i}.cpp"] = kernels.loops(share, i)
    return files


def doc_files() -> dict[Path, str]:
    """Committed artefacts by path."""
    ops = list(all_ops())
    return {**stub.files(ops), **reference.files(ops)}


def _write(path: Path, text: str) -> None:
    """Leaves an unchanged file alone, so that nothing is rebuilt for it."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m gen", description=__doc__)
    parser.add_argument("--cpp", type=Path, metavar="DIR", help="write generated C++ below DIR/generated")
    parser.add_argument("--docs", action="store_true", help="write the committed stub and reference pages")
    parser.add_argument("--check", action="store_true", help="fail if a committed artefact is out of date")
    options = parser.parse_args()
    if options.cpp:
        for name, text in cpp_files().items():
            _write(options.cpp / "generated" / name, text)
    if options.docs:
        for path, text in doc_files().items():
            _write(ROOT / path, text)
    if options.check:
        stale = [p for p, text in doc_files().items() if not (ROOT / p).exists() or (ROOT / p).read_text() != text]
        for path in stale:
            print(f"{path} differs from the table: run `python -m gen --docs` and commit", file=sys.stderr)
        return 1 if stale else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
