"""Lazy modules become ordinary ones with their first input, as PyTorch's do."""

import pytest

CASES = [
    ("LazyLinear(3)", (2, 5)),
    ("LazyConv1d(4, 3)", (2, 5, 9)),
    ("LazyConv2d(4, 3, padding=1, bias=False)", (2, 5, 9, 9)),
    ("LazyConvTranspose2d(4, 3, stride=2)", (2, 5, 4, 4)),
    ("LazyBatchNorm2d()", (2, 5, 4, 4)),
    ("LazyInstanceNorm1d(affine=True)", (2, 5, 4)),
]


@pytest.fixture(params=["weft", "torch"])
def pkg(request):
    return pytest.importorskip(request.param)


@pytest.mark.parametrize(("text", "shape"), CASES)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_first_input_sets_the_shapes(pkg, text, shape):
    module = eval(f"nn.{text}", {"nn": pkg.nn})
    assert type(module).__name__.startswith("Lazy")
    module(pkg.ones(*shape))
    ordinary = type(module).__name__
    assert ordinary == text.split("(")[0].removeprefix("Lazy")
    assert all(type(p) is pkg.nn.Parameter for p in module.parameters())
    assert 5 in [size for value in module.state_dict().values() for size in value.shape]


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_an_uninitialized_shape_is_an_error(pkg):
    parameter = pkg.nn.LazyLinear(3).weight
    assert repr(parameter) == "<UninitializedParameter>"
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        parameter.shape  # noqa: B018


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_loading_a_state_sets_the_shapes(pkg):
    lazy = pkg.nn.LazyLinear(3)
    state = pkg.nn.Linear(5, 3).state_dict()
    lazy.load_state_dict(state)
    assert tuple(lazy.weight.shape) == (3, 5)
