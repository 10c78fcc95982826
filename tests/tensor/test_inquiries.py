"""Questions to tensors, Python functions applied to elements, and names that weft has not."""

from __future__ import annotations

import pytest

import weft


def test_answers() -> None:
    x = weft.arange(6.0).reshape(2, 3)
    assert weft.is_nonzero(weft.tensor(2))
    assert not weft.tensor([0]).is_nonzero()
    assert weft.is_same_size(x, x.clone())
    assert not weft.is_same_size(x, x.t())
    assert x.is_set_to(x.view(2, 3))
    assert not x.is_set_to(x.t())
    assert not x.is_set_to(x.clone())
    assert x.dim_order() == (0, 1)
    assert x.t().dim_order() == (1, 0)
    assert weft.ones(1, 2, 3, 4).contiguous(memory_format=weft.channels_last).dim_order() == (0, 2, 3, 1)
    assert x.const_data_ptr() == x.data_ptr()
    assert not (x.is_neg())
    assert not (x.is_distributed())
    assert not (x.is_mtia)
    assert not (x.volatile)
    assert x.name is None


@pytest.mark.parametrize("x", [weft.ones(2), weft.ones(0)], ids=["two", "none"])
def test_truth_of_more_or_fewer_elements_is_ambiguous(x: weft.Tensor) -> None:
    with pytest.raises(RuntimeError, match="ambiguous"):
        x.is_nonzero()


def test_functions_applied_to_elements_store_their_results() -> None:
    x = weft.arange(4).reshape(2, 2).t()
    assert x.apply_(lambda v: v + 10) is x
    assert x.tolist() == [[10, 12], [11, 13]]
    assert x.map_(weft.tensor([1, 2]), lambda a, b: a * b).tolist() == [[10, 24], [11, 26]]
    assert x.map2_(weft.tensor(1), weft.tensor([0, 5]), lambda a, b, c: a - b - c).tolist() == [[9, 18], [10, 20]]
    with pytest.raises(RuntimeError, match=r"requires grad. Use var.detach\(\).apply_"):
        weft.ones(2, requires_grad=True).apply_(lambda v: v)
    with pytest.raises(RuntimeError, match="must match the existing size"):
        weft.ones(3).map_(weft.ones(2), lambda a, b: a)


def test_resize_of_other_sizes_is_refused() -> None:
    assert weft.ones(2, 2).resize(4).shape == (4,)
    assert weft.ones(4).resize_as(weft.ones(2, 2)).shape == (2, 2)
    with pytest.raises(RuntimeError, match=r"4 elements, got \[3\]"):
        weft.ones(2, 2).resize(3)


def test_numbers() -> None:
    assert weft.sym_max(1, 2) == 2
    assert isinstance(weft.sym_max(2, 1.0), float)
    assert weft.sym_min(1, 2.0) == 1.0
    assert (weft.sym_int(2.7), weft.sym_float(1), weft.sym_not(0), weft.sym_sum([1, 2])) == (2, 1.0, True, 3)
    assert weft.sym_sqrt(4) == 2.0
    assert weft.sym_ite(True, "a", "b") == "a"


@pytest.mark.parametrize("name", ["detach_", "get_device", "is_inference"])
def test_methods_are_functions_too(name: str) -> None:
    x = weft.ones(2)
    got = getattr(weft, name)(x)
    assert got is x if name == "detach_" else got == getattr(x, name)()


def test_an_attribute_that_pytorch_has_is_refused_with_a_word_about_it() -> None:
    x = weft.ones(2)
    with pytest.raises(
        AttributeError, match=r"'Tensor' object has no attribute 'q_scale': PyTorch has torch\.Tensor\.q_scale"
    ):
        x.q_scale()
    assert not hasattr(x, "q_scale")
    assert not hasattr(weft.Tensor, "q_scale")
    assert "q_scale" not in dir(x)
    assert "sum" in dir(x)
    with pytest.raises(AttributeError, match=r"'nonsense'$"):
        x.nonsense  # noqa: B018


def test_a_subclass_may_have_the_attribute() -> None:
    class Quantized(weft.Tensor):
        def q_scale(self) -> float:
            return 0.5

    assert weft.ones(2).as_subclass(Quantized).q_scale() == 0.5


@pytest.mark.parametrize(
    ("space", "name"), [("nn", "quantized"), ("autograd", "NestedIOFunction"), ("utils.data", "DataChunk")]
)
def test_modules_say_what_pytorch_has(space: str, name: str) -> None:
    module: object = weft
    for part in space.split("."):
        module = getattr(module, part)
    with pytest.raises(AttributeError, match=rf"PyTorch has torch\.{space}\.{name}, weft does not"):
        getattr(module, name)
