"""Shapes, strides, views and factories."""

import numpy as np
import pytest
from oracle import agree

import weft

GEOMETRY = """
m.ones(2, 3).view(6)
m.ones(2, 3).t().view(6)
m.ones(2, 3).view(-1, -1)
m.ones(2, 3).view(4)
m.ones(2, 3).view(-1, 4)
m.ones(2, 3).view(2, -2)
m.ones(0, 3).view(-1)
m.ones(0, 3).view(0, -1)
m.ones(2, 3).view((3, 2))
m.ones(2, 3).view([3, 2])
m.ones(2, 3).view(3, m.tensor(2))
m.ones(2, 3).view(2.0, 3)
m.ones(2, 3).view()
m.ones(1).view(())
m.ones(2, 3).view(m.int32)
m.ones(2, 3).view(m.float64)
m.ones(2, 4).view(m.float64).shape
m.ones(2, 4).view(m.int16).shape
m.ones(2, 4).view(m.uint8).shape
m.ones(2, 3).t().reshape(6)
m.ones(2, 3).reshape(-1)
m.ones(2, 3).reshape(7)
m.ones(2, 3).transpose(0, 2)
m.ones(2, 3).transpose(-1, 0).shape
m.ones(2, 3).permute(0)
m.ones(2, 3).permute(0, 0)
m.ones(2, 3).permute(1, 0).stride()
m.ones(2, 3, 4).permute((2, 0, 1)).shape
m.ones(2).expand(3, 2).stride()
m.ones(2).expand(3)
m.ones(2, 1).expand(-1, 4).shape
m.ones(2).expand(-1, 2)
m.ones(2, 3).unsqueeze(3)
m.ones(2, 3).unsqueeze(-3).shape
m.ones(2, 3).squeeze(2)
m.ones(2, 1).squeeze(1).shape
m.ones(2, 3).select(2, 0)
m.ones(2, 3).select(0, 5)
m.ones(2, 3).narrow(0, 1, 2)
m.ones(5).narrow(0, -2, 2)
m.ones(2, 3).t().t().is_contiguous()
m.ones(2, 3).t().is_contiguous()
m.ones(2, 3, 4).t()
m.ones(2, 3, 4, 5).contiguous(memory_format=m.channels_last).stride()
m.ones(2, 3, 4, 5).to(memory_format=m.channels_last).is_contiguous(memory_format=m.channels_last)
m.ones(2, 3).contiguous(memory_format=m.channels_last)
m.empty(2, 3, 4, 5, memory_format=m.channels_last).stride()
m.empty(2, 3, memory_format=m.channels_last)
m.zeros_like(m.ones(2, 3).t()).stride()
m.empty_like(m.ones(2, 3).t(), memory_format=m.contiguous_format).stride()
m.ones(2, 3).t().clone().stride()
m.ones(4, 3)[::2].clone().stride()
m.ones(2, 3).expand(4, 2, 3).clone().stride()
(m.ones(2, 3).t() + 1).stride()
(m.ones(2, 3).t() + m.ones(3, 2)).stride()
(m.ones(2, 3, 4).permute(2, 0, 1) * 2).stride()
m.ones(2, 3).t().contiguous().stride()
m.ones(2, 1).is_contiguous()
m.ones(2, 3)[:, :1].is_contiguous()
m.as_strided(m.arange(4), (2, 2), (1, 1))
m.as_strided(m.arange(4), (3, 3), (1, 1))
m.as_strided(m.arange(4), (2,), (1,), 3)
m.as_strided(m.arange(4), (2,), (-1,))
m.arange(10).unfold(0, 3, 2)
m.arange(6).view(2, 3).diagonal()
m.arange(6).split(4)
m.arange(6).split([1, 2])
m.arange(6).chunk(4)
m.arange(6).chunk(0)
m.ones(2, 3).size(5)
m.ones(2, 3).size(-1)
m.ones(2, 3).size(dim=0)
m.ones(2, 3).stride(1)
m.ones(2, 3).stride(dim=1)
m.ones(2, 3).shape.numel()
str(m.ones(2, 3).shape[:1])
m.ones(2).T.shape
m.ones(2, 3).mT.shape
m.ones(2).mT
m.ones(2, 3).ndim
m.ones(2, 3).dim()
m.ones(2, 3).numel()
m.ones(2, 3).nbytes
m.ones(2, 3, dtype=m.float16).itemsize
m.zeros(-1)
m.zeros(2**40, 2**40)
m.zeros(2, 2.5)
m.zeros("a")
m.zeros((2, 3)).shape
m.zeros([2, 3]).shape
m.zeros(size=(2,)).shape
m.zeros(m.Size([2])).shape
m.zeros().shape
m.zeros(m.tensor(2)).shape
m.zeros(np.int64(2)).shape
m.zeros(True)
m.full((2,), True)
m.full((2,), 1.5)
m.full((2,), 3, dtype=m.bool)
m.full((2,), "a")
m.arange(5, 0)
m.arange(5, 0, -2)
m.arange(0, 1, 0.3)
m.arange(3.0)
m.arange(1, 2, 0)
m.arange(0)
m.arange(-3)
m.arange(5, dtype=m.float16)
m.linspace(0, 1, 1)
m.linspace(0, 1, 0)
m.linspace(0, 1, -1)
m.linspace(0, 10, 5, dtype=m.int64)
m.eye(2, 3)
m.eye(-1)
m.ones(2, dtype=m.complex64)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", GEOMETRY.strip().splitlines())
def test_agrees_with_torch(expression):
    agree(lambda m: eval(expression, {"m": m, "np": np}))


@pytest.mark.parametrize("dtype", [weft.uint8, weft.float32, weft.float64, weft.int64], ids=str)
@pytest.mark.parametrize("columns", [2, 63, 64, 65, 100, 125, 127, 128, 129])
def test_short_rows_of_every_length_are_multiplied(columns: int, dtype: weft.dtype) -> None:
    rows = weft.arange(12).view(3, 4, 1).to(dtype)
    assert bool((weft.ones(3, 4, columns, dtype=dtype) * rows == rows.expand(3, 4, columns)).all())
    shared = weft.arange(columns).to(dtype)
    assert bool((weft.ones(3, columns, dtype=dtype) * shared == shared.expand(3, columns)).all())


@pytest.mark.parametrize("chunks", [2**31, 10**12, 2**62])
def test_chunks_of_nothing_beyond_counting_are_refused(chunks: int) -> None:
    with pytest.raises(RuntimeError, match=r"chunk: expected at most .* got"):
        weft.ones(0, 4).chunk(chunks)


def test_gradients_of_strided_views_that_leave_their_base_stay_in_memory() -> None:
    storage = weft.arange(10.0)
    part = storage[4:6].detach().requires_grad_(True)
    view = part.as_strided((3,), (3,), 0)  # elements 0, 3 and 6 of the storage: none of them of `part`
    view.backward(weft.tensor([1.0, 2.0, 3.0]))
    assert part.grad is not None
    assert part.grad.tolist() == [0.0, 0.0]
    reached = storage[4:6].detach().requires_grad_(True)
    reached.as_strided((3,), (1,), 3).backward(weft.tensor([1.0, 2.0, 3.0]))  # elements 3, 4 and 5
    assert reached.grad is not None
    assert reached.grad.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("dtype", [weft.float32, weft.float64, weft.int64, weft.uint8])
def test_operands_in_other_orders_are_combined(dtype: weft.dtype) -> None:
    """Large ones are turned first; the result is laid out as the first operand, PyTorch's rule."""
    generator = weft.Generator().manual_seed(1)
    x = weft.randint(0, 9, (3, 70, 90), generator=generator).to(dtype).transpose(1, 2)
    y = weft.randint(0, 9, (3, 90, 70), generator=generator).to(dtype)
    for a, b in ((x, y), (y, x)):
        assert np.array_equal((a + b).numpy(), a.numpy() + b.numpy())
        assert (a + b).stride() == a.stride()
        assert np.array_equal((a * b.double()).numpy(), a.numpy() * b.numpy().astype(np.float64))
        assert np.array_equal(weft.where(a > b, a, b).numpy(), np.maximum(a.numpy(), b.numpy()))
    square = weft.arange(150 * 150, dtype=dtype).reshape(150, 150)
    expected = square.numpy() + square.numpy().T
    assert np.array_equal(square.add_(square.T).numpy(), expected)  # the operands overlap
