"""weft._foreach_* does to lists what PyTorch's functions of these names do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft
from weft import _foreach

torch = pytest.importorskip("torch", reason="PyTorch is the judge here")
NAMES = sorted(_foreach.__all__)


def lists(package: Any, seed: int, dtype: str = "float32") -> list[Any]:
    draw = np.random.default_rng(seed)
    arrays = [draw.uniform(0.1, 0.9, shape).astype(dtype) for shape in ((3, 3), (2, 2), (1, 1))]
    return [package.tensor(array.tolist(), dtype=getattr(package, dtype)) for array in arrays]


def arguments(name: str, package: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """What to call a function with besides its first list."""
    kind = name.removeprefix("_foreach_").removesuffix("_")
    other, third = lists(package, 1), lists(package, 2)
    numbers = [2.0, 0.5, 3.0]
    if kind in ("add", "sub"):
        found: list[Any] = [((other,), {}), ((1.5,), {}), ((numbers,), {}), ((other,), {"alpha": 2.0})]
        return found + ([((package.tensor(2.0),), {"alpha": 3})] if kind == "add" else [])
    if kind in ("mul", "div"):
        return [((other,), {}), ((2,), {}), ((numbers,), {}), ((package.tensor(2.0),), {}), ((), {"other": other})]
    if kind in ("maximum", "minimum", "clamp_max", "clamp_min"):
        return [((other,), {}), ((0.5,), {}), ((), {"scalars": numbers})]
    if kind == "pow":
        return [((other,), {}), ((2,), {}), ((numbers,), {}), ((), {"exponent": 0.5})]
    if kind in ("addcmul", "addcdiv"):
        both = (other, third)
        return [(both, {}), (both, {"value": 3}), ((*both, numbers), {}), ((*both, package.tensor(numbers)), {})]
    if kind == "lerp":
        return [((other, third), {}), ((other, 0.25), {}), ((other,), {"weight": 0.5})]
    if kind in ("norm", "powsum"):
        return [((), {}), ((1,), {}), ((), {"ord": 3, "dtype": package.float64})]
    return [((other,), {})] if kind in ("mm", "copy") else [((), {})]


def numpys(tensors: Any) -> list[Any]:
    return [tensor.detach().numpy() for tensor in tensors]


def test_there_is_every_name_that_pytorch_has() -> None:
    assert {name for name in dir(torch) if name.startswith("_foreach_")} == set(NAMES)
    assert weft._foreach_add.__name__ == "_foreach_add"


@pytest.mark.parametrize("name", NAMES)
def test_results_are_pytorchs(name: str) -> None:
    for ours, theirs in zip(arguments(name, weft), arguments(name, torch), strict=True):
        first, second = lists(weft, 0), lists(torch, 0)
        got = getattr(weft, name)(first, *ours[0], **ours[1])
        expected = getattr(torch, name)(second, *theirs[0], **theirs[1])
        assert type(got) is type(expected)
        assert (got is first) == name.endswith("_")
        assert [str(t.dtype)[5:] for t in got] == [str(t.dtype)[6:] for t in expected]
        for a, b in zip(numpys([*got, *first]), numpys([*expected, *second]), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6)


def test_a_number_may_be_raised_to_tensors() -> None:
    got, expected = weft._foreach_pow(2.0, lists(weft, 0)), torch._foreach_pow(2.0, lists(torch, 0))
    for a, b in zip(numpys(got), numpys(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_gradients_flow_through_a_list() -> None:
    xs = [x.requires_grad_() for x in lists(weft, 0)]
    weft.stack([y.sum() for y in weft._foreach_mul(xs, [2.0, 3.0, 4.0])]).sum().backward()
    assert [x.grad.max().item() for x in xs] == [2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("_foreach_abs", lambda p: ([],)),
        ("_foreach_add", lambda p: ([], 1)),
        ("_foreach_add", lambda p: (p.ones(2), 1)),
        ("_foreach_exp", lambda p: ([1],)),
        ("_foreach_add", lambda p: ([p.ones(2), p.ones(2)], [p.ones(2)])),
        ("_foreach_mul", lambda p: ([p.ones(2), p.ones(2)], [1.0])),
        ("_foreach_mul", lambda p: ([p.ones(2)], p.ones(2))),
        ("_foreach_mul", lambda p: ([p.ones(2)], "2")),
        ("_foreach_mul", lambda p: ([p.ones(2)],)),
        ("_foreach_lerp", lambda p: ([p.ones(2), p.ones(2)], [p.ones(2)], 0.5)),
        ("_foreach_addcmul", lambda p: ([p.ones(2)], [p.ones(2)], [p.ones(2)], [1.0, 2.0])),
        ("_foreach_copy_", lambda p: ([p.ones(3)], [p.ones(2)])),
    ],
)
def test_what_pytorch_refuses_is_refused_with_the_same_class(name: str, make: Any) -> None:
    with pytest.raises((TypeError, RuntimeError)) as theirs:
        getattr(torch, name)(*make(torch))
    with pytest.raises(theirs.type, match=r"\w{4}"):
        getattr(weft, name)(*make(weft))
