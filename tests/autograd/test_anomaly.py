"""Anomaly mode names the line of the forward pass; saved tensors that were written are told in PyTorch's words."""

import pytest

import weft


class Fails(weft.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, grad):
        raise ValueError("no derivative today")


def test_a_failing_node_is_reported_with_its_forward_line():
    x = weft.ones(1, requires_grad=True)
    with weft.autograd.detect_anomaly():
        y = Fails.apply(x)  # the guilty line
        with (
            pytest.warns(UserWarning, match=r"Error detected in FailsBackward(.|\n)*the guilty line"),
            pytest.raises(ValueError, match="no derivative today"),
        ):
            y.backward()


def test_a_nan_is_an_error_in_anomaly_mode():
    x = weft.zeros(1, requires_grad=True)
    with weft.autograd.set_detect_anomaly(True):
        y = (x / x).sum()
        with (
            pytest.warns(UserWarning, match="Error detected in DivBackward0"),
            pytest.raises(RuntimeError, match=r"Function 'DivBackward0' returned nan values in its \d+th output"),
        ):
            y.backward()


def test_the_mode_ends_with_its_block():
    with weft.autograd.detect_anomaly(check_nan=False):
        assert weft.is_anomaly_enabled()
        assert not weft.is_anomaly_check_nan_enabled()
    assert not weft.is_anomaly_enabled()
    assert weft.is_anomaly_check_nan_enabled()


def test_a_saved_tensor_that_was_written_is_named():
    x = weft.ones(3, requires_grad=True)
    y = x.exp()
    y.add_(1)
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    assert str(caught.value) == (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        "[weft.FloatTensor [3]], which is output 0 of ExpBackward0, is at version 1; expected version 0 instead. Hint: "
        "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "weft.autograd.set_detect_anomaly(True, check_nan=False)."
    )
