"""The list of pointwise kernels: ids for everybody, and one loop per functor and compute type for each ISA."""

from __future__ import annotations

from collections.abc import Sequence

from gen.entries import HEADER, camel
from ops.table import Op, Rule

_COMPUTE = {"f": ("f32", "float"), "d": ("f64", "double"), "l": ("i64", "int64_t"), "b": ("b8", "bool")}
_SMALL = {"u8": "uint8_t", "i8": "int8_t", "i16": "int16_t", "i32": "int32_t"}
_DEFAULT_TYPES = {
    Rule.FLOAT: "fd",
    Rule.PROMOTE: "fdl",
    Rule.WIDEN: "fdl",
    Rule.COMPARE: "fdlb",
    Rule.TEST: "fd",
    Rule.INTEGRAL: "lb",
    Rule.SELECT: "fdlb",
}


def compute_types(op: Op) -> str:
    assert op.rule is not None
    return op.types or _DEFAULT_TYPES[op.rule]


def ids(ops: Sequence[Op]) -> str:
    """generated/pointwise_ids.h."""
    pointwise = [op for op in ops if op.is_pointwise]
    lines = [
        HEADER,
        "#pragma once\n",
        "#include <cstdint>\n",
        "namespace weft::kernels {\n",
        "/// One per pointwise operator of the table.",
        "enum class PointwiseId : uint16_t {",
    ]
    lines += [f"  {camel(op.cpp_name)},  // {op.source}" for op in pointwise]
    lines += ["};", f"inline constexpr int pointwise_count = {len(pointwise)};\n", "}  // namespace weft::kernels\n"]
    return "\n".join(lines)


def loops(ops: Sequence[Op], part: int) -> str:
    """One translation unit, compiled once per ISA, that fills its part of the table of loops."""
    lines = [
        HEADER,
        '#include "kernels/functors.h"',
        '#include "kernels/loops.h"',
        '#include "kernels/pointwise.h"\n',
        "namespace weft::kernels::WEFT_ISA_NAMESPACE {\n",
        f"void fill_pointwise_{part}(PointwiseTable& table) {{",
    ]
    for op in ops:
        lines += [_loop(op, *_COMPUTE[letter]) for letter in compute_types(op) if letter in _COMPUTE]
        if "s" in compute_types(op):
            lines += [_loop(op, *names, table="small") for names in _SMALL.items()]
    lines += ["}\n", "}  // namespace weft::kernels::WEFT_ISA_NAMESPACE\n"]
    return "\n".join(lines)


def _loop(op: Op, compute: str, cpp: str, table: str = "loops") -> str:
    arity = sum(p.is_tensor for p in op.signature.parameters)
    kind = "Compute" if table == "loops" else "SmallInt"
    row = f"table.{table}[static_cast<int>(PointwiseId::{camel(op.cpp_name)})]"
    return f"  {row}[static_cast<int>({kind}::{compute})] = make_loop<{op.functor_name}, {cpp}, {arity}>();"


def complex_loops(ops: Sequence[Op]) -> str:
    """The unit of complex loops, compiled once for all ISAs."""
    lines = [
        HEADER,
        '#include "kernels/functors_complex.h"',
        '#include "kernels/loops.h"',
        '#include "kernels/pointwise.h"\n',
        "namespace weft::kernels::WEFT_ISA_NAMESPACE {\n",
        "void fill_pointwise_complex(PointwiseTable& table) {",
    ]
    for op in ops:
        if op.is_pointwise and "c" in compute_types(op):
            lines += [_loop(op, "c64", "Complex<float>"), _loop(op, "c128", "Complex<double>")]
    lines += ["}\n", "}  // namespace weft::kernels::WEFT_ISA_NAMESPACE\n"]
    return "\n".join(lines)


def fill(parts: int) -> str:
    """The unit, compiled once per ISA, that calls the parts."""
    lines = [HEADER, '#include "kernels/pointwise.h"\n', "namespace weft::kernels::WEFT_ISA_NAMESPACE {\n"]
    lines += [f"void fill_pointwise_{i}(PointwiseTable& table);" for i in range(parts)]
    lines.append("\nvoid fill(PointwiseTable& table) {")
    lines += [f"  fill_pointwise_{i}(table);" for i in range(parts)]
    lines += ["}\n", "}  // namespace weft::kernels::WEFT_ISA_NAMESPACE\n"]
    return "\n".join(lines)
