"""Tensors from numbers, lists, NumPy and buffers, and back."""

import numpy as np
import pytest
from oracle import agree

import weft

CONSTRUCTION = """
m.tensor([1, 2.5])
m.tensor([True, 2])
m.tensor([[1, 2], [3]])
m.tensor([[1, 2], 3])
m.tensor([1, [2]])
m.tensor([])
m.tensor([[], []])
m.tensor(())
m.tensor(5)
m.tensor(True)
m.tensor(1j)
m.tensor("a")
m.tensor(None)
m.tensor([None])
m.tensor([1, "a"])
m.tensor({})
m.tensor({1, 2})
m.tensor(range(3))
m.tensor([range(3), range(3)])
m.tensor(2**62)
m.tensor(-(2**63))
m.tensor(300, dtype=m.uint8)
m.tensor(-1, dtype=m.uint8)
m.tensor([1.5], dtype=m.int64)
m.tensor(float("nan"), dtype=m.int64)
m.tensor([1 + 2j], dtype=m.float32)
m.tensor(3, dtype=m.bool)
m.tensor(1e40)
m.tensor(1e6, dtype=m.float16)
m.tensor(object())
m.tensor([object()])
m.tensor(dtype=m.float32)
m.tensor()
m.tensor(1, 2)
m.tensor(1, foo=2)
m.tensor(1, dtype=3)
m.tensor(1, dtype=float)
m.tensor(1, device="cpu")
m.tensor(bytearray(b"ab"))
m.tensor(memoryview(b"ab"))
m.tensor([m.tensor(1), m.tensor(2)])
m.tensor([m.tensor(1.5), 2])
m.tensor([np.float32(1.5), 2])
m.tensor(np.float32(1.5))
m.tensor(np.float64(1.5))
m.tensor(np.int8(3))
m.tensor([np.int8(3)])
m.tensor(np.bool_(True))
m.tensor([np.array([1, 2]), np.array([3, 4])])
m.tensor(np.array([1, 2], dtype=np.int32))
m.tensor(np.array(2.0))
m.tensor(np.arange(6).reshape(2, 3).T)
m.tensor(np.arange(6)[::-1])
m.tensor(np.array(["a"]))
m.tensor(np.array([1, 2], dtype=">i4"))
m.tensor(np.array([None]))
m.tensor(np.zeros((0, 3)))
m.from_numpy(np.arange(6)[::-1])
m.from_numpy(np.arange(6)[::2])
m.from_numpy(np.arange(6.0).reshape(2, 3).T).stride()
m.from_numpy([1])
m.from_numpy(np.float32(1))
m.from_numpy(np.zeros((2, 0)))
m.from_numpy(np.array(3))
m.from_numpy(np.zeros(2, dtype="U1"))
m.from_numpy(np.zeros(2, dtype=np.float16))
m.from_numpy(np.broadcast_to(np.arange(3), (2, 3))).stride()
m.from_numpy(np.zeros(3, dtype=[("a", "i4"), ("b", "i2")])["a"])
m.as_tensor([1, 2])
m.as_tensor(np.arange(2))
m.as_tensor(np.arange(2), dtype=m.float32)
m.as_tensor(3)
m.asarray([1, 2])
m.asarray(np.arange(3), copy=False)
m.asarray([1], copy=False)
m.frombuffer(bytearray(8), dtype=m.int32)
m.frombuffer(bytearray(8), dtype=m.int32, count=3)
m.frombuffer(bytearray(8), dtype=m.int32, offset=1)
m.frombuffer(bytearray(8), dtype=m.int32, offset=4)
m.frombuffer(bytearray(0), dtype=m.int32)
m.frombuffer([1], dtype=m.int32)
m.ones(2).numpy().tolist()
m.ones(2, requires_grad=True).numpy()
m.ones(2, requires_grad=True).numpy(force=True).tolist()
m.ones(2, dtype=m.bfloat16).numpy()
m.ones(2, 3).t().numpy().strides
np.asarray(m.ones(2)).tolist()
np.asarray(m.ones(2), dtype=np.int32).tolist()
str(np.asarray(m.ones(2, dtype=m.float16)).dtype)
str(np.array(m.ones(2, dtype=m.bool)).dtype)
np.add(m.ones(2), 1).tolist()
m.ones(2) * np.ones(2)
m.ones(2) * np.float64(3)
np.float64(3) * m.ones(2)
m.ones(2, dtype=m.int64) * np.float32(2)
m.ones(2) + np.int64(2)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", CONSTRUCTION.strip().splitlines())
def test_agrees_with_torch(expression):
    agree(lambda m: eval(expression, {"m": m, "np": np}))


def test_from_numpy_shares_memory_both_ways():
    array = np.arange(4.0)
    tensor = weft.from_numpy(array)
    array[0] = 5
    tensor[1] = 7
    assert tensor[0].item() == 5
    assert array[1] == 7


def test_numpy_shares_memory_both_ways():
    tensor = weft.zeros(2, 3)
    array = tensor.t().numpy()
    array[2, 1] = 5
    assert tensor[1, 2].item() == 5


def test_the_array_lives_as_long_as_the_tensor():
    tensor = weft.from_numpy(np.full(1000, 3.0))
    assert tensor.sum().item() == 3000


def test_the_tensor_lives_as_long_as_the_array():
    array = weft.full((1000,), 3.0).numpy()
    assert array.sum() == 3000


def test_a_list_that_changes_while_it_is_read_is_refused():
    class Grows:
        def __init__(self, data):
            self.data = data

        def __float__(self):
            self.data.extend([1.0] * 1000)
            return 1.0

    data = [[1.0], [2.0]]
    data[0][0] = Grows(data[1])
    with pytest.raises(RuntimeError, match="changed while it was converted"):
        weft.tensor(data, dtype=weft.float32)
