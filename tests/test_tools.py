"""The checks of the repository's own order pass, and notice when something is out of it."""

import importlib
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))  # a folder of scripts, not a package

check_layers = importlib.import_module("check_layers")
check_sizes = importlib.import_module("check_sizes")


def test_python_modules_use_only_what_stands_below_them() -> None:
    assert list(check_layers.upward_imports()) == []


def test_no_source_file_is_too_long() -> None:
    assert list(check_sizes.too_long()) == []


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository for the checks to look at."""
    for folder in ("weft/nn", "weft/autograd", "ops", "gen"):
        (tmp_path / folder).mkdir(parents=True)
        if folder.startswith("weft/"):
            (tmp_path / folder / "__init__.py").touch()
    monkeypatch.setattr(check_layers, "ROOT", tmp_path)
    monkeypatch.setattr(check_sizes, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "code",
    [
        "import weft.nn",
        "from weft import nn",
        "from weft.nn import Linear",
        "from ..nn import Linear",
        "def f():\n    import weft.nn.functional",
    ],
)
def test_an_import_upwards_is_reported(tree: Path, code: str) -> None:
    (tree / "weft/autograd/function.py").write_text(code)
    (problem,) = check_layers.upward_imports()
    assert "weft.autograd may not use weft.nn" in problem


@pytest.mark.parametrize(
    "code",
    [
        "import weft",
        "from weft import Tensor, _core",
        "from weft import gil",
        "import numpy",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from weft import nn",
    ],
)
def test_other_imports_are_not_reported(tree: Path, code: str) -> None:
    (tree / "weft/gil.py").touch()
    (tree / "weft/autograd/function.py").write_text(code)
    assert list(check_layers.upward_imports()) == []


def test_the_table_may_not_use_the_package(tree: Path) -> None:
    (tree / "ops/pointwise.py").write_text("import weft")
    (problem,) = check_layers.upward_imports()
    assert "ops may not use weft" in problem


def test_a_long_file_is_reported(tree: Path) -> None:
    (tree / "weft/gil.py").write_text("\n" * 801)
    (problem,) = check_sizes.too_long()
    assert problem == "weft/gil.py: 801 lines, at most 800 are allowed"
