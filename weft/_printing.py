"""How tensors are written out: PyTorch's `repr`, letter for letter.

A tensor is read once, as a flat list of Python numbers; rows and brackets are put together from that list.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import weft


@dataclasses.dataclass
class _PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}

_options = _PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed, for the whole process.

    Args:
        precision: digits after the point (4).
        threshold: number of elements above which only the edges are shown (1000).
        edgeitems: elements shown at each end of each dimension of a summarised tensor (3).
        linewidth: columns before a row is broken (80).
        profile: a set of the four above: `"default"`, `"short"` or `"full"`; the other arguments override it.
        sci_mode: scientific notation always (`True`), never (`False`) or where the values ask for it.

    Raises:
        ValueError: `profile` is not one of the three.

    Example:
        >>> weft.set_printoptions(precision=2)
        >>> weft.tensor([1.12345])
        tensor([1.12])
        >>> weft.set_printoptions(profile="default")
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"set_printoptions: profile must be one of {sorted(_PROFILES)}, got {profile!r}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes = dict(_PROFILES[profile]) if profile is not None else {}
    changes.update((name, value) for name, value in given.items() if value is not None)
    for name, value in changes.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for `set_printoptions`."""
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Set print options for the length of a `with` block; arguments as of `set_printoptions`."""
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def tensor_str(tensor: weft.Tensor) -> str:
    """What `repr(tensor)` answers."""
    is_plain = type(tensor) in (weft.Tensor, weft.nn.Parameter)
    prefix = "tensor(" if is_plain else f"{type(tensor).__name__}("
    body = prefix + (_body(tensor.detach(), len(prefix)) if tensor.numel() else "[]")
    text = _with_suffixes(body, _suffixes(tensor), len(prefix))
    return f"Parameter({text})" if isinstance(tensor, weft.nn.Parameter) and not is_plain else text


def tensor_format(tensor: weft.Tensor, spec: str) -> str:
    """What `format(tensor, spec)` answers: a number's formatting for a 0-dim tensor, else `str(tensor)`."""
    if tensor.dim() == 0 and type(tensor) is weft.Tensor:
        return format(tensor.detach().item(), spec)
    return object.__format__(tensor, spec)


def _suffixes(tensor: weft.Tensor) -> list[str]:
    """What is said behind the numbers: size, dtype, and the tensor's place in autograd."""
    suffixes = []
    default = weft.get_default_dtype()
    if tensor.numel():
        if not _options.edgeitems:
            suffixes.append(f"size={tuple(tensor.shape)}")
        default_complex = weft.complex128 if default == weft.float64 else weft.complex64
        if tensor.dtype not in (default, default_complex, weft.int64, weft.bool):
            suffixes.append(f"dtype={tensor.dtype}")
    else:
        if tensor.dim() != 1:
            suffixes.append(f"size={tuple(tensor.shape)}")
        if tensor.dtype != default:
            suffixes.append(f"dtype={tensor.dtype}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name().rsplit('::', 1)[-1]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    return suffixes


def _with_suffixes(body: str, suffixes: Sequence[str], indent: int) -> str:
    parts = [body]
    # One more than the last line is long: PyTorch counts so, and breaks lines by that count.
    column = len(body) - body.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            parts.append(",\n" + " " * indent + suffix)
            column = indent + len(suffix)
        else:
            parts.append(", " + suffix)
            column += len(suffix) + 2
    return "".join(parts) + ")"


def _body(tensor: weft.Tensor, indent: int) -> str:
    """The numbers of a tensor that has some and needs no gradient, with their brackets."""
    summarize = tensor.numel() > _options.threshold and tensor.dim() > 0
    if summarize and not _options.edgeitems:
        return "[...]"
    shown = _edges(tensor) if summarize else tensor
    values = shown.reshape(-1).tolist()
    if tensor.dtype.is_complex:
        cells, width = _complex_cells(values)
    elif tensor.dtype.is_floating_point:
        cells, width = _float_cells(values)
    else:
        cells, width = _plain_cells(values)
    return _Layout(cells, width, tuple(shown.shape), tuple(tensor.shape)).block(0, indent)


def _edges(tensor: weft.Tensor) -> weft.Tensor:
    """The corners of a large tensor: of each long dimension only `edgeitems` at both ends."""
    n = _options.edgeitems
    for dim, size in enumerate(tensor.shape):
        if size > 2 * n:
            tensor = weft.cat((tensor.narrow(dim, 0, n), tensor.narrow(dim, size - n, n)), dim)
    return tensor


def _plain_cells(values: Sequence[int | bool]) -> tuple[list[str], int]:
    """Integers and booleans, aligned to the right; with the width they are aligned to."""
    texts = [str(value) for value in values]
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts], width


def _float_cells(values: Sequence[float]) -> tuple[list[str], int]:
    """Floating-point numbers in one common notation: `1.`, `1.5000` or `1.5000e+00`.

    The notation and the width are chosen by the finite numbers other than zero; the rest may be wider.
    """
    telling = [value for value in values if value and math.isfinite(value)]
    magnitudes = [abs(value) for value in telling]
    scientific = False
    if telling:
        low, high = min(magnitudes), max(magnitudes)
        scientific = _options.sci_mode if _options.sci_mode is not None else _spread(low, high)
    integral = all(value.is_integer() for value in telling)

    if scientific:
        spec, point = f".{_options.precision}e", ""
    elif integral:
        spec, point = ".0f", "."
    else:
        spec, point = f".{_options.precision}f", ""
    width = max((len(format(value, spec)) + len(point) for value in telling), default=1)
    cells = [format(value, spec) + (point if math.isfinite(value) else "") for value in values]
    return [cell.rjust(width) for cell in cells], width


def _spread(low: float, high: float) -> bool:
    """Whether magnitudes from `low` to `high` are written in scientific notation when nobody says."""
    return high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4


def _complex_cells(values: Sequence[complex]) -> tuple[list[str], int]:
    """Complex numbers; real and imaginary parts choose their notation separately."""
    real, real_width = _float_cells([value.real for value in values])
    imag, imag_width = _float_cells([value.imag for value in values])
    cells = []
    for re, im in zip(real, imag, strict=True):
        im = im.lstrip() + "j"
        cells.append(re + im if im[0] in "+-" else re + "+" + im)
    return cells, real_width + imag_width + 1


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Cells in row-major order, set in brackets and lines."""

    cells: Sequence[str]
    width: int
    shown: tuple[int, ...]  # shape of `cells`
    shape: tuple[int, ...]  # shape of the tensor; a dimension longer than shown gets its "..."

    def block(self, dim: int, indent: int, start: int = 0) -> str:
        """The part below `dim` whose first cell is `start`, written behind `indent` columns."""
        if dim == len(self.shown):
            return self.cells[start]
        if dim == len(self.shown) - 1:
            return self._row(indent, start)
        step = math.prod(self.shown[dim + 1 :])
        blocks = [self.block(dim + 1, indent + 1, start + i * step) for i in range(self.shown[dim])]
        if self.shown[dim] < self.shape[dim]:
            blocks.insert(_options.edgeitems, "...")
        newlines = "\n" * (len(self.shown) - dim - 1)
        return "[" + ("," + newlines + " " * (indent + 1)).join(blocks) + "]"

    def _row(self, indent: int, start: int) -> str:
        cells = list(self.cells[start : start + self.shown[-1]])
        if self.shown[-1] < self.shape[-1]:
            cells.insert(_options.edgeitems, " ...")
        per_line = max(1, (_options.linewidth - indent) // (self.width + 2))
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
