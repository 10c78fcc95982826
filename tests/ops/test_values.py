"""Every operator gives the reference's values, for every layout, dtype and form."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import weft
from tests.ops.cases import ALL, SAMPLES, Call, Case, flatten, label, make_call, run, to_tensor

EPS = {np.float32: float(np.finfo(np.float32).eps), np.float64: float(np.finfo(np.float64).eps)}


def assert_close(result: weft.Tensor, expected: Any, tolerance: float) -> None:
    """Errors up to tolerance, relative to the element or to the mean magnitude, whichever is larger."""
    actual = np.asarray(result.detach().numpy())
    wanted = np.asarray(expected)
    assert actual.shape == wanted.shape
    if wanted.dtype == np.bool_ or np.issubdtype(wanted.dtype, np.integer):
        np.testing.assert_array_equal(actual, wanted)
        return
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = np.maximum(np.abs(wanted), finite.mean() if finite.size else 0.0)
    error = np.abs(actual.astype(np.result_type(actual, np.float64)) - wanted)
    equal = (actual == wanted) | (np.isnan(actual) & np.isnan(wanted))
    assert np.all(equal | (error <= tolerance * scale)), f"largest error {np.max(error):.3g}"


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("pair", [p for p in SAMPLES if p[0].reference], ids=label)
def test_value_is_the_reference(pair: tuple[Case, Any], dtype: Any) -> None:
    case, sample = pair
    call = make_call(case, sample, dtype)
    args, kwargs = call.map(lambda a: a.astype(np.float64) if a.dtype == np.float32 else a)
    expected = case.reference(*args, **kwargs)  # type: ignore[misc]
    expected = list(expected) if isinstance(expected, tuple | list) else [expected]
    results = flatten(run(case, call))
    for result, wanted in zip(results, expected, strict=False):
        # A float64 reference is itself off by a rounding or two.
        single = result.dtype in (weft.float32, weft.complex64)
        if single:
            assert_close(result, wanted, case.ulps * EPS[np.float32])
        else:
            assert_close(result, wanted, max(max(case.ulps, 8.0) * EPS[np.float64], case.double_error))


def _strided(array: np.ndarray) -> weft.Tensor:
    """The same values with gaps between them and dimensions reversed in memory."""
    if array.ndim == 0:
        return to_tensor(array)
    wide = np.zeros([2 * n for n in reversed(array.shape)], array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array.transpose()
    return weft.from_numpy(view.transpose())


@pytest.mark.parametrize("pair", SAMPLES, ids=label)
def test_strides_do_not_matter(pair: tuple[Case, Any]) -> None:
    case, sample = pair
    call = make_call(case, sample)
    if case.op is not None and case.op.layout_bound:
        pytest.skip("defined by the storage, not by the values")
    plain = flatten(run(case, call))
    strided = flatten(run(case, call, _strided))
    for a, b in zip(plain, strided, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


_DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("dtype", _DTYPES)
@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_dtype_computes_or_is_refused(case: Case, dtype: str) -> None:
    target = getattr(weft, dtype)
    integer = not target.is_floating_point
    call = make_call(case, case.samples[0], np.int64 if integer else np.float64)

    def convert(array: np.ndarray) -> weft.Tensor:
        t = to_tensor(array)
        keeps = array.dtype == np.bool_ or (array.dtype == np.int64 and not (integer or case.integral))
        return t if keeps else t.to(target)

    refusals = (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError, ZeroDivisionError)
    allowed = refusals if case.integral or dtype not in ("float32", "float64") else ()
    results: list[weft.Tensor] = []
    with contextlib.suppress(*allowed):
        results = flatten(run(case, call, convert))
    if results and not case.draws:
        _compare_with_float64(case, call, convert, dtype, results)


def _compare_with_float64(case: Case, call: Call, convert: Any, dtype: str, results: list[weft.Tensor]) -> None:
    target = getattr(weft, dtype)
    if target.is_floating_point and dtype != "float64":
        exact = flatten(
            run(case, call, lambda a: convert(a).double() if convert(a).is_floating_point() else convert(a))
        )
        tolerance = {"float32": 2e-5, "float16": 2e-2, "bfloat16": 2e-1}[dtype]
        for r, e in zip(results, exact, strict=True):
            if r.is_floating_point() and r.shape == e.shape:
                scale = max(1.0, float(np.abs(np.nan_to_num(e.double().numpy())).max(initial=0)))
                np.testing.assert_allclose(
                    r.double().numpy(), e.double().numpy(), rtol=tolerance, atol=tolerance * scale
                )


@pytest.mark.parametrize("case", [c for c in ALL if c.op and c.op.has_inplace and c.op.is_method], ids=str)
def test_inplace_form_writes_what_the_function_returns(case: Case) -> None:
    op = case.op
    assert op is not None
    for sample in case.samples:
        call = make_call(case, sample)
        expected = flatten(run(case, call))[0]
        args, kwargs = call.map(to_tensor)
        if expected.shape != args[0].shape or expected.dtype != args[0].dtype:
            continue
        weft.manual_seed(0)
        result = getattr(args[0], f"{op.name}_")(*args[1:], **kwargs)
        assert result is args[0]
        np.testing.assert_array_equal(result.numpy(), expected.numpy())


@pytest.mark.parametrize("case", [c for c in ALL if c.op and c.op.has_out and c.op.function], ids=str)
def test_out_form_fills_the_given_tensor(case: Case) -> None:
    for sample in case.samples:
        call = make_call(case, sample)
        expected = flatten(run(case, call))
        outs = tuple(weft.empty(0, dtype=e.dtype) for e in expected)
        args, kwargs = call.map(to_tensor)
        weft.manual_seed(0)
        case.function(*args, **kwargs, out=outs if len(outs) > 1 else outs[0])
        for out, wanted in zip(outs, expected, strict=True):
            np.testing.assert_array_equal(out.numpy(), wanted.numpy())


@pytest.mark.parametrize("case", [c for c in ALL if c.op and not c.op.inplace_only], ids=str)
def test_nonsense_raises_type_error_naming_the_operator(case: Case) -> None:
    assert case.op is not None
    with pytest.raises(TypeError, match=case.op.name.strip("_")):
        case.function(object(), "nonsense", surely_no_such_argument=1)
