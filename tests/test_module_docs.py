"""The examples in the docstrings of the Python packages run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import weft

PACKAGES = ("weft.nn", "weft.optim", "weft.utils", "weft.autograd", "weft.func", "weft.amp", "weft.distributions")
ALONE = ("weft.compiler", "weft.distributed", "weft.jit", "weft.random", "weft.serialization", "weft.storage")


def names() -> list[str]:
    found = list(ALONE)
    for root in PACKAGES:
        path = importlib.import_module(root).__path__
        found += [root, *(module.name for module in pkgutil.walk_packages(path, f"{root}."))]
    return found


@pytest.mark.parametrize("name", names())
def test_examples_run(name: str) -> None:
    failed, _ = doctest.testmod(
        importlib.import_module(name),
        extraglobs={"weft": weft},
        optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS,
    )
    assert failed == 0
