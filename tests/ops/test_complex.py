"""Complex numbers: values against NumPy, and derivatives by finite differences of real and imaginary parts."""

from __future__ import annotations

import numpy as np
import pytest

import weft
from tests.ops.cases import ALL, Case

COMPLEX = [case for case in ALL if case.op is not None and "c" in case.op.types]
#: Where the table's reference is for real numbers only.
REFERENCES = {
    "sgn": lambda x: x / abs(x),
    "exp2": lambda x: 2**x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "nn.silu": lambda x: x / (1 + np.exp(-x)),
    "logaddexp": lambda x, y: np.log(np.exp(x) + np.exp(y)),
}
RTOL = {weft.complex64: 2e-5, weft.complex128: 1e-12}


def draw(*shape: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape)) * 0.7


def leaf(*shape: int, seed: int = 0) -> weft.Tensor:
    return weft.tensor(draw(*shape, seed=seed)).requires_grad_()


def inputs(case: Case) -> list[weft.Tensor]:
    assert case.op is not None
    tensors = [leaf(4, seed=i) for i, p in enumerate(case.op.signature.parameters) if p.is_tensor]
    if case.selects:
        tensors[0] = weft.tensor([True, False, True, True])
    return tensors


@pytest.mark.parametrize("dtype", RTOL, ids=str)
@pytest.mark.parametrize("case", [c for c in COMPLEX if c.reference is not None], ids=str)
def test_value_is_numpys(case: Case, dtype: weft.dtype) -> None:
    assert case.reference is not None
    tensors = [t.detach().to(dtype) for t in inputs(case)]
    values = [draw(4, seed=i) for i in range(len(tensors))]
    expected = REFERENCES.get(case.name, case.reference)(*values)
    got = case.function(*tensors)
    np.testing.assert_allclose(got.numpy(), expected, rtol=RTOL[dtype], atol=RTOL[dtype])


@pytest.mark.parametrize("case", [c for c in COMPLEX if c.op is not None and c.op.vjp], ids=str)
def test_derivative_is_that_of_both_parts(case: Case) -> None:
    assert weft.autograd.gradcheck(case.function, inputs(case))


@pytest.mark.parametrize("case", [c for c in COMPLEX if c.op is not None and c.op.vjp], ids=str)
def test_second_derivative_is_that_of_both_parts(case: Case) -> None:
    assert weft.autograd.gradgradcheck(case.function, inputs(case))


FUNCTIONS = {
    "mm": (lambda x, y: x @ y, (2, 3), (3, 2)),
    "bmm": (weft.bmm, (2, 2, 3), (2, 3, 2)),
    "mv": (weft.mv, (2, 3), (3,)),
    "dot": (weft.dot, (3,), (3,)),
    "vdot": (weft.vdot, (3,), (3,)),
    "addmm": (lambda x, y, z: weft.addmm(x, y, z, beta=1j, alpha=2 - 1j), (2, 2), (2, 3), (3, 2)),
    "linear": (weft.nn.functional.linear, (2, 3), (4, 3), (4,)),
    "add alpha": (lambda x, y: weft.add(x, y, alpha=1j), (3,), (3,)),
    "pow number": (lambda x: x ** (0.5 + 1j), (3,)),
    "sum": (lambda x: x.sum(1), (2, 3)),
    "mean": (lambda x: x.mean(), (2, 3)),
    "prod": (lambda x: x.prod(1), (2, 5)),
    "cumsum": (lambda x: x.cumsum(0), (3, 2)),
    "cumprod": (lambda x: x.cumprod(0), (5,)),
    "var": (lambda x: x.var(1), (2, 3)),
    "std": (lambda x: x.std(), (4,)),
    "norm": (lambda x: weft.linalg.vector_norm(x, 3), (4,)),
    "polar": (lambda x: weft.polar(x.abs(), x.angle()), (3,)),
    "conj": (lambda x: x.conj() * x.real, (3,)),
    "logsumexp": (lambda x: x.logsumexp(1), (2, 3)),
    "conv1d": (weft.nn.functional.conv1d, (1, 2, 5), (3, 2, 2), (3,)),
    "mH": (lambda x: x.mH @ x, (2, 3)),
    "index": (lambda x: x[[0, 0, 1]], (3,)),
    "scatter_add": (lambda x, y: x.scatter_add(0, weft.tensor([0, 0]), y), (3,), (2,)),
    "index_add": (lambda x, y: x.index_add(0, weft.tensor([0, 0]), y, alpha=1j), (3,), (2,)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_structural_derivatives_hold_to_second_order(name: str) -> None:
    function, *shapes = FUNCTIONS[name]
    tensors = [leaf(*shape, seed=i) for i, shape in enumerate(shapes)]
    assert weft.autograd.gradcheck(function, tensors)
    assert weft.autograd.gradgradcheck(function, tensors)


def test_a_real_factor_gets_a_real_gradient() -> None:
    real = weft.ones(3, dtype=weft.float64, requires_grad=True)
    (real * leaf(3)).abs().sum().backward()
    assert real.grad is not None
    assert real.grad.dtype == weft.float64
    np.testing.assert_allclose(real.grad.numpy(), abs(draw(3)))


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "maximum", "minimum", "floor", "fmod", "atan2", "erf"])
def test_what_has_no_meaning_for_complex_numbers_is_refused(name: str) -> None:
    x = weft.ones(2, dtype=weft.complex64)
    with pytest.raises(RuntimeError):
        getattr(weft, name)(*([x] if name in ("floor", "erf") else [x, x]))


def test_inplace_abs_is_refused() -> None:
    with pytest.raises(RuntimeError, match="In-place abs"):
        weft.ones(2, dtype=weft.complex64).abs_()


@pytest.mark.parametrize("function", ["sum", "mean", "prod"])
def test_reductions_are_numpys(function: str) -> None:
    x = draw(3, 5)
    t = weft.tensor(x)
    for dims in [None, 0, 1]:
        got = getattr(t, function)() if dims is None else getattr(t, function)(dims)
        np.testing.assert_allclose(got.numpy(), getattr(x, function)(axis=dims), rtol=1e-12)


def test_truth_and_counts_look_at_both_parts() -> None:
    x = weft.tensor([0j, 1j, 1 + 0j])
    assert x.count_nonzero().item() == 2
    assert x.any().item() is True
    assert x.all().item() is False


def test_sums_into_repeated_places_add_both_parts() -> None:
    x = weft.zeros(2, dtype=weft.complex64)
    x.index_put_((weft.tensor([0, 0]),), weft.tensor([1 + 2j, 3j]), accumulate=True)
    assert x.tolist() == [1 + 5j, 0]


def test_a_complex_loss_needs_a_gradient_to_start_from() -> None:
    with pytest.raises(RuntimeError, match="real scalar outputs"):
        leaf(1).sum().backward()
