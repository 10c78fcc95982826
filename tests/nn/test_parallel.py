"""Programs written for several GPUs run on the CPU: DataParallel, and the choice of an attention."""

from __future__ import annotations

import pytest

import weft
from weft.nn.attention import SDPBackend, sdpa_kernel


def test_data_parallel_is_its_module() -> None:
    module = weft.nn.Linear(2, 3)
    wrapped = weft.nn.DataParallel(module, device_ids=[0, 1])
    x = weft.ones(4, 2)
    assert weft.equal(wrapped(x), module(x))
    assert weft.equal(weft.nn.parallel.data_parallel(module, (x,)), module(x))
    assert wrapped.module is module
    assert list(wrapped.state_dict()) == ["module.weight", "module.bias"]
    wrapped(x).sum().backward()
    assert module.weight.grad is not None


def test_distributed_needs_a_process_group() -> None:
    with pytest.raises(ValueError, match="needs a process group"):
        weft.nn.parallel.DistributedDataParallel(weft.nn.Linear(1, 1))
    assert not isinstance(weft.nn.Linear(1, 1), weft.nn.parallel.DistributedDataParallel)


@pytest.mark.parametrize("backends", [SDPBackend.MATH, [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]])
def test_attention_is_the_same_whatever_is_chosen(backends: SDPBackend | list[SDPBackend]) -> None:
    q = weft.rand(1, 2, 3, 4)
    expected = weft.nn.functional.scaled_dot_product_attention(q, q, q)
    with sdpa_kernel(backends):
        assert weft.equal(weft.nn.functional.scaled_dot_product_attention(q, q, q), expected)


def test_what_is_no_backend_is_refused() -> None:
    with pytest.raises(AssertionError, match="got int"), sdpa_kernel(1):  # type: ignore[arg-type]
        pass
