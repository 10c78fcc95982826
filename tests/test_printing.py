"""Tensors print as PyTorch's do, letter for letter but for the module's name before a dtype."""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import weft
from weft._printing import printoptions


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    weft.set_printoptions(profile="default")
    yield
    weft.set_printoptions(profile="default")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 2.0], "tensor([1., 2.])"),
        ([1.5, -2.25], "tensor([ 1.5000, -2.2500])"),
        ([1e-5, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
        ([1e9], "tensor([1.0000e+09])"),
        ([math.nan, 1.0, -math.inf], "tensor([nan, 1., -inf])"),
        ([math.nan, 1.5], "tensor([   nan, 1.5000])"),
        ([-0.0, 0.0], "tensor([-0., 0.])"),
        (3.5, "tensor(3.5000)"),
        (3, "tensor(3)"),
        ([1, -20, 300], "tensor([  1, -20, 300])"),
        ([True, False], "tensor([ True, False])"),
        ([1 + 2j, -0.5j], "tensor([1.+2.0000j, -0.-0.5000j])"),
        ([], "tensor([])"),
    ],
)
def test_values_choose_the_notation(values: Any, text: str) -> None:
    assert repr(weft.tensor(values)) == text


def test_rows_are_aligned_and_blocks_are_set_apart() -> None:
    assert repr(weft.arange(8).reshape(2, 2, 2)) == (
        "tensor([[[0, 1],\n         [2, 3]],\n\n        [[4, 5],\n         [6, 7]]])"
    )


def test_long_rows_are_broken_at_the_line_width() -> None:
    lines = repr(weft.arange(100)).splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].startswith("        ")


def test_large_tensors_show_their_edges() -> None:
    assert repr(weft.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert repr(weft.zeros(500, 500)).count("...") == 7


def test_what_is_not_default_is_said_behind_the_values() -> None:
    x = weft.tensor([1.0], dtype=weft.float64)
    assert repr(x) == f"tensor([1.], dtype={weft.float64})"
    assert repr(weft.tensor([1], dtype=weft.uint8)) == f"tensor([1], dtype={weft.uint8})"
    assert repr(weft.empty(0, 3)) == "tensor([], size=(0, 3))"
    assert repr(weft.empty(0, dtype=weft.int64)) == f"tensor([], dtype={weft.int64})"


def test_place_in_autograd_is_said() -> None:
    x = weft.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x + 1) == "tensor([2., 2.], grad_fn=<AddBackward0>)"
    assert repr(x.detach()) == "tensor([1., 1.])"


def test_parameters_and_subclasses_say_what_they_are() -> None:
    assert repr(weft.nn.Parameter(weft.ones(1))) == "Parameter containing:\ntensor([1.], requires_grad=True)"


def test_default_dtype_is_not_named() -> None:
    before = weft.get_default_dtype()
    weft.set_default_dtype(weft.float64)
    try:
        assert repr(weft.ones(1)) == "tensor([1.])"
        assert repr(weft.ones(1, dtype=weft.float32)) == f"tensor([1.], dtype={weft.float32})"
    finally:
        weft.set_default_dtype(before)


def test_options_hold_for_a_with_block() -> None:
    x = weft.tensor([1.12345])
    with printoptions(precision=2):
        assert repr(x) == "tensor([1.12])"
    with printoptions(sci_mode=True):
        assert repr(x) == "tensor([1.1235e+00])"
    assert repr(x) == "tensor([1.1235])"


def test_unknown_profile_raises() -> None:
    with pytest.raises(ValueError, match="profile must be one of"):
        weft.set_printoptions(profile="huge")


def test_format_of_a_number_takes_a_spec_and_others_do_not() -> None:
    assert f"{weft.tensor(1.5):.3f}" == "1.500"
    assert f"{weft.tensor(7, dtype=weft.int64):03d}" == "007"
    assert f"{weft.tensor([1.5])}" == "tensor([1.5000])"
    with pytest.raises(TypeError):
        format(weft.tensor([1.5]), ".3f")


_FLOATS = ["float32", "float64", "float16", "bfloat16"]
_INTEGERS = ["int64", "int32", "int16", "int8", "uint8"]
_numbers = st.one_of(
    st.floats(-10, 10),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(-1000, 1000).map(float),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan]),
)
_options = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.sampled_from([0, 5, 30, math.inf]),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.sampled_from([1, 20, 80, 200]),
        "sci_mode": st.sampled_from([None, True, False]),
        "profile": st.sampled_from(["default", "short", "full"]),
    },
)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[str, list[int], list[Any]]:
    """A dtype's name, a shape, and as many values as it has elements."""
    name = draw(st.sampled_from([*_FLOATS, *_INTEGERS, "bool", "complex64", "complex128"]))
    shape = draw(st.lists(st.integers(0, 9), max_size=4).filter(lambda sizes: math.prod(sizes) <= 400))
    if name in _FLOATS:
        value: st.SearchStrategy[Any] = _numbers
    elif name in _INTEGERS:
        value = st.integers(0 if name == "uint8" else -100, 100)
    elif name == "bool":
        value = st.booleans()
    else:
        value = st.builds(complex, _numbers, _numbers)
    few = draw(st.lists(value, min_size=1, max_size=12))
    size = math.prod(shape)
    return name, shape, (few * (size // len(few) + 1))[:size]


@settings(deadline=None)
@given(case=_cases(), options=_options, requires_grad=st.booleans())
def test_repr_is_pytorchs(case: tuple[str, list[int], list[Any]], options: dict[str, Any], requires_grad: bool) -> None:
    torch = pytest.importorskip("torch")
    name, shape, values = case
    texts = []
    for lib in (weft, torch):
        tensor = lib.tensor(values, dtype=getattr(lib, name)).reshape(shape)
        if requires_grad and (name in _FLOATS or name.startswith("complex")):
            tensor.requires_grad_()
        lib.set_printoptions(profile="default")
        lib.set_printoptions(**options)
        try:
            texts.append(repr(tensor))
        finally:
            lib.set_printoptions(profile="default")
    ours, theirs = texts
    if "dtype=" in theirs:  # PyTorch's name is a letter longer, so that it may go over the line sooner
        ours, theirs = (re.sub(r",\s+(?=[a-z_]+=)", ", ", text) for text in texts)
    assert ours.replace("weft.", "torch.") == theirs
