"""Operators of one's own, and assert_close."""

from __future__ import annotations

import pytest
from oracle import agree

import weft


def test_own_operator_has_a_gradient() -> None:
    @weft.library.custom_op("tests::cube", mutates_args=())
    def cube(x: weft.Tensor) -> weft.Tensor:
        return x.detach() ** 3

    def setup_context(ctx, inputs, output) -> None:
        ctx.save_for_backward(inputs[0])

    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2

    cube.register_autograd(backward, setup_context=setup_context)
    weft.library.register_fake("tests::cube")(lambda x: weft.empty_like(x))
    x = weft.tensor([2.0], requires_grad=True)
    weft.ops.tests.cube(x).sum().backward()
    assert x.grad.tolist() == [12.0]
    assert cube(x=weft.ones(1)).tolist() == [1.0]


def test_declared_operator_gets_its_body_later() -> None:
    weft.library.define("tests::twice", "(Tensor x) -> Tensor")
    with pytest.raises(NotImplementedError, match="no implementation"):
        weft.ops.tests.twice(weft.ones(1))
    weft.library.impl("tests::twice", "cpu")(lambda x: 2 * x)
    assert weft.ops.tests.twice(weft.ones(1)).tolist() == [2.0]


def test_names_without_a_namespace_are_refused() -> None:
    with pytest.raises(ValueError, match="namespace::name"):
        weft.library.custom_op("cube", mutates_args=())
    with pytest.raises(RuntimeError, match="define it first"):
        weft.library.register_fake("tests::nothing")
    with pytest.raises(AttributeError, match="no namespace"):
        weft.ops.nowhere.cube  # noqa: B018


@pytest.mark.parametrize(
    "case",
    [
        lambda m: m.testing.assert_close(m.ones(2), m.ones(2) + 1e-6),
        lambda m: m.testing.assert_close(m.ones(2), m.ones(2) + 1e-3),
        lambda m: m.testing.assert_close(m.arange(6.0).view(2, 3), m.arange(6.0).view(2, 3) * 1.5),
        lambda m: m.testing.assert_close(m.ones(2), m.ones(3)),
        lambda m: m.testing.assert_close(m.ones(2), m.ones(2).double()),
        lambda m: m.testing.assert_close(m.ones(2), m.ones(2).double(), check_dtype=False),
        lambda m: m.testing.assert_close(m.tensor([1, 2]), m.tensor([1, 3])),
        lambda m: m.testing.assert_close(m.tensor(1.0), m.tensor(2.0)),
        lambda m: m.testing.assert_close(1.0, 1.1),
        lambda m: m.testing.assert_close([1, m.ones(1)], [1, m.zeros(1)]),
        lambda m: m.testing.assert_close({"a": 1}, {"b": 1}),
        lambda m: m.testing.assert_close([1], [1, 2]),
        lambda m: m.testing.assert_close(m.tensor(float("nan")), m.tensor(float("nan"))),
        lambda m: m.testing.assert_close(m.tensor(float("nan")), m.tensor(float("nan")), equal_nan=True),
        lambda m: m.testing.assert_close(m.ones(1), m.zeros(1), rtol=1.0),
        lambda m: m.testing.assert_close(object(), object()),
        lambda m: m.testing.assert_close(m.ones(1), m.zeros(1), msg="told"),
    ],
)
def test_assert_close_fails_where_torchs_fails(case) -> None:
    agree(case)
    torch = pytest.importorskip("torch")
    messages = []
    for m in (weft, torch):
        try:
            case(m)
        except Exception as error:
            messages.append(str(error).replace("torch.", "weft."))
    if messages and "mismatch" in messages[0].lower():
        assert messages[0].split("\n")[:3] == messages[1].split("\n")[:3]
