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


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64])
@pytest.mark.parametrize("shape", [(4,), (2, 4), (4, 3)], ids=str)
def test_logcumsumexp_has_gradients_where_exp_overflows(dtype: weft.dtype, shape: tuple[int, ...]) -> None:
    dim = shape.index(4)
    line = weft.tensor([-2000.0, 10000.0, 9999.0, -5.0], dtype=dtype)
    x = line.reshape([4 if d == dim else 1 for d in range(len(shape))]).expand(shape).clone().requires_grad_()
    x.logcumsumexp(dim).sum().backward()
    e = weft.tensor(1.0, dtype=dtype).exp().item()
    rounding = 2.0**-10 if dtype is weft.float32 else 2.0**-39  # of the sums, which are near 10000
    weft.testing.assert_close(
        x.grad.select(len(shape) - 1 - dim, 0) if len(shape) == 2 else x.grad,
        weft.tensor([1.0, 1 + 2 * e / (1 + e), 2 / (1 + e), 0.0], dtype=dtype),
        rtol=2 * rounding,
        atol=rounding,
    )


def test_logcumsumexp_of_a_spread_has_second_gradients() -> None:
    weft.manual_seed(0)
    x = (weft.randn(7, 2, dtype=weft.float64) * 20).requires_grad_()
    assert weft.autograd.gradgradcheck(lambda t: t.logcumsumexp(0), (x,))
    near = weft.randn(6, dtype=weft.float64)
    shifted = [(near + by).requires_grad_() for by in (0.0, 800.0)]
    seconds = []
    for leaf in shifted:
        (g,) = weft.autograd.grad((leaf.logcumsumexp(0) * weft.arange(6.0)).sum(), leaf, create_graph=True)
        seconds.append(weft.autograd.grad((g * weft.arange(6.0)).sum(), leaf)[0])
    weft.testing.assert_close(seconds[0], seconds[1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["amax", "amin", "max", "min", "argmax", "argmin", "median", "kthvalue", "aminmax"])
@pytest.mark.parametrize("shape", [(2, 0), (0, 0)], ids=str)
def test_what_has_no_identity_refuses_a_dimension_without_elements(name: str, shape: tuple[int, ...]) -> None:
    arguments = {"kthvalue": [1]}.get(name, [])
    with pytest.raises(IndexError, match="dim 1 to have non-zero size"):
        getattr(weft, name)(weft.empty(shape), *arguments, dim=1)


@pytest.mark.parametrize("name", ["amax", "amin", "aminmax"])
def test_the_extreme_of_nothing_at_all_is_a_runtime_error(name: str) -> None:
    with pytest.raises(RuntimeError, match=name):
        getattr(weft, name)(weft.empty(2, 0))


def test_out_may_not_grow_over_what_is_read() -> None:
    index = weft.tensor([2, 1, 0])
    with pytest.raises(RuntimeError, match="input tensor and the written-to tensor"):
        weft.gather(weft.tensor([1, 2, 3]), 0, index[1:], out=index[:1])
    x, none = weft.zeros(12, 6), weft.zeros(0)
    with pytest.raises(RuntimeError, match="input tensor and the written-to tensor"):
        weft.cat((x[:8], x[8:]), out=x[:2])
    with pytest.raises(RuntimeError, match="input tensor and the written-to tensor"):
        weft.cat((none, x), out=none)
    values = weft.tensor([3.0, 1.0, 2.0])
    with pytest.raises(RuntimeError, match="input tensor and the written-to tensor"):
        weft.kthvalue(values, 2, 0, out=(values[:1], weft.empty(1, dtype=weft.int64)))


def test_division_by_its_old_name_multiplies_by_the_reciprocal() -> None:
    assert weft.tensor([4.0]).__rdiv__(2).tolist() == [0.5]
    with pytest.raises(AttributeError, match="reciprocal"):
        weft.Tensor.__rdiv__(2, 3)  # type: ignore[arg-type]


def test_narrow_copy_of_a_dimension_that_is_not_there() -> None:
    with pytest.raises(RuntimeError, match="dim"):
        weft.ones(2, 3).narrow_copy(2, 0, 1)
    with pytest.raises(IndexError):
        weft.ones(2, 3).narrow_copy(-3, 0, 1)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((0.9, 4.9, 5), [1, 10, 100, 1000, 10000]), ((1.7, 3.2, 4), [10, 46, 215, 1000]), ((2.5, 2.5, 1), [316])],
)
def test_logspace_into_integers_steps_between_whole_exponents(arguments: tuple[Any, ...], expected: list[int]) -> None:
    assert weft.logspace(*arguments, dtype=weft.int64).tolist() == expected


