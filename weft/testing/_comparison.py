"""``assert_close``: fails with what differs, how much, and where."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import weft
from weft import Tensor
from weft import dtype as Dtype

__all__ = ["assert_allclose", "assert_close"]

_TOLERANCES = {
    weft.float16: (1e-3, 1e-5),
    weft.bfloat16: (1.6e-2, 1e-5),
    weft.float32: (1.3e-6, 1e-5),
    weft.float64: (1e-7, 1e-7),
    weft.complex64: (1.3e-6, 1e-5),
    weft.complex128: (1e-7, 1e-7),
}

Message = str | Callable[[str], str] | None


def default_tolerances(*dtypes: Dtype) -> tuple[float, float]:
    """Relative and absolute tolerance: the larger of the dtypes' own; exact for integers."""
    pairs = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
    return max(r for r, _ in pairs), max(a for _, a in pairs)


class _Comparison:
    """The options of one assertion."""

    def __init__(self, rtol: float | None, atol: float | None, **options: bool) -> None:
        if (rtol is None) != (atol is None):
            given, missing = ("rtol", "atol") if atol is None else ("atol", "rtol")
            raise ValueError(
                f"rtol and atol must both be specified or both be unspecified, but got no {missing} with {given}"
            )
        self.rtol, self.atol, self.options = rtol, atol, options

    def fail(self, path: str, message: str) -> None:
        where = f"\n\nThe failure occurred for item {path}" if path else ""
        raise AssertionError(message + where)

    def compare(self, actual: Any, expected: Any, path: str = "") -> None:
        if isinstance(actual, Tensor) or isinstance(expected, Tensor) or (_is_array(actual) and _is_array(expected)):
            self._compare_tensors(_tensor(self, actual, path), _tensor(self, expected, path), path)
        elif isinstance(actual, Mapping) and isinstance(expected, Mapping):
            if actual.keys() != expected.keys():
                extra, absent = set(actual) - set(expected), set(expected) - set(actual)
                self.fail(
                    path,
                    f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {sorted(absent, key=str)}\nAdditional keys in the actual mapping: {sorted(extra, key=str)}",
                )
            for key in actual:
                self.compare(actual[key], expected[key], f"{path}[{key!r}]")
        elif _is_sequence(actual) and _is_sequence(expected):
            if len(actual) != len(expected):
                self.fail(path, f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
            for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
                self.compare(a, e, f"{path}[{i}]")
        elif isinstance(actual, numbers.Number) and isinstance(expected, numbers.Number):
            self._compare_numbers(actual, expected, path)
        elif actual is None or expected is None:
            if actual is not expected:
                self.fail(path, f"None mismatch: {actual} is not {expected}")
        elif isinstance(actual, str | bytes) and isinstance(expected, str | bytes):
            if actual != expected:
                self.fail(path, f"Object equality comparison failed: {actual!r} != {expected!r}")
        else:
            where = f" at {path}" if path else ""
            raise TypeError(
                f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}{where}."
            )

    def _compare_numbers(self, actual: Any, expected: Any, path: str) -> None:
        kinds = (
            weft.complex128 if isinstance(v, complex) else weft.float64 if isinstance(v, float) else weft.int64
            for v in (actual, expected)
        )
        rtol, atol = default_tolerances(*kinds) if self.rtol is None or self.atol is None else (self.rtol, self.atol)
        if self.options["check_dtype"] and type(actual) is not type(expected):
            self.fail(path, f"The (d)types do not match: {type(actual)} != {type(expected)}.")
        if actual == expected or (self.options["equal_nan"] and actual != actual and expected != expected):
            return
        difference = abs(actual - expected)
        if not difference <= atol + rtol * abs(expected) or difference == float("inf"):
            relative = difference / abs(expected) if expected else float("inf")
            self.fail(
                path,
                f"Scalars are not close!\n\nExpected {expected} but got {actual}.\nAbsolute difference: {difference} "
                f"(up to {atol} allowed)\nRelative difference: {relative} (up to {rtol} allowed)",
            )

    def _compare_tensors(self, actual: Tensor, expected: Tensor, path: str) -> None:
        if actual.shape != expected.shape:
            self.fail(path, f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}.")
        if self.options["check_dtype"] and actual.dtype is not expected.dtype:
            self.fail(path, f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}.")
        if self.options["check_stride"] and actual.stride() != expected.stride():
            self.fail(
                path, f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}."
            )
        rtol, atol = (
            default_tolerances(actual.dtype, expected.dtype)
            if self.rtol is None or self.atol is None
            else (self.rtol, self.atol)
        )
        actual, expected = actual.detach(), expected.detach()
        if actual.dtype is not expected.dtype:
            common = weft.promote_types(actual.dtype, expected.dtype)
            actual, expected = actual.to(common), expected.to(common)
        close = weft.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=self.options["equal_nan"])
        if bool(close.all()):
            return
        self.fail(path, _describe(actual, expected, close, rtol, atol))


