"""A tensor as a Python object: identity, attributes, copies, pickles, subclasses, weak references."""

import copy
import gc
import pickle
import weakref

import pytest

import weft


def test_the_same_gradient_is_the_same_object():
    x = weft.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad is x.grad
    assert x.detach() is not x


def test_hash_is_identity():
    x = weft.ones(2)
    assert len({x, x, weft.ones(2)}) == 2


def test_attributes_stay_with_the_object():
    x = weft.ones(2)
    x.note = "kept"
    assert x.note == "kept"
    assert x.__dict__ == {"note": "kept"}


def test_weak_references_end_with_the_object():
    x = weft.ones(2)
    reference = weakref.ref(x)
    assert reference() is x
    del x
    gc.collect()
    assert reference() is None


def test_copy_shares_memory_and_deepcopy_does_not():
    x = weft.ones(2, requires_grad=True)
    x.note = [1]
    shallow, deep = copy.copy(x), copy.deepcopy(x)
    with weft.no_grad():
        x[0] = 5
    assert shallow.tolist() == [5, 1]
    assert deep.tolist() == [1, 1]
    assert shallow.requires_grad
    assert deep.requires_grad
    assert shallow.note is x.note
    assert deep.note == [1]
    assert deep.note is not x.note


def test_deepcopy_of_a_computed_tensor_is_refused():
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(weft.ones(1, requires_grad=True) * 2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int64", "uint8", "bool", "complex64"])
def test_pickle_keeps_everything(dtype):
    x = weft.tensor([[1, 0, 1], [0, 1, 1]]).to(getattr(weft, dtype)).t()
    back = pickle.loads(pickle.dumps(x))
    assert back.tolist() == x.tolist()
    assert back.dtype is x.dtype
    leaf = weft.zeros(0, 3, requires_grad=True)
    assert pickle.loads(pickle.dumps(leaf)).requires_grad


class Named(weft.Tensor):
    def shout(self):
        return "named"


def test_subclasses_keep_their_class():
    x = weft.ones(2).as_subclass(Named)
    assert x.shout() == "named"
    assert type(copy.deepcopy(x)) is Named
    assert type(pickle.loads(pickle.dumps(x))) is Named


def test_a_finalizer_sees_a_whole_tensor():
    seen = []

    class Dies(weft.Tensor):
        def __del__(self):
            seen.append(self.tolist())

    x = weft.ones(2).as_subclass(Dies)
    x.me = x
    del x
    gc.collect()
    assert seen == [[1, 1]]


def test_subclass_and_attributes_survive_while_only_the_graph_holds_a_tensor():
    class Leaf(weft.Tensor):
        __torch_function__ = weft._core._disabled_torch_function_impl

    x = weft.ones(2).as_subclass(Leaf).requires_grad_()
    x.note = "kept"
    y = x * 2
    del x
    gc.collect()
    for _ in range(2):  # the second time the object made by the first has died too
        leaf = y.grad_fn.next_functions[0][0].variable
        assert type(leaf) is Leaf
        assert leaf.note == "kept"
        del leaf
    y.sum().backward()
    assert y.grad_fn.next_functions[0][0].variable.grad.tolist() == [2, 2]


def test_attributes_are_freed_with_the_tensor_that_only_the_graph_held():
    class Watched:
        pass

    x = weft.ones(2, requires_grad=True)
    x.watched = Watched()
    dead = weakref.ref(x.watched)
    y = x * 2
    del x
    gc.collect()
    assert dead() is not None
    del y
    assert dead() is None
