"""A name that PyTorch has and weft has not is refused with a word about it."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
import weft.nn.functional

ABSENT = Path(weft.__file__).with_name("_absent.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize(("module", "name"), [(weft, "hash_tensor"), (weft.nn.functional, "grouped_mm")], ids=str)
def test_error_says_that_pytorch_has_the_name(module: object, name: str) -> None:
    if hasattr(module, name):
        pytest.skip("weft has it by now")
    with pytest.raises(AttributeError, match=rf"PyTorch has torch\.[\w.]*{name}, weft does not"):
        getattr(module, name)


def test_error_says_nothing_of_names_that_nobody_has() -> None:
    with pytest.raises(AttributeError, match=r"^module 'weft' has no attribute 'nonsense'$"):
        weft.nonsense  # noqa: B018


def test_the_list_is_of_plain_names_in_order() -> None:
    assert sorted(set(ABSENT)) == ABSENT
    assert all(part.isidentifier() for name in ABSENT for part in name.split("."))
