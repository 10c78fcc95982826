"""pickle, copy and deepcopy of tensors, parameters, modules, optimizers; storages."""

from __future__ import annotations

import copy
import pickle

import pytest
from oracle import agree

import weft

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "make",
    [
        lambda: weft.arange(6.0).view(2, 3),
        lambda: weft.arange(6.0).view(2, 3).T,
        lambda: weft.ones(1, 2, 3, 3).to(memory_format=weft.channels_last),
        lambda: weft.arange(10)[1:7:2],
        lambda: weft.ones(2).expand(3, 2),
        lambda: weft.empty(0, 2),
        lambda: weft.tensor(True),
        lambda: weft.ones(3, dtype=weft.bfloat16),
        lambda: weft.ones(2, dtype=weft.complex64, requires_grad=True),
    ],
)
def test_pickled_tensor_is_the_same(make, protocol: int) -> None:
    x = make()
    y = pickle.loads(pickle.dumps(x, protocol))
    assert (y.dtype, y.shape, y.requires_grad, y.tolist()) == (x.dtype, x.shape, x.requires_grad, x.tolist())
    assert y.is_leaf
    if x.is_contiguous() or x.T.is_contiguous():
        assert y.stride() == x.stride()
    y.detach().zero_()
    assert x.tolist() == make().tolist()


def test_protocol_5_can_leave_the_bytes_outside() -> None:
    x = weft.arange(1000.0)
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(x, 5, buffer_callback=buffers.append)
    assert len(data) < 500
    assert weft.equal(pickle.loads(data, buffers=buffers), x)


def test_attributes_and_subclasses_survive() -> None:
    x = weft.nn.Parameter(weft.ones(2))
    x.note = "kept"
    y = pickle.loads(pickle.dumps(x))
    assert type(y) is weft.nn.Parameter
    assert y.note == "kept"


@pytest.mark.parametrize("through", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_module_and_optimizer_come_back_working(through) -> None:
    model = weft.nn.Sequential(weft.nn.Linear(2, 3), weft.nn.Dropout(0.0), weft.nn.Linear(3, 1))
    optimizer = weft.optim.Adam(model.parameters())
    model(weft.ones(1, 2)).sum().backward()
    optimizer.step()
    model2, optimizer2 = through((model, optimizer))
    for parameter, other in zip(model.parameters(), model2.parameters(), strict=True):
        assert weft.equal(parameter, other)
        assert parameter.data_ptr() != other.data_ptr()
    assert optimizer2.param_groups[0]["params"][0] is model2[0].weight
    before = model[0].weight.clone()
    model2.zero_grad()
    model2(weft.ones(1, 2)).sum().backward()
    optimizer2.step()
    assert weft.equal(model[0].weight, before)
    assert not weft.equal(model2[0].weight, before)


def test_storage_is_shared_by_views() -> None:
    agree(lambda m: _storage_facts(m))


def _storage_facts(m):
    x = m.arange(6.0)
    view = x[2:]
    storage = view.untyped_storage()
    storage[8] = 1
    typed = view.storage() if m is weft else view._typed_storage()
    return [
        len(storage),
        storage.nbytes(),
        storage.data_ptr() == x.data_ptr(),
        x.tolist(),
        typed.size() if m is weft else typed._size(),
        view.storage_offset(),
    ]


def test_set_takes_a_storage() -> None:
    agree(lambda m: m.empty(0).set_(m.arange(6.0).untyped_storage(), 1, (2, 2), (1, 2)))
    agree(lambda m: m.empty(0).set_(m.arange(6.0).untyped_storage(), 2, (2, 2)))
    agree(lambda m: m.ones(3).set_())
    agree(lambda m: m.ones(3).set_(m.arange(2.0)))


@pytest.mark.parametrize(
    ("name", "values"), [("FloatStorage", [1.0, 2.0]), ("LongStorage", [1, 2]), ("BoolStorage", [True, False])]
)
def test_typed_storage_holds_elements(name: str, values: list) -> None:
    storage = getattr(weft, name)(values)
    assert storage.tolist() == values
    assert (len(storage), storage[0]) == (2, values[0])
    assert pickle.loads(pickle.dumps(storage)).tolist() == values
