"""The reference pages below docs/reference: what each operator is, from its record."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path

from gen import compositions
from gen.bindings import Form
from gen.stub import signature
from ops.table import Op

_FOLDER = Path("docs/reference")
_PREFIX = {
    "": "weft",
    "nn": "weft.nn.functional",
    "linalg": "weft.linalg",
    "special": "weft.special",
    "fft": "weft.fft",
}


def _entry(op: Op) -> str:
    spelled = f"{_PREFIX[op.namespace]}.{op.name}" if op.function else f"Tensor.{op.name}"
    text = signature(Form(op, op.inplace_only), not op.function, "").removesuffix(": ...")
    forms = []
    if op.is_method and op.function:
        forms.append(f"`Tensor.{op.name}`")
    if op.has_inplace and op.is_method:
        forms.append(f"`Tensor.{op.name}_`")
    if op.has_out:
        forms.append("`out=`")
    forms += [f"`{alias}`" for alias in (*op.aliases, *op.also)]
    lines = [f"### {spelled}{f' ({op.signature.overload})' if op.signature.overload else ''}", "",
             f"```python\n{op.name}{text}\n```", "", _markdown(inspect.cleandoc(op.doc)), ""]  # fmt: skip
    if forms:
        lines += [f"Also: {', '.join(forms)}.", ""]
    return "\n".join(lines)


def _markdown(doc: str) -> str:
    """Examples become code blocks."""
    lines: list[str] = []
    inside = False
    for line in doc.splitlines():
        if line.startswith(">>>") and not inside:
            lines.append("```pycon")
            inside = True
        if inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    if inside:
        lines.append("```")
    return "\n".join(lines)


def files(ops: Sequence[Op]) -> dict[Path, str]:
    """Committed pages by path: one per family file of the table, and an index."""
    families: dict[str, list[Op]] = {}
    for op in ops:
        if op.namespace != "_":
            families.setdefault(Path(op.source.split(":")[0]).stem, []).append(op)
    pages = {}
    index = ["# Reference of native operators", "", "Generated from the operator table (`python -m gen --docs`).", ""]
    for family, members in sorted(families.items()):
        body = "\n".join(_entry(op) for op in sorted(members, key=lambda o: o.key))
        pages[_FOLDER / f"{family}.md"] = f"# {family.replace('_', ' ').capitalize()}\n\n{body}"
        names = ", ".join(dict.fromkeys(f"`{op.name}`" for op in sorted(members, key=lambda o: o.key)))
        index += [f"- [{family}]({family}.md): {names}"]
    index += ["", "Composed of these in Python:", ""]
    for family, body in sorted(compositions.pages(_PREFIX, _markdown).items()):
        pages[_FOLDER / f"composed_{family}.md"] = f"# {family.replace('_', ' ').capitalize()}, composed\n\n{body}"
        names = ", ".join(f"`{c.name}`" for c in compositions.compositions() if c.family == family)
        index += [f"- [{family}](composed_{family}.md): {names}"]
    pages[_FOLDER / "index.md"] = "\n".join(index) + "\n"
    return pages
