"""Makes the operator table importable beside the installed package, and keeps tests apart from each other."""

from __future__ import annotations

import atexit
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What a shell starts in the background ignores Ctrl-C, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Interpreters that tests start import the weft under test, not the bare source folder they are started in.
os.environ["PYTHONSAFEPATH"] = "1"
# Processes that multiprocessing starts look test modules up by name; the tree itself would bring its bare `weft` along.
_importable = tempfile.TemporaryDirectory()
atexit.register(_importable.cleanup)
(Path(_importable.name) / "tests").symlink_to(ROOT / "tests")
sys.path.append(_importable.name)


def _import_from_tree(name: str) -> None:
    """Imports a top-level package of the tree without putting the tree, and with it the bare `weft`, on sys.path."""
    folder = ROOT / name
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


for _package in ("ops", "gen"):
    if importlib.util.find_spec(_package) is None:
        _import_from_tree(_package)

_spec = importlib.util.spec_from_file_location("oracle", ROOT / "tests" / "oracle.py")
assert _spec is not None
assert _spec.loader is not None
sys.modules["oracle"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["oracle"])

import weft  # noqa: E402  # after the table: both are looked up by the tests


@pytest.fixture(autouse=True)
def _fresh_state() -> None:
    """Each test starts from the same seed and the default settings."""
    weft.manual_seed(0)