def test_an_outer_product_of_truths_is_added_as_truths() -> None:
    self, left, right = (
        weft.tensor([[True, False], [False, False]]),
        weft.tensor([True, False]),
        weft.tensor([True] * 2),
    )
    assert weft.addr(self, left, right).tolist() == [[True, True], [False, False]]
    assert weft.addr(self, left, right, alpha=0).tolist() == self.tolist()
    assert weft.addr(self, left, right, beta=-1, alpha=3).tolist() == [[True, True], [False, False]]


def test_masked_scatter_spreads_self_over_the_mask() -> None:
    self, source = weft.tensor([0.0, 5.0], requires_grad=True), weft.tensor([1.0, 2.0, 3.0], requires_grad=True)
    mask = weft.tensor([[True, False], [True, False], [True, False]])
    found = self.masked_scatter(mask, source)
    assert found.tolist() == [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]
    found.sum().backward()
    assert self.grad is not None
    assert source.grad is not None
    assert (self.grad.tolist(), source.grad.tolist()) == ([0.0, 3.0], [1.0, 1.0, 1.0])
    with pytest.raises(RuntimeError):
        weft.zeros(2).masked_scatter_(mask, weft.ones(3))


def test_msort_is_stored_where_out_says() -> None:
    out = weft.empty(0)
    assert weft.msort(weft.tensor([2.0, 1.0]), out=out) is out
    assert out.tolist() == [1.0, 2.0]


def test_gradient_without_a_spacing_has_steps_of_one() -> None:
    assert [t.tolist() for t in weft.gradient(weft.tensor([1.0, 2.0, 4.0]), spacing=None)] == [[1.0, 1.5, 2.0]]


@pytest.mark.parametrize("upper", [False, True])
def test_both_triangles_of_a_cholesky_factor_have_the_gradient_of_their_product(upper: bool) -> None:
    weft.manual_seed(0)
    factor = (weft.randn(3, 3, dtype=weft.float64) + 3 * weft.eye(3, dtype=weft.float64)).tril()
    factor = (factor.mT if upper else factor).contiguous().requires_grad_()
    right = weft.randn(3, 2, dtype=weft.float64, requires_grad=True)
    other = factor.detach().requires_grad_()
    product = other.mH @ other if upper else other @ other.mH
    weft.cholesky_solve(right, factor, upper).sin().sum().backward()
    weft.linalg.solve(product, right.detach()).sin().sum().backward()
    assert factor.grad is not None
    assert other.grad is not None
    weft.testing.assert_close(factor.grad, other.grad)
    assert weft.autograd.gradgradcheck(lambda b: weft.cholesky_solve(b, factor.detach(), upper), (right,))


def test_as_strided_in_place_gives_a_tensor_other_steps() -> None:
    x = weft.arange(6.0)
    assert x.as_strided_((2, 2), (1, 2), 1) is x
    assert x.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert weft.as_strided_(weft.arange(4), (2,), (2,)).tolist() == [0, 2]


def test_dir_lists_what_is_there() -> None:
    x = weft.ones(2)  # of a tensor; the class lists what it refuses with a word about PyTorch, too
    found = [name for name in dir(x) if not name.startswith("_")]
    assert [name for name in found if not hasattr(type(x), name)] == []
    assert "to_mkldnn" not in found


@pytest.mark.parametrize("name", ["combinations", "entr", "fill", "gradient", "i1", "maximum_", "fmax_", "xlog1py_"])
def test_what_pytorch_has_as_a_function_only_is_no_method(name: str) -> None:
    assert not hasattr(weft.Tensor, name)


@pytest.mark.parametrize("name", ["add_", "masked_fill_", "sign_", "scatter_add_", "copy_"])
def test_what_pytorch_has_as_a_method_only_is_no_function(name: str) -> None:
    assert hasattr(weft.Tensor, name)
    assert not hasattr(weft, name)


@pytest.mark.parametrize("name", ["eig", "lstsq", "solve", "symeig"])
def test_what_pytorch_removed_says_what_to_use_instead(name: str) -> None:
    x = weft.ones(1, 1)
    arguments = [x] if name in ("lstsq", "solve") else []
    for call in (getattr(x, name), lambda *rest: getattr(weft, name)(x, *rest)):
        with pytest.raises(RuntimeError, match="linalg"):
            call(*arguments)


