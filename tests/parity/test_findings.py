"""What running PyTorch's operator database brought to light, as PyTorch has it; runs without PyTorch."""

from __future__ import annotations

import pytest

import weft
import weft.nn.functional as F


def test_arange_drops_fractions_before_it_counts_into_integers() -> None:
    assert weft.arange(1.0, 5.000001, 2.0, dtype=weft.int64).tolist() == [1, 3]
    assert weft.arange(0.5, 4.5, 1.5, dtype=weft.int64).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="step"):
        weft.arange(0, 64, 0.5, out=weft.empty(0, dtype=weft.int64))


@pytest.mark.parametrize("name", ["addmm_", "baddbmm_", "addmv_"])
def test_products_are_not_stored_in_place_of_a_smaller_tensor(name: str) -> None:
    operands = {
        "addmm_": [weft.ones(2, 3), weft.ones(3, 2)],
        "baddbmm_": [weft.ones(2, 2, 3), weft.ones(2, 3, 2)],
        "addmv_": [weft.ones(2, 3), weft.ones(3)],
    }
    with pytest.raises(RuntimeError, match="Bad in-place call"):
        getattr(weft.ones(1), name)(*operands[name])


def test_moments_take_unbiased() -> None:
    spread, mean = weft.std_mean(weft.tensor([0.0, 2.0]), unbiased=False)
    assert (spread.item(), mean.item()) == (1.0, 1.0)
    spread, _ = weft.var_mean(weft.tensor([[0.0, 2.0]]), 1, unbiased=True)
    assert spread.tolist() == [2.0]


def test_no_differences_leave_the_input_as_it_was() -> None:
    x = weft.tensor([1, 2])
    assert weft.diff(x, 0, prepend=x).tolist() == [1, 2]


def test_counting_distances_have_a_derivative_of_zero() -> None:
    x = weft.ones(2, 2, requires_grad=True)
    weft.cdist(x, weft.zeros(1, 2), 0.0).sum().backward()
    assert x.grad is not None
    assert not x.grad.any()


def test_an_empty_stride_of_a_pool_is_its_window() -> None:
    assert F.avg_pool2d(weft.ones(1, 1, 4, 4), 2, stride=()).shape == (1, 1, 2, 2)


def test_padded_convolutions_are_contiguous() -> None:
    assert F.conv1d(weft.ones(1, 1, 6), weft.ones(1, 1, 4), padding="same").is_contiguous()


def test_indices_along_a_dimension_count_from_its_end_when_negative() -> None:
    x = weft.tensor([[1, 2, 3]])
    assert weft.take_along_dim(x, weft.tensor([[-1, 0]]), 1).tolist() == [[3, 1]]
    assert weft.take_along_dim(x, weft.tensor([-2])).tolist() == [2]


def test_contracted_dimensions_of_one_element_meet_longer_ones() -> None:
    assert weft.tensordot(weft.ones(1), weft.tensor([1.0, 2.0]), ([0], [0])).item() == 3.0


def test_pixels_of_no_images_can_be_shuffled() -> None:
    assert F.pixel_shuffle(weft.empty(0, 4, 1, 1), 2).shape == (0, 1, 2, 2)
    assert F.pixel_unshuffle(weft.empty(0, 1, 2, 2), 2).shape == (0, 4, 1, 1)
