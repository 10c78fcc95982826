"""Reductions of segments give what PyTorch's give."""

from __future__ import annotations

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch", reason="PyTorch is the judge here")


@pytest.mark.parametrize("reduce", ["sum", "mean", "prod", "max", "min"])
@pytest.mark.parametrize("initial", [None, 2.0])
@pytest.mark.parametrize(
    ("shape", "axis", "key", "bounds"),
    [
        ((5,), 0, "lengths", [2, 0, 3]),
        ((5, 2), 0, "offsets", [0, 2, 2, 5]),
        ((2, 4), 1, "lengths", [[1, 3], [4, 0]]),
    ],
)
def test_values_and_gradients(
    reduce: str, initial: float | None, shape: tuple[int, ...], axis: int, key: str, bounds: list[int]
) -> None:
    data = np.sin(np.arange(np.prod(shape), dtype=np.float64)).reshape(shape)
    results = []
    for package in (weft, torch):
        x = package.tensor(data, requires_grad=True)
        options = {key: package.tensor(bounds), "axis": axis, "initial": initial}
        y = package.segment_reduce(x, reduce, **options)
        y[y.isfinite()].sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RuntimeError, match="sum to 3"):
        weft.segment_reduce(weft.ones(3), "sum", lengths=weft.tensor([1, 1]))
    with pytest.raises(RuntimeError, match="got neither"):
        weft.segment_reduce(weft.ones(3), "sum")


def test_chunks_are_padded_and_joined() -> None:
    ours = weft._chunk_cat([weft.arange(3.0), weft.arange(4.0)], 0, 2)
    assert ours.tolist() == torch._chunk_cat([torch.arange(3.0), torch.arange(4.0)], 0, 2).tolist()


@pytest.mark.parametrize(("count", "chunks"), [(0, 2), (1, 0)])
def test_no_chunks_and_no_tensors_are_refused(count: int, chunks: int) -> None:
    with pytest.raises(RuntimeError, match=r"_chunk_cat.*expected"):
        weft._chunk_cat([weft.ones(2)] * count, 0, chunks)


def test_masked_indices_may_lie_outside() -> None:
    index, mask = [weft.tensor([0, 9])], weft.tensor([True, False])
    assert weft._unsafe_masked_index(weft.tensor([5.0, 6.0]), mask, index, 1.0).tolist() == [5.0, 1.0]
    added = weft._unsafe_masked_index_put_accumulate(weft.zeros(2), mask, index, weft.ones(2))
    assert added.tolist() == [1.0, 0.0]