def _describe(actual: Tensor, expected: Tensor, close: Tensor, rtol: float, atol: float) -> str:
    wide = weft.complex128 if actual.is_complex() else weft.float64 if actual.is_floating_point() else weft.int64
    actual, expected = actual.to(wide), expected.to(wide)
    count, total = int((~close).sum().item()), close.numel()
    exact = rtol == 0 and atol == 0
    difference = (actual - expected).abs().double()
    difference = weft.where(close, weft.zeros_like(difference), difference)
    relative = difference / expected.abs().double()
    relative = weft.where(close, weft.zeros_like(relative), relative)
    if total == 1 and close.dim() == 0:
        return (
            f"Scalars are not {'equal' if exact else 'close'}!\n\nExpected {expected.item()} but got {actual.item()}.\n"
            f"Absolute difference: {difference.item()}{'' if exact else f' (up to {atol} allowed)'}\n"
            f"Relative difference: {relative.item()}{'' if exact else f' (up to {rtol} allowed)'}"
        )

    def greatest(values: Tensor, allowed: float) -> str:
        at = int(values.nan_to_num(nan=float("inf")).argmax().item())
        index = tuple(int(i) for i in weft.unravel_index(weft.tensor(at), values.shape))
        limit = "" if exact else f" (up to {allowed} allowed)"
        return f"{values.reshape(-1)[at].item()} at index {index}{limit}"

    return (
        f"Tensor-likes are not {'equal' if exact else 'close'}!\n\n"
        f"Mismatched elements: {count} / {total} ({count / total:.1%})\n"
        f"Greatest absolute difference: {greatest(difference, atol)}\n"
        f"Greatest relative difference: {greatest(relative, rtol)}"
    )


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array_interface__")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _tensor(comparison: _Comparison, value: Any, path: str) -> Tensor:
    try:
        return value if isinstance(value, Tensor) else weft.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"cannot compare {type(value)} with a tensor{f' at {path}' if path else ''}: {error}") from None


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Raises AssertionError unless ``|actual - expected| <= atol + rtol * |expected|`` for every element.

    Args:
        actual, expected: tensors, arrays, numbers, or sequences and mappings of them, of the same structure.
        allow_subclasses: False demands the same type of both.
        rtol, atol: tolerances; both or neither. By default they follow from the dtype; integers must be equal.
        equal_nan: whether NaN equals NaN.
        msg: what the error says, or a function of what it would say.
    Raises:
        TypeError: the two cannot be compared.

    >>> weft.testing.assert_close([1.0, weft.ones(2)], [1.0, weft.ones(2)])
    """
    options = {"equal_nan": equal_nan, "check_dtype": check_dtype, "check_stride": check_stride}
    comparison = _Comparison(rtol, atol, **options)
    if not allow_subclasses and type(actual) is not type(expected):
        raise TypeError(f"expected the same type of both without subclasses, got {type(actual)} and {type(expected)}")
    try:
        comparison.compare(actual, expected)
    except AssertionError as error:
        if msg is None:
            raise
        raise AssertionError(msg(str(error)) if callable(msg) else msg) from None


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """The older form of assert_close: types need not match."""
    options = {"check_device": True, "check_dtype": False, "check_stride": False}
    if not isinstance(actual, Tensor):
        actual = weft.tensor(actual)
    if not isinstance(expected, Tensor):
        expected = weft.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = default_tolerances(actual.dtype, expected.dtype)
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, msg=msg or None, **options)
