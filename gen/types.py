"""What each type of a signature is in C++, in a Python argument, in a stub, and in a saved node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ops.signature import Output, Parameter


@dataclass(frozen=True)
class Type:
    cpp: str  # as a parameter of the C++ entry
    kind: str  # weft::bindings::Kind
    get: str  # the Slots member that converts, "" for internal types
    stub: str
    saved: str = ""  # owning type in a node's saved values
    none: str = ""  # C++ for a default of None


_LIST = "Dims"
TYPES: dict[str, Type] = {
    "Tensor": Type("const Tensor&", "tensor", "tensor", "Tensor", "SavedTensor"),
    "Tensor | None": Type(
        "const Tensor&", "optional_tensor", "optional_tensor", "Tensor | None", "SavedTensor", "Tensor()"
    ),
    "Tensor | Number": Type("const Tensor&", "operand", "operand", "Tensor | Number", "SavedTensor"),
    "list[Tensor]": Type("TensorSpan", "tensor_list", "tensor_list", "Sequence[Tensor]", "std::vector<SavedTensor>"),
    "list[Tensor | None]": Type(
        "TensorSpan",
        "optional_tensor_list",
        "optional_tensor_list",
        "Sequence[Tensor | None]",
        "std::vector<SavedTensor>",
    ),
    "Number": Type("const Scalar&", "number", "number", "Number", "Scalar"),
    "Number | None": Type(
        "const std::optional<Scalar>&",
        "optional_number",
        "optional_number",
        "Number | None",
        "std::optional<Scalar>",
        "std::nullopt",
    ),
    "int": Type("int64_t", "integer", "integer", "int", "int64_t"),
    "int | None": Type(
        "std::optional<int64_t>",
        "optional_integer",
        "optional_integer",
        "int | None",
        "std::optional<int64_t>",
        "std::nullopt",
    ),
    "float": Type("double", "real", "real", "float", "double"),
    "float | None": Type(
        "std::optional<double>",
        "optional_real",
        "optional_real",
        "float | None",
        "std::optional<double>",
        "std::nullopt",
    ),
    "bool": Type("bool", "boolean", "boolean", "bool", "bool"),
    "bool | None": Type(
        "std::optional<bool>",
        "optional_boolean",
        "optional_boolean",
        "bool | None",
        "std::optional<bool>",
        "std::nullopt",
    ),
    "str": Type("std::string_view", "text", "text", "str", "std::string"),
    "str | None": Type(
        "std::optional<std::string_view>",
        "optional_text",
        "optional_text",
        "str | None",
        "std::optional<std::string>",
        "std::nullopt",
    ),
    "list[int]": Type("IntList", "integers", "integers", "int | Sequence[int]", _LIST),
    "list[int] | None": Type(
        "const std::optional<Dims>&",
        "optional_integers",
        "optional_integers",
        "int | Sequence[int] | None",
        "std::optional<Dims>",
        "std::nullopt",
    ),
    "shape": Type("IntList", "shape", "integers", "Sequence[int]", _LIST),
    "list[float] | None": Type(
        "const std::optional<std::vector<double>>&",
        "optional_reals",
        "optional_reals",
        "Sequence[float] | None",
        "std::optional<std::vector<double>>",
        "std::nullopt",
    ),
    "dtype": Type("DType", "dtype", "dtype", "dtype", "DType"),
    "dtype | None": Type(
        "std::optional<DType>",
        "optional_dtype",
        "optional_dtype",
        "dtype | None",
        "std::optional<DType>",
        "std::nullopt",
    ),
    "memory_format": Type("MemoryFormat", "memory_format", "memory_format", "memory_format", "MemoryFormat"),
    "memory_format | None": Type(
        "std::optional<MemoryFormat>",
        "optional_memory_format",
        "optional_memory_format",
        "memory_format | None",
        "std::optional<MemoryFormat>",
        "std::nullopt",
    ),
    "Generator | None": Type("Generator*", "generator", "generator", "Generator | None", "Generator*", "nullptr"),
    "list[Dims]": Type("std::span<const Dims>", "", "", "", "std::vector<Dims>"),
}
for _n in (1, 2, 3):
    TYPES[f"ints[{_n}]"] = Type("IntList", "integers", f"expanded<{_n}>", "int | Sequence[int]", _LIST)
    TYPES[f"ints[{_n}] | None"] = Type(
        "const std::optional<Dims>&",
        "optional_integers",
        f"optional_expanded<{_n}>",
        "int | Sequence[int] | None",
        "std::optional<Dims>",
        "std::nullopt",
    )


def of(parameter: Parameter) -> Type:
    return TYPES[parameter.type]


def cpp_declaration(parameter: Parameter) -> str:
    """``int64_t dim``."""
    return f"{of(parameter).cpp} {cpp_identifier(parameter.name)}"


_RESERVED = {
    "default",
    "float",
    "double",
    "int",
    "bool",
    "long",
    "short",
    "new",
    "delete",
    "register",
    "signed",
    "this",
    "dtype",
}


def cpp_identifier(name: str) -> str:
    """C++ keywords get a trailing underscore."""
    return f"{name}_" if name in _RESERVED else name


def cpp_literal(value: Any, kind: str) -> str:
    """A Python constant as C++ of the type `kind`."""
    if value is None:
        return TYPES[kind].none or "{}"
    if isinstance(value, bool):
        text = "true" if value else "false"
        return f"Scalar({text})" if kind.startswith("Number") else text
    if kind in ("Tensor | Number", "Tensor", "Tensor | None"):
        return f"wrapped_number({_number(value)})"
    if kind.startswith("Number"):
        return f"Scalar({_number(value)})"
    if isinstance(value, str):
        if kind.startswith("memory_format"):
            return f"MemoryFormat::{value}"
        return f"DType::{value}" if kind.startswith("dtype") else f'"{value}"'
    if isinstance(value, list | tuple):
        return f"Dims{{{', '.join(str(v) for v in value)}}}"
    if kind.startswith("ints["):
        count = int(kind[5])
        return f"Dims{{{', '.join([str(value)] * count)}}}"
    if kind in ("list[int]", "list[int] | None", "shape"):
        return f"Dims{{{value}}}"
    if kind.startswith("float"):
        return _number(float(value))
    return _number(value)


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"int64_t{{{value}}}"
    if value != value:
        return "std::numeric_limits<double>::quiet_NaN()"
    if value in (float("inf"), float("-inf")):
        return f"{'-' if value < 0 else ''}std::numeric_limits<double>::infinity()"
    return repr(float(value))


_OUTPUTS = {
    "Tensor": "Tensor",
    "list[Tensor]": "TensorList",
    "bool": "bool",
    "int": "int64_t",
    "float": "double",
    "None": "void",
    "Number": "Scalar",
}


def cpp_result(outputs: tuple[Output, ...]) -> str:
    """The C++ return type for these outputs."""
    names = [_OUTPUTS[o.type] for o in outputs]
    return names[0] if len(names) == 1 else f"std::tuple<{', '.join(names)}>"
