"""The operators that derivatives are made of check the indices they are given before memory is touched."""

from __future__ import annotations

import pytest

import weft

internal = weft._core.internal


@pytest.mark.parametrize("index", [-1, 16, 2**40])
@pytest.mark.parametrize("layout", [weft.contiguous_format, weft.channels_last])
def test_pooled_indices_lie_in_the_input(index: int, layout: weft.memory_format) -> None:
    indices = weft.full((1, 2, 2, 2), index).contiguous(memory_format=layout)
    with pytest.raises(IndexError, match="elements of the input"):
        internal.max_pool_gather(weft.ones(1, 2, 4, 4), indices)
    with pytest.raises(IndexError, match="elements of the input"):
        internal.max_pool_backward(weft.ones(1, 2, 2, 2), indices, [1, 2, 4, 4])


def test_pooled_shapes_agree() -> None:
    indices = weft.zeros(1, 2, 2, 2, dtype=weft.int64)
    with pytest.raises(RuntimeError, match="one shape"):
        internal.max_pool_backward(weft.ones(1, 2, 3, 2), indices, [1, 2, 4, 4])
    with pytest.raises(RuntimeError, match="one shape"):
        internal.max_pool_gather(weft.ones(1, 3, 4, 4), indices)


@pytest.mark.parametrize("index", [-1, 3])
def test_rows_of_an_embedding_exist(index: int) -> None:
    with pytest.raises(IndexError, match="below 3"):
        internal.embedding_backward(weft.ones(2, 4), weft.tensor([0, index]), [3, 4], -1, False)
    with pytest.raises(RuntimeError, match="a row of weight"):
        internal.embedding_backward(weft.ones(2, 5), weft.tensor([0, 1]), [3, 4], -1, False)
