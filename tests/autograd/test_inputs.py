"""Passes that are asked for the gradients of some inputs only."""

import pytest

import weft


def test_gradients_that_nobody_asked_for_are_not_computed() -> None:
    """Anomaly mode raises on a NaN among the gradients that a node computes."""
    nan = weft.tensor(float("nan"), requires_grad=True)
    two = weft.tensor(2.0, requires_grad=True)
    product = nan * two
    with weft.autograd.detect_anomaly():
        (grad,) = weft.autograd.grad(product, nan, retain_graph=True)
        assert grad.item() == 2.0
        product.backward(inputs=[nan], retain_graph=True)
        assert nan.grad is not None
        assert nan.grad.item() == 2.0
        assert two.grad is None
        with pytest.raises(RuntimeError, match="nan values in its 1th output"):
            weft.autograd.grad(product, [nan, two])


def test_a_pass_inside_a_pass_computes_what_it_asks_for_itself() -> None:
    weight = weft.tensor(3.0, requires_grad=True)

    class Inner(weft.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            with weft.enable_grad():
                a = weft.tensor(5.0, requires_grad=True)
                both = weft.autograd.grad(a * weight, [a, weight])
                one = weft.autograd.grad(a * weight, [weight])
            return g * both[0] * both[1] * one[0]

    x = weft.tensor(1.0, requires_grad=True)
    (grad,) = weft.autograd.grad(Inner.apply(x) * weight, [x])
    assert grad.item() == 3.0 * (3.0 * 5.0 * 5.0)
