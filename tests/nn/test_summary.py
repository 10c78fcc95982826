"""weft.summary counts what a model holds and multiplies."""

from __future__ import annotations

import pytest

import weft
from weft import nn


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (nn.Linear(4, 8), (2, 4), 2 * 4 * 8),
        (nn.Conv2d(3, 8, 3, padding=1), (2, 3, 5, 5), 2 * 25 * 8 * 3 * 9),
        (nn.Conv2d(4, 8, 3, groups=2), (1, 4, 5, 5), 9 * 8 * 2 * 9),
        (nn.ConvTranspose2d(4, 8, 2, stride=2), (1, 4, 5, 5), 25 * 4 * 8 * 4),
        (nn.LSTM(3, 5), (7, 2, 3), 14 * (20 * 3 + 20 * 5)),
        (nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2))), (3, 4), 3 * (16 + 8)),
    ],
)
def test_multiply_adds_are_those_of_the_products(model: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert weft.summary(model, shape).multiply_adds == expected


def test_shared_parameters_count_once_and_hooks_are_gone() -> None:
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    found = weft.summary(model, weft.zeros(1, 4))
    assert found.parameters == 20
    assert found.multiply_adds == 32
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_failing_model_keeps_no_hooks() -> None:
    model = nn.Linear(4, 4)
    with pytest.raises(RuntimeError):
        weft.summary(model, (1, 3))
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
