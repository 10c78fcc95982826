"""__torch_function__: subclasses, other classes and modes answer calls."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

import weft
from weft.overrides import TorchFunctionMode, handle_torch_function, has_torch_function, resolve_name


class Named(weft.Tensor):
    """Inherits the default."""


class Logged(weft.Tensor):
    calls: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.calls.append(resolve_name(func) or "")
        return super().__torch_function__(func, types, args, kwargs)


class Scalar:
    """No tensor, but answers for itself."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return NotImplemented if func is weft.sin else ("scalar", func.__name__)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + 1, lambda x: 2 - x, lambda x: weft.sin(x), lambda x: x.sum(0), lambda x: x[0], lambda x: x.T,
        lambda x: x.max(0).values, lambda x: x.unbind(0)[1], lambda x: weft.cat([x, x]), lambda x: weft.std(x),
        lambda x: x.add_(1), lambda x: x.float(), lambda x: x.reshape(-1), lambda x: x == x, lambda x: x.data,
    ],
)  # fmt: skip
def test_results_of_a_subclass_are_of_it(call: Any) -> None:
    assert type(call(weft.ones(2, 3).as_subclass(Named))) is Named


def test_a_subclass_keeps_the_graph() -> None:
    x = weft.ones(2, requires_grad=True)
    (x.as_subclass(Named) * 3).sum().backward()
    assert x.grad is not None
    assert type(x.grad) is weft.Tensor
    assert x.grad.tolist() == [3, 3]


def test_what_was_called_is_told() -> None:
    x = weft.ones(2).as_subclass(Logged)
    Logged.calls.clear()
    weft.add(x, 1)
    x.add(1)
    x + 1
    x[0]
    x[0] = 2
    weft.stack([weft.ones(2), x])
    assert Logged.calls == [
        "weft.add", "weft.Tensor.add", "weft.Tensor.add", "weft.Tensor.__getitem__", "weft.Tensor.__setitem__", "weft.stack",
    ]  # fmt: skip


def test_parameters_compute_plain_tensors() -> None:
    assert type(weft.nn.Parameter(weft.ones(2)) * 2) is weft.Tensor


def test_other_classes_answer_or_are_named_in_the_error() -> None:
    assert weft.add(weft.ones(2), Scalar()) == ("scalar", "add")
    with pytest.raises(TypeError, match=r"no implementation found for .*sin.* on types that implement"):
        weft.sin(Scalar())


def test_the_deepest_subclass_answers_first() -> None:
    class Deeper(Logged):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            assert types == (Deeper, Logged)
            return "deeper"

    assert weft.add(weft.ones(1).as_subclass(Logged), weft.ones(1).as_subclass(Deeper)) == "deeper"


def test_modes_see_every_call_and_nest() -> None:
    class Mark(TorchFunctionMode):
        def __init__(self, log: list[str], name: str) -> None:
            self.log, self.name = log, name

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.log.append(f"{self.name} {func.__name__}")
            return func(*args, **(kwargs or {}))

    log: list[str] = []
    with Mark(log, "outer"), Mark(log, "inner"):
        weft.zeros(2)
    weft.ones(2)
    assert log == ["inner zeros", "outer zeros"]


def test_python_functions_may_be_overridden() -> None:
    def twice(x: Any) -> Any:
        if has_torch_function((x,)):
            return handle_torch_function(twice, (x,), x)
        return x * 2

    assert twice(Scalar()) == ("scalar", "twice")
    assert twice(weft.ones(1)).item() == 2
