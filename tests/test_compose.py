"""The operators composed in Python are declared once, reachable by their names, and documented by examples that run."""

from __future__ import annotations

import doctest
import inspect

import pytest

import weft
from gen.compositions import compositions
from weft._compose import exports
from weft._compose._registry import Composite, registered

_NATIVE = {
    "": weft._core,
    "linalg": weft._core.linalg,
    "special": weft._core.special,
    "fft": weft._core.fft,
    "nn": weft._core.nn,
}


def test_every_function_is_exported() -> None:
    assert all(getattr(weft, name) is function for name, function in exports("").items())


def test_no_name_is_declared_twice() -> None:
    names = [(c.namespace, name) for c in registered() for name in c.names if c.as_function]
    assert len(names) == len(set(names))
    native = [name for namespace, name in names if hasattr(_NATIVE[namespace], name)]
    assert not native, f"native already: {native}"


@pytest.mark.parametrize("entry", registered(), ids=lambda c: c.key)
def test_tensor_has_the_forms_that_were_declared(entry: Composite) -> None:
    for name in entry.names:
        if entry.attribute:
            assert isinstance(inspect.getattr_static(weft.Tensor, name), property)
        elif entry.method:
            assert getattr(weft.Tensor, name) is entry.function
        assert not entry.inplace or hasattr(weft.Tensor, f"{name}_")


@pytest.mark.parametrize("entry", [c for c in registered() if ">>>" in (c.function.__doc__ or "")], ids=lambda c: c.key)
def test_example_runs(entry: Composite) -> None:
    doc = inspect.getdoc(entry.function) or ""
    example = doctest.DocTestParser().get_doctest(doc, {"weft": weft}, entry.key, entry.function.__module__, 0)
    output: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=output.append)
    assert runner.failures == 0, "".join(output)


def test_the_generator_reads_the_same_declarations() -> None:
    read = {(c.family, c.names, c.is_method, c.is_function, c.namespace) for c in compositions()}
    imported = {
        (c.function.__module__.rpartition(".")[2], c.names, c.method, c.as_function, c.namespace) for c in registered()
    }
    assert read == imported


def test_inplace_form_keeps_what_backward_needs() -> None:
    x = weft.ones(2, 3, requires_grad=True)
    y = x * 3
    (y.renorm_(2.0, 0, 1.0) * 2).sum().backward()
    z = weft.ones(2, 3, requires_grad=True)
    ((z * 3).renorm(2.0, 0, 1.0) * 2).sum().backward()
    assert x.grad is not None
    assert z.grad is not None
    assert x.grad.tolist() == z.grad.tolist()