def test_a_tensor_that_is_not_quantized_is_dequantized_to_float32() -> None:
    assert weft.tensor([1, 2]).dequantize().dtype is weft.float32
    assert weft.ones(1).storage_type() is weft.FloatStorage


_X = weft.ones(2, 3)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (F.relu_, [None]),
        (F.selu_, [[1.0]]),
        (F.hardsigmoid, [1, True]),
        (F.kl_div, [_X, weft.float32]),
        (F.one_hot, [{}]),
        (F.multilabel_margin_loss, [_X, None]),
        (F.bilinear, [_X, _X, None]),
        (F.pixel_shuffle, [..., 2]),
        (F.adaptive_max_pool1d, [None, 1]),
        (F.scaled_dot_product_attention, [_X, None, _X]),
        (F.batch_norm, [None, None, None]),
        (F.triplet_margin_loss, [_X, _X, "x"]),
        (weft.gru_cell, [_X, None, _X, _X]),
        (weft.chain_matmul, [_X, 2]),
        (weft.column_stack, [[_X, 2.0]]),
        (weft.to_dlpack, [None]),
        (weft.is_nonzero, [1.0]),
        (weft.resolve_conj, [None]),
        (weft.polar, [_X, 1.0]),
        (weft.ldexp, [2, _X]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_functions_written_in_python_say_what_should_have_been_a_tensor(
    function: Callable[..., Any], arguments: list[Any]
) -> None:
    with pytest.raises(TypeError, match="Tensor"):
        function(*arguments)


def test_fractional_pools_want_a_size_before_they_look_at_the_input() -> None:
    with pytest.raises(ValueError, match="output_size or an output_ratio"):
        F.fractional_max_pool2d(None, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize("dim", [2, -3])
def test_chunks_are_laid_along_a_dimension_that_is_there(dim: int) -> None:
    with pytest.raises(IndexError):
        weft._chunk_cat([weft.ones(2, 2)], dim, 1)
    with pytest.raises(RuntimeError, match="dim 1 of all"):
        weft._chunk_cat([weft.ones(2, 2), weft.ones(2)], -1, 1)


def test_chunks_of_nothing_are_refused() -> None:
    for tensors in ([], [weft.empty(0, 3), weft.ones(2, 3)]):
        with pytest.raises(RuntimeError, match="non-empty"):
            weft._chunk_cat(tensors, 0, 2)


def test_the_next_number_follows_its_start_only() -> None:
    start, towards = weft.tensor([1.0, 2.0, 0.0], requires_grad=True), weft.tensor([1.0, 5.0, -5.0], requires_grad=True)
    weft.nextafter(start, towards).sum().backward()
    assert start.grad is not None
    assert towards.grad is not None
    assert (start.grad.tolist(), towards.grad.tolist()) == ([0.0, 1.0, 1.0], [0.0, 0.0, 0.0])


def test_native_group_norm_gives_its_statistics_with_their_history() -> None:
    x = weft.arange(12.0).reshape(2, 6).requires_grad_()
    out, mean, deviation = weft.native_group_norm(x, None, None, 2, 6, 1, 2, 1e-5)
    assert (mean.requires_grad, deviation.requires_grad) == (True, True)
    assert mean.tolist() == [[1.0, 4.0], [7.0, 10.0]]
    weft.testing.assert_close(out, F.group_norm(x, 2))
    (out * x.detach()).sum().backward()
    other = x.detach().requires_grad_()
    (F.group_norm(other, 2) * x.detach()).sum().backward()
    assert x.grad is not None
    assert other.grad is not None
    weft.testing.assert_close(x.grad, other.grad)
    double = weft.randn(2, 4, 3, dtype=weft.float64, requires_grad=True)
    assert weft.autograd.gradgradcheck(lambda t: weft.native_group_norm(t, None, None, 2, 4, 3, 2, 1e-5), (double,))
    assert weft.autograd.gradcheck(lambda t: weft.native_group_norm(t, None, None, 2, 4, 3, 2, 1e-5), (double,))
    none, _, _ = weft.native_group_norm(weft.empty(0, 6), None, None, 0, 6, 1, 2, 1e-5)
    assert none.shape == (0, 6)
