"""What running PyTorch's operator database brought to light, as PyTorch has it; runs without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def test_close_points_have_exact_enough_distances_and_gradients_from_a_product() -> None:
    x = weft.tensor([[0.0, 0.0], [3.0, 4.0]], requires_grad=True)
    found = weft.cdist(x, x.detach() + 1, compute_mode="use_mm_for_euclid_dist")
    weft.testing.assert_close(found.detach(), weft.cdist(x.detach(), x.detach() + 1), rtol=1e-6, atol=1e-6)
    found.sum().backward()
    assert x.grad is not None
    exact = x.detach().requires_grad_()
    weft.cdist(exact, x.detach() + 1).sum().backward()
    assert exact.grad is not None
    weft.testing.assert_close(x.grad, exact.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [weft.float64, weft.complex128])
def test_the_gradient_of_eigenvectors_is_hermitian(dtype: weft.dtype) -> None:
    weft.manual_seed(0)
    a = weft.randn(4, 4, dtype=dtype).requires_grad_()
    _, v = weft.linalg.eigh(a)
    (v.abs() * weft.arange(16.0, dtype=weft.float64).reshape(4, 4)).sum().backward()
    assert a.grad is not None
    weft.testing.assert_close(a.grad, a.grad.mH)
    assert a.grad.abs().max().item() > 0.1


def test_an_empty_index_may_have_any_dtype() -> None:
    assert weft.ones(3).gather(0, weft.zeros(0, dtype=weft.uint8)).shape == (0,)
    with pytest.raises(RuntimeError, match=r"gather.*int64"):
        weft.ones(3).gather(0, weft.zeros(1, dtype=weft.uint8))


def test_a_number_gathered_by_a_list_of_indices_has_a_gradient() -> None:
    x = weft.tensor(2.0, requires_grad=True)
    x.gather(0, weft.tensor([0])).sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 1.0


@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put_takes_masks(accumulate: bool) -> None:
    x = weft.ones(2, 3)
    mask = weft.tensor([[True, False, True], [False, False, True]])
    changed = x.index_put((mask,), weft.tensor([5.0, 6.0, 7.0]), accumulate)
    assert changed.tolist() == [[5 + accumulate, 1, 6 + accumulate], [1, 1, 7 + accumulate]]
    rows = x.index_put((weft.tensor([False, True]), weft.tensor([2])), weft.tensor(9.0), accumulate)
    assert rows.tolist() == [[1, 1, 1], [1, 1, 9 + accumulate]]
    with pytest.raises(IndexError, match="shape of the mask"):
        x.index_put((weft.tensor([True]),), weft.tensor(1.0))


def test_index_put_by_a_mask_has_gradients() -> None:
    x, values = weft.ones(3, requires_grad=True), weft.ones(2, requires_grad=True)
    mask = weft.tensor([True, False, True])
    (x.index_put((mask,), values) * weft.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert values.grad is not None
    assert (x.grad.tolist(), values.grad.tolist()) == ([0.0, 2.0, 0.0], [1.0, 3.0])


def test_flat_results_are_contiguous() -> None:
    assert weft.arange(8)[::2].ravel().stride() == (1,)
    assert [t.stride() for t in weft.ones(2, 3).nonzero(as_tuple=True)] == [(1,), (1,)]
    assert weft.ones(2, 3).nonzero().stride() == (1, 6)


@pytest.mark.parametrize("find", [weft.unique, weft.unique_consecutive])
def test_distinct_slices_are_laid_out_along_their_dimension(find: Callable[..., Any]) -> None:
    assert find(weft.arange(6).reshape(2, 3), dim=1).stride() == (1, 2)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [4, 6])
def test_resized_images_keep_their_channels_last(mode: str, size: int) -> None:
    x = weft.ones(2, 3, 4, 4).contiguous(memory_format=weft.channels_last)
    y = F.interpolate(x, (size, size), mode=mode)
    assert y.is_contiguous(memory_format=weft.channels_last)
    assert y.data_ptr() != x.data_ptr()


def test_volumes_keep_their_channels_last() -> None:
    x = weft.ones(2, 3, 4, 4, 4).contiguous(memory_format=weft.channels_last_3d)
    assert F.interpolate(x, (5, 5, 5)).is_contiguous(memory_format=weft.channels_last_3d)


def test_shuffled_pixels_are_a_copy() -> None:
    x = weft.ones(1, 4, 2, 2)
    assert F.pixel_shuffle(x, 1).data_ptr() != x.data_ptr()
    assert F.pixel_unshuffle(x, 1).data_ptr() != x.data_ptr()


def test_attention_is_laid_out_as_the_query_is() -> None:
    q = weft.ones(2, 4, 3, 8)
    assert F.scaled_dot_product_attention(q, q, q).is_contiguous()
    q = weft.ones(2, 3, 4, 8).transpose(1, 2)
    assert F.scaled_dot_product_attention(q, q, q).stride() == q.stride()


@pytest.mark.parametrize(
    ("pad", "expected"), [((-2, 3), [2.0, 2.0, 2.0]), ((3, -2), [1.0, 1.0, 1.0]), ((1, -1), [1.0, 1.0])]
)
def test_replicated_edges_outlive_what_negative_padding_cuts(pad: tuple[int, int], expected: list[float]) -> None:
    assert F.pad(weft.tensor([[1.0, 2.0]]), pad, mode="replicate").tolist() == [expected]


def test_prelu_of_a_number_is_a_number() -> None:
    assert F.prelu(weft.tensor(-2.0), weft.tensor([0.5])).shape == ()


def test_the_nuclear_norm_has_a_name() -> None:
    x = weft.tensor([[3.0, 0.0], [0.0, -4.0]])
    assert weft.norm(x, "nuc").item() == pytest.approx(7.0)
    assert weft.norm(x.expand(2, 2, 2), "nuc", (1, 2), True).shape == (2, 1, 1)
    with pytest.raises(RuntimeError, match="nuclear"):
        weft.norm(x.expand(2, 2, 2), "nuc")


@pytest.mark.parametrize("f", [weft.mean, weft.norm, F.softplus, lambda x, out: weft.norm(x, "fro", out=out)])
def test_results_are_stored_where_out_says(f: Callable[..., Any]) -> None:
    x, out = weft.tensor([3.0, 4.0]), weft.empty(0)
    assert f(x, out=out) is out
    assert weft.equal(out, f(x, out=None))


def test_a_batch_of_vectors_is_solved_column_by_column() -> None:
    x = weft.linalg.solve(weft.eye(3).expand(2, 3, 3), weft.arange(6.0).reshape(2, 3))
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert x.stride() == (1, 2)


def test_a_bias_without_a_weight_has_a_gradient_of_its_shape() -> None:
    bias = weft.zeros(2, 3, requires_grad=True)
    F.layer_norm(weft.arange(24.0).reshape(4, 2, 3), [2, 3], None, bias).sum().backward()
    assert bias.grad is not None
    assert bias.grad.tolist() == [[4.0] * 3] * 2


def test_what_fills_a_slice_named_twice_counts_once() -> None:
    value = weft.tensor(1.0, requires_grad=True)
    weft.zeros(2, 3).index_fill(1, weft.tensor([0, 0, 2]), value).sum().backward()
    assert value.grad is not None
    assert value.grad.item() == 4.0


def test_least_squares_without_residuals_have_gradients() -> None:
    a, b = weft.eye(3).requires_grad_(), weft.ones(3, 1, requires_grad=True)
    solution, residuals, _, _ = weft.linalg.lstsq(a, b)
    (solution.sum() + residuals.sum()).backward()
    assert b.grad is not None
    weft.testing.assert_close(b.grad, weft.ones(3, 1))


def test_rows_that_see_nothing_have_no_gradient() -> None:
    x = weft.full((2,), -weft.inf, requires_grad=True)
    weft._safe_softmax(x, 0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0]


def test_no_images_pooled_by_fractions_keep_their_history() -> None:
    assert F.fractional_max_pool3d(weft.zeros(0, 1, 4, 4, 4, requires_grad=True), 2, output_size=2).requires_grad


@pytest.mark.parametrize("dtype", [weft.bool, weft.uint8, weft.int8, weft.int16, weft.int32, weft.int64])
@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_extremes_of_what_is_scattered_are_found_without_self(dtype: weft.dtype, reduce: str) -> None:
    x, source = weft.tensor([1, 0, 1]).to(dtype), weft.tensor([0, 0, 1]).to(dtype)
    if dtype not in (weft.bool, weft.uint8):
        source = source - 5
    found = x.scatter_reduce(0, weft.tensor([0, 0, 1]), source, reduce, include_self=False)
    assert found.tolist() == [source[0].item(), source[2].item(), x[2].item()]


def test_an_image_dropped_in_place_is_the_one_returned() -> None:
    x = weft.ones(8, 2, 2, 2)
    assert F.dropout3d(x, 0.5, True, True) is x
    assert set(x.unique().tolist()) <= {0.0, 2.0}


def test_a_reduction_refuses_more_dimensions_than_its_set_can_hold() -> None:
    x = weft.zeros([1] * 65)
    with pytest.raises(RuntimeError, match="64 dims"):
        x.amax(0)


@pytest.mark.parametrize(
    ("ends", "steps", "expected"),
    [((3, -8), 6, [3, 0, -1, -3, -5, -8]), ((-5, 5), 8, [-5, -3, -2, 0, 0, 2, 3, 5]), ((0.9, 4.9), 3, [0, 2, 4])],
)
def test_linspace_into_integers_steps_between_whole_ends(
    ends: tuple[float, float], steps: int, expected: list[int]
) -> None:
    assert weft.linspace(*ends, steps, dtype=weft.int64).tolist() == expected


def test_ranges_lie_between_tensors_without_dimensions() -> None:
    assert weft.linspace(weft.tensor(0.0), 1.0, 3).tolist() == [0.0, 0.5, 1.0]
    assert weft.logspace(0.0, weft.tensor(2.0), 3).tolist() == [1.0, 10.0, 100.0]
    with pytest.raises(RuntimeError, match="0-dimensional"):
        weft.linspace(weft.zeros(1), 1.0, 3)


def test_narrow_begins_where_a_tensor_says() -> None:
    x = weft.arange(4)
    assert x.narrow(0, weft.tensor(1), 2).tolist() == [1, 2]
    for start in (weft.tensor([1]), weft.tensor(1.0), weft.tensor(True)):
        with pytest.raises(RuntimeError, match="integral"):
            x.narrow(0, start, 2)


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_compare_with_an_integer_tensor_without_dimensions(name: str) -> None:
    found = getattr(weft, name)(weft.tensor([0, 2]), weft.tensor(1))
    assert found.tolist() == {"max": [1, 2], "min": [0, 1]}[name]


@pytest.mark.parametrize(
    "name", ["atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_tensors", "meshgrid"]
)
@pytest.mark.parametrize("nonsense", [[[[]]], [[1.0]], "text"], ids=repr)
def test_what_is_no_tensor_is_refused_however_deep_it_lies(name: str, nonsense: Any) -> None:
    with pytest.raises(TypeError, match=f"{name}.*Tensor"):
        getattr(weft, name)(weft.ones(1), nonsense)


def test_gradient_takes_each_dimension_once() -> None:
    with pytest.raises(RuntimeError, match="multiple times"):
        weft.gradient(weft.ones(3, 3), dim=(0, -2))


def test_equal_compares_sparse_tensors() -> None:
    sparse = weft.eye(2).to_sparse()
    assert weft.equal(sparse, sparse)
    assert not weft.equal(sparse, weft.ones(2, 2).to_sparse())
