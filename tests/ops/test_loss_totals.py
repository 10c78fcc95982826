"""Losses reduced to one number in one pass are the reduced losses of the elements, whatever the tensors look like."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy
import pytest

import weft
from weft.nn import functional as F

Loss = Callable[..., weft.Tensor]


def _kl(x: weft.Tensor, y: weft.Tensor, reduction: str = "mean", log_target: bool = False) -> weft.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch advises against the mean
        return F.kl_div(x, y, reduction=reduction, log_target=log_target)


LOSSES: dict[str, Loss] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "smooth_l1": lambda x, y, reduction="mean": F.smooth_l1_loss(x, y, reduction=reduction, beta=0.6),
    "huber": lambda x, y, reduction="mean": F.huber_loss(x, y, reduction=reduction, delta=0.6),
    "bce": F.binary_cross_entropy_with_logits,
    "kl": _kl,
    "kl of logarithms": lambda x, y, reduction="mean": _kl(x, y, reduction, log_target=True),
}
EXACT: dict[str, Callable[[Any, Any], Any]] = {
    "mse": lambda x, y: (x - y) ** 2,
    "l1": lambda x, y: numpy.abs(x - y),
    "smooth_l1": lambda x, y: _huber(numpy.abs(x - y)) / 0.6,
    "huber": lambda x, y: _huber(numpy.abs(x - y)),
    "bce": lambda x, y: numpy.logaddexp(0, x) - x * y,
    "kl": lambda x, y: y * (numpy.log(y) - x),
    "kl of logarithms": lambda x, y: numpy.exp(y) * (y - x),
}
both_reductions = pytest.mark.parametrize("reduction", ["mean", "sum"])
every_loss = pytest.mark.parametrize("name", LOSSES)


def _huber(d: Any) -> Any:
    return numpy.where(d < 0.6, d * d / 2, 0.6 * (d - 0.3))


def _pair(*shape: int) -> list[weft.Tensor]:
    """Scores and targets between 0 and 1, in float64."""
    random = numpy.random.default_rng(5)
    return [weft.tensor(random.uniform(-3, 3, shape)), weft.tensor(random.uniform(0, 1, shape))]


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64], ids=str)
@pytest.mark.parametrize("n", [1, 2, 63, 640, 1023, 1024, 1025, 2049, 65537, 131072, 131073, 300_007])
@both_reductions
@every_loss
def test_total_is_that_of_numpy_and_of_the_elements(name: str, reduction: str, n: int, dtype: weft.dtype) -> None:
    x, y = (t.to(dtype) for t in _pair(n))
    total, losses = LOSSES[name](x, y, reduction=reduction), LOSSES[name](x, y, reduction="none")
    assert total.dtype == dtype
    assert total.dim() == 0
    assert weft.equal(total, losses.mean() if reduction == "mean" else losses.sum())  # the same bits
    exact = EXACT[name](x.double().numpy(), y.double().numpy())
    expected = exact.mean() if reduction == "mean" else exact.sum()
    # A block of 1024 is summed by at least 32 lanes, blocks by halves; an element is wrong by some units, no more than
    # 4 of the largest.
    sizes = numpy.abs(exact)
    rounding = 1024 / 32 + numpy.log2(n) + 4 * sizes.max() / sizes.mean()
    bound = rounding * weft.finfo(dtype).eps * (sizes.mean() if reduction == "mean" else sizes.sum())
    assert abs(total.item() - expected) <= bound


@both_reductions
@every_loss
def test_other_layouts_and_dtypes_give_the_reduced_elements(name: str, reduction: str) -> None:
    x, y = _pair(37, 41)
    integers = (y * 3).long()
    for a, b in [
        (x.t(), y.t()),
        (x[:, ::2], y[:, ::2]),
        (x.t().contiguous().t(), y),
        (x.half(), y.half()),
        (x.bfloat16(), y.bfloat16()),
        (x.float(), y),
        (x, y.float()),
        (x.float(), integers),
        (x[0, 0], y[0, 0]),
    ]:
        total, losses = LOSSES[name](a, b, reduction=reduction), LOSSES[name](a, b, reduction="none")
        assert total.dtype == losses.dtype
        assert weft.equal(total, losses.mean() if reduction == "mean" else losses.sum())


@pytest.mark.parametrize("name", ["mse", "l1", "smooth_l1", "huber"])
def test_shapes_that_differ_are_broadcast_with_a_warning(name: str) -> None:
    x, y = _pair(5, 7)
    y = y[0].clone().requires_grad_()
    with pytest.warns(UserWarning, match="different to the input size") as caught:
        total = LOSSES[name](x, y)
    if name in ("mse", "l1"):
        assert caught[0].filename == __file__
    assert total.item() == pytest.approx(EXACT[name](x.numpy(), y.detach().numpy()).mean(), rel=1e-14)
    total.backward()
    assert y.grad is not None
    assert y.grad.shape == (7,)
    with pytest.warns(UserWarning, match="different to the input size"):
        (expected,) = weft.autograd.grad(LOSSES[name](x, y, reduction="none").mean(), y)
    assert weft.allclose(y.grad, expected, rtol=1e-14, atol=0)


def test_absolute_differences_of_integers_and_complex_numbers() -> None:
    x, y = weft.tensor([1, 5]), weft.tensor([4, 3])
    total = F.l1_loss(x, y, reduction="sum")
    assert total.dtype == weft.int64
    assert total.item() == 5
    with pytest.raises(RuntimeError, match="mean"):
        F.l1_loss(x, y)
    assert F.l1_loss(weft.tensor([3 + 4j]), weft.tensor([0j])).item() == 5.0


@both_reductions
@every_loss
def test_total_of_nothing(name: str, reduction: str) -> None:
    x = weft.zeros(0, 3, requires_grad=True)
    total = LOSSES[name](x, weft.zeros(0, 3), reduction=reduction)
    assert total.isnan().item() if reduction == "mean" else total.item() == 0
    total.backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)


@both_reductions
@every_loss
def test_total_has_first_and_second_derivatives(name: str, reduction: str) -> None:
    x, y = _pair(6, 7)
    for kink in (0.0, 0.6):
        x = weft.where(((x - y).abs() - kink).abs() < 1e-3, x + 0.01, x)
    x, y = x.requires_grad_(), y.requires_grad_()
    assert weft.autograd.gradcheck(lambda a, b: LOSSES[name](a, b, reduction=reduction), (x, y))
    assert weft.autograd.gradgradcheck(lambda a, b: LOSSES[name](a, b, reduction=reduction), (x, y))


def test_gradient_of_an_absolute_difference_is_zero_at_the_kink_and_for_nan() -> None:
    x = weft.tensor([2.0, -3.0, 1.0, float("nan")], requires_grad=True)
    F.l1_loss(x, weft.ones(4), reduction="sum").backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, -1.0, 0.0, 0.0]


@every_loss
def test_total_and_gradients_have_the_same_bits_at_any_thread_count(name: str) -> None:
    before = weft.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 5):
            weft.set_num_threads(threads)
            x, y = (t.float().requires_grad_() for t in _pair(300_007))
            total = LOSSES[name](x, y)
            found.append([total.detach(), *weft.autograd.grad(total, (x, y))])
    finally:
        weft.set_num_threads(before)
    for other in found[1:]:
        assert all(map(weft.equal, found[0], other))


@both_reductions
@every_loss
def test_vmap_gives_the_total_of_each_example(name: str, reduction: str) -> None:
    x, y = _pair(4, 5, 6)
    one = lambda a, b: LOSSES[name](a, b, reduction=reduction)  # noqa: E731
    for a, b, dims in [(x, y, (0, 0)), (x, y[0], (0, None)), (x[0], y, (None, 0))]:
        expected = [one(x[i if dims[0] == 0 else 0], y[i if dims[1] == 0 else 0]) for i in range(4)]
        assert weft.allclose(weft.vmap(one, dims)(a, b), weft.stack(expected), rtol=1e-14, atol=0)
    slopes = weft.vmap(weft.func.grad(one))(x, y)
    assert weft.allclose(slopes[2], weft.func.grad(one)(x[2], y[2]), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_autocast_computes_totals_in_float32(name: str) -> None:
    x, y = (t.bfloat16() for t in _pair(50))
    expected = LOSSES[name](x.float(), y.float())
    with weft.autocast("cpu", dtype=weft.bfloat16):
        total = LOSSES[name](x, y)
    assert total.dtype == weft.float32
    assert weft.equal(total, expected)


def test_divergence_of_targets_of_zero_has_no_logarithm() -> None:
    x = weft.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=weft.float64, requires_grad=True)
    y = weft.tensor([[0.0, 1.0], [0.5, 0.0]], dtype=weft.float64, requires_grad=True)
    total = F.kl_div(x, y, reduction="sum")
    assert total.item() == pytest.approx(1.0 + 0.5 * (numpy.log(0.5) - 2.0), rel=1e-15)
    slopes = weft.autograd.grad(total, (x, y), create_graph=True)
    assert slopes[0].tolist() == [[0.0, -1.0], [-0.5, 0.0]]
    assert slopes[1].tolist() == [[-0.5, 2.0], [numpy.log(0.5) + 1 - 2.0, -0.25]]
    (curvature,) = weft.autograd.grad(slopes[1].sum(), y)
    assert curvature.tolist() == [[0.0, 1.0], [2.0, 0.0]]


@pytest.mark.parametrize("log_target", [False, True])
def test_divergence_of_a_batch_is_divided_by_its_size(log_target: bool) -> None:
    x, y = _pair(5, 7)
    elements = F.kl_div(x, y, reduction="none", log_target=log_target)
    mean = F.kl_div(x, y, reduction="batchmean", log_target=log_target)
    assert mean.item() == pytest.approx(elements.sum().item() / 5, rel=1e-14)
    spread = F.kl_div(x, y[0], reduction="batchmean", log_target=log_target)
    expected = F.kl_div(x, y[0].expand(5, 7).contiguous(), reduction="batchmean", log_target=log_target)
    assert spread.item() == pytest.approx(expected.item(), rel=1e-14)
    assert F.kl_div(weft.zeros(0, 3), weft.zeros(0, 3), reduction="batchmean").item() == 0
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        F.kl_div(x, y, reduction="average")
