"""x[...], x[...] = value and the gradient of x[...]: whatever is written between the brackets, PyTorch's answer."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import agree

import weft


class Items:
    """A tensor among the indices, made in the module that is asked."""

    def __init__(self, data):
        self.data = data

    def __repr__(self):
        return f"tensor({self.data})"


def item(size):
    bound = st.integers(-size - 2, size + 2) | st.none()
    positions = st.lists(st.integers(-size, size - 1), min_size=1, max_size=3) if size else st.just([])
    masks = st.lists(st.booleans(), min_size=size, max_size=size)
    return st.one_of(
        st.integers(-size - 1, size),
        st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, 3])),
        st.none(),
        st.just(...),
        positions.filter(bool),
        positions.filter(bool).map(Items),
        positions.filter(bool).map(lambda p: Items([p, p])),
        masks.filter(bool).map(Items),
        st.booleans(),
    )


@st.composite
def indexings(draw):
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    count = draw(st.integers(0, len(shape)))
    key = tuple(draw(item(size)) for size in shape[:count])
    assume(sum(i is ... for i in key) <= 1)
    return tuple(shape), key, draw(st.booleans())


def made(m, shape, transposed):
    x = m.arange(float(math.prod(shape))).view(shape)
    return x.transpose(0, 1) if transposed and len(shape) > 1 else x


def key_for(m, key):
    return tuple(m.tensor(i.data) if isinstance(i, Items) else i for i in key)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, derandomize=True)
@given(indexings())
def test_read(indexing):
    shape, key, transposed = indexing
    agree(lambda m: made(m, shape, transposed)[key_for(m, key)])


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None, derandomize=True)
@given(indexings(), st.sampled_from([7, 2.5, True, "tensor(3.)", "tensor([9.])", "tensor([[5.]])"]))
def test_write(indexing, value):
    shape, key, transposed = indexing

    def case(m):
        x = made(m, shape, transposed).clone()
        x[key_for(m, key)] = eval(f"m.{value}") if isinstance(value, str) else value
        return x

    agree(case)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=200, deadline=None, derandomize=True)
@given(indexings())
def test_gradient(indexing):
    shape, key, transposed = indexing

    def case(m):
        x = made(m, shape, transposed).clone().requires_grad_()
        y = x[key_for(m, key)]
        (y * y).sum().backward()
        return x.grad

    agree(case)


def test_basic_indexing_is_a_view():
    x = weft.zeros(3, 4)
    x[1:, ::2].fill_(1)
    assert x.sum().item() == 4
    assert x[...] is not x
