"""Fused attention against PyTorch's: masks, groups of heads, lengths around the blocks, and who falls back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft
import weft.nn.functional as F

torch = pytest.importorskip("torch")
SHAPES = [  # batch, heads, heads of keys, queries, keys, width, width of values
    (2, 3, 3, 5, 7, 4, 4),
    (1, 2, 1, 3, 300, 16, 16),
    (2, 4, 2, 200, 150, 33, 20),
    (1, 1, 1, 513, 129, 80, 16),
    (1, 2, 2, 1024, 1024, 16, 32),
    (1, 1, 1, 40, 1100, 24, 18),
]
KINDS = ["full", "causal", "bool", "numbers", "hidden keys", "blind query"]


def mask_for(kind: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray | None:
    batch, _, _, queries, keys, _, _ = shape
    if kind == "bool":
        mask = generator.random((batch, 1, queries, keys)) > 0.3
        mask[..., 0] = True
        return mask
    if kind == "numbers":
        return generator.standard_normal((queries, keys), dtype=np.float32)
    if kind == "hidden keys":
        hidden = np.zeros((batch, 1, 1, keys), np.float32)
        hidden[..., keys // 2 :] = -np.inf
        return hidden
    if kind == "blind query":
        mask = generator.random((queries, keys)) > 0.3
        mask[:, 0], mask[queries // 2] = True, False
        return mask
    return None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_outputs_and_gradients_are_pytorchs(shape: tuple[int, ...], kind: str) -> None:
    batch, heads, key_heads, queries, keys, width, value_width = shape
    generator = np.random.default_rng(0)
    sizes = [(batch, heads, queries, width), (batch, key_heads, keys, width), (batch, key_heads, keys, value_width)]
    arrays = [generator.standard_normal(size, dtype=np.float32) for size in sizes]
    mask = mask_for(kind, shape, generator)
    options: dict[str, Any] = {"is_causal": kind == "causal", "enable_gqa": heads != key_heads}
    gradient = generator.standard_normal((batch, heads, queries, value_width), dtype=np.float32)

    theirs = [torch.from_numpy(a).double().requires_grad_() for a in arrays]
    their_mask = None if mask is None else torch.from_numpy(mask if mask.dtype == bool else mask.astype(np.float64))
    wanted = torch.nn.functional.scaled_dot_product_attention(*theirs, their_mask, **options)
    wanted_gradients = torch.autograd.grad(wanted, theirs, torch.from_numpy(gradient).double())

    ours = [weft.from_numpy(a).requires_grad_() for a in arrays]
    result = F.scaled_dot_product_attention(*ours, None if mask is None else weft.from_numpy(mask), **options)
    gradients = weft.autograd.grad(result, ours, weft.from_numpy(gradient))
    for mine, true in zip((result, *gradients), (wanted, *wanted_gradients), strict=True):
        true_array = true.detach().numpy()
        scale = max(1.0, float(np.abs(true_array).max()))
        np.testing.assert_allclose(mine.detach().numpy(), true_array, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("width", [40, 48])
def test_threads_and_layout_do_not_change_the_bits(width: int, causal: bool) -> None:
    weft.manual_seed(0)
    packed = weft.randn(2, 301, 3, 4, width)
    q, k, v = (part.transpose(1, 2) for part in packed.unbind(2))
    results = []
    for threads, tensors in ((1, (q, k, v)), (3, (q.contiguous(), k.contiguous(), v.contiguous()))):
        weft.set_num_threads(threads)
        leaves = [t.detach().requires_grad_() for t in tensors]
        out = F.scaled_dot_product_attention(*leaves, is_causal=causal)
        results.append([out.detach(), *weft.autograd.grad(out.square().sum(), leaves)])
    for one, other in zip(*results, strict=True):
        assert weft.equal(one, other)


def test_second_derivatives_agree_with_differences() -> None:
    weft.manual_seed(0)
    tensors = [weft.randn(1, 2, 3, 2, dtype=weft.float64).requires_grad_() for _ in range(3)]
    assert weft.autograd.gradgradcheck(lambda *t: F.scaled_dot_product_attention(*t, is_causal=True), tensors)


def test_second_derivative_in_single_precision_is_that_in_double() -> None:
    weft.manual_seed(0)
    exact = [weft.randn(1, 2, 5, 4, dtype=weft.float64) for _ in range(3)]

    def penalty_gradient(dtype: weft.dtype) -> weft.Tensor:
        q, k, v = (t.to(dtype).requires_grad_() for t in exact)
        (first,) = weft.autograd.grad(F.scaled_dot_product_attention(q, k, v).sum(), (k,), create_graph=True)
        return weft.autograd.grad(first.square().sum(), (q,))[0]

    error = (penalty_gradient(weft.float32).double() - penalty_gradient(weft.float64)).abs().max().item()
    assert error < 1e-5


def test_three_dimensions_are_one_head() -> None:
    q, k, v = weft.randn(3, 2, 5, 4).unbind()
    expected = F.scaled_dot_product_attention(q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)).squeeze(1)
    assert weft.equal(F.scaled_dot_product_attention(q, k, v), expected)


def test_no_keys_give_zeros() -> None:
    out = F.scaled_dot_product_attention(weft.ones(1, 1, 3, 4), weft.ones(1, 1, 0, 4), weft.ones(1, 1, 0, 2))
    assert weft.equal(out, weft.zeros(1, 1, 3, 2))


@pytest.mark.parametrize(("queries", "keys"), [(3, 0), (0, 3)])
def test_gradients_without_keys_or_queries_are_zeros(queries: int, keys: int) -> None:
    leaves = [weft.ones(1, 1, n, 4).requires_grad_() for n in (queries, keys, keys)]
    weft.empty(2**14).fill_(7.0)  # memory that is handed out again
    for leaf, grad in zip(
        leaves, weft.autograd.grad(F.scaled_dot_product_attention(*leaves).sum(), leaves), strict=True
    ):
        assert weft.equal(grad, weft.zeros_like(leaf))


def test_half_precision_keeps_its_dtype() -> None:
    q, k, v = weft.randn(3, 1, 2, 9, 8).to(weft.bfloat16).unbind()
    out = F.scaled_dot_product_attention(q, k, v)
    exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    assert out.dtype == weft.bfloat16
    assert (out.float() - exact).abs().max().item() < 2**-7


def test_mask_gradient_is_kept() -> None:
    mask = weft.zeros(3, 3).requires_grad_()
    F.scaled_dot_product_attention(*weft.randn(3, 1, 1, 3, 4).unbind(), mask).square().sum().backward()
    assert mask.grad is not None
    assert mask.grad.abs().sum().item() > 0


def test_shapes_that_do_not_fit_raise() -> None:
    with pytest.raises(RuntimeError):
        F.scaled_dot_product_attention(weft.ones(1, 1, 3, 4), weft.ones(1, 1, 3, 5), weft.ones(1, 1, 3, 5))
