"""The examples in the package's docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import weft

MODULES = [name for _, name, _ in pkgutil.walk_packages(weft.__path__, "weft.") if name != "weft._core"]


@pytest.mark.parametrize("name", ["weft", *MODULES])
def test_examples_run(name: str) -> None:
    module = importlib.import_module(name)
    output: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder().find(module, extraglobs={"weft": weft}):
        runner.run(example, out=output.append)
    assert runner.failures == 0, "".join(output)
