"""Functions of weft.nn.functional refuse what PyTorch refuses, and take the empty and the small that PyTorch takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import weft
import weft.nn.functional as F

ONES = weft.ones


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.adaptive_max_pool2d(ONES(2, 2), (1, 1)), ValueError, "at least 3, got 2"),
        (lambda: F.adaptive_max_pool2d(ONES(2, 2), 1), RuntimeError, "at least 3, got 2"),
        (lambda: F.adaptive_avg_pool3d(ONES(2, 2, 2), (1, 1, 1)), ValueError, "at least 4, got 3"),
        (lambda: F.adaptive_max_pool1d(ONES(1, 2, 4), ()), RuntimeError, "must be 1 numbers, got 0"),
        (lambda: F.adaptive_avg_pool3d(ONES(1, 4, 4, 4), (1, 2)), RuntimeError, "must be 3 numbers, got 2"),
        (lambda: F.adaptive_max_pool2d(ONES(1, 4, 4), (-1, 2)), RuntimeError, r"got \[-1, 2\]"),
        (lambda: F.rrelu(ONES(2), 0.5, 0.25), RuntimeError, "lower=0.5 and upper=0.25"),
        (
            lambda: F.multi_margin_loss(ONES(2, 3), weft.tensor([0, 1]), weight=ONES(2)),
            RuntimeError,
            r"of 3 elements, got \[2\]",
        ),
        (lambda: F.multi_margin_loss(ONES(2, 3), weft.tensor([0, 1]), reduction="abc"), ValueError, "abc is not"),
        (lambda: F.multilabel_margin_loss(ONES(3), weft.tensor([0, 1, -1]), reduction="abc"), ValueError, "abc is not"),
    ],
)
def test_refused(call: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_as_strided_scatter_stays_inside_the_memory() -> None:
    with pytest.raises(RuntimeError, match="out of bounds for storage"):
        weft.as_strided_scatter(ONES(4, 4), ONES(2, 2), (2, 2), (200, 200))
    with pytest.raises(RuntimeError, match=r"size of the view, \[2, 2\], but got \[3\]"):
        weft.as_strided_scatter(ONES(4, 4), ONES(3), (2, 2), (1, 1))
    with pytest.raises(RuntimeError, match="storage_offset must be non-negative"):
        weft.as_strided_scatter(ONES(8)[4:], ONES(2), (2,), (1,), 0)


@pytest.mark.parametrize("pool", [F.adaptive_max_pool2d, F.fractional_max_pool2d])
def test_pools_of_nothing_are_empty(pool: Callable[..., object]) -> None:
    shapes = {F.adaptive_max_pool2d: ((1, 2, 4, 4), (0, 2))}
    shape, size = shapes.get(pool, ((0, 2, 4, 4), (2, 2)))
    values, index = pool(weft.ones(shape), output_size=size, return_indices=True, **_kernel(pool))  # type: ignore[misc]
    assert tuple(values.shape) == tuple(index.shape) == (*shape[:-2], *size)
    assert index.dtype == weft.int64


def _kernel(pool: Callable[..., object]) -> dict[str, int]:
    return {"kernel_size": 2} if pool is F.fractional_max_pool2d else {}


def test_multilabel_margin_loss_takes_a_single_score() -> None:
    assert F.multilabel_margin_loss(weft.tensor(0.5), weft.tensor(0)).item() == 0.0


def test_max_unpool_keeps_channels_last() -> None:
    pooled, index = F.max_pool2d(
        weft.rand(1, 2, 4, 4).contiguous(memory_format=weft.channels_last), 2, return_indices=True
    )
    back = F.max_unpool2d(pooled.contiguous(memory_format=weft.channels_last), index, 2)
    assert back.is_contiguous(memory_format=weft.channels_last)
    assert back.sum().item() == pytest.approx(pooled.sum().item())
