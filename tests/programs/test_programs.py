"""Programs as people write them, the same source under PyTorch and under weft.

Each file here imports torch and defines `build()`, which makes its networks, and `train(model, rng)`, which takes
steps and yields a loss after each. All data and noise come from `rng`, so both libraries see the same.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weft

PROGRAMS = sorted(path for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith(("test_", "__")))
NAMES = [path.stem for path in PROGRAMS]
STEPS = 3
TOLERANCE = 1e-8
# Programs that rest on parts that a build may lack.
NEEDS = {"actor_critic": ["distributions"], "gcn": ["sparse_coo_tensor", "spmm"]}


def import_weft(name: str, scope: Any = None, _locals: Any = None, wanted: Any = (), level: int = 0) -> Any:
    """`import torch...` of a program, answered by weft."""
    if name.partition(".")[0] != "torch":
        return builtins.__import__(name, scope, _locals, wanted, level)
    module = importlib.import_module("weft" + name.removeprefix("torch"))
    return module if wanted else weft


def load(path: Path, package: Any) -> dict[str, Any]:
    """The names a program defines."""
    scope: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    if package is weft:
        scope["__builtins__"] = {**vars(builtins), "__import__": import_weft}
    exec(compile(path.read_text(), str(path), "exec"), scope)
    return scope


@contextlib.contextmanager
def in_double(package: Any) -> Iterator[None]:
    package.set_default_dtype(package.float64)
    try:
        yield
    finally:
        package.set_default_dtype(package.float32)


def require_parts(path: Path) -> None:
    for part in NEEDS.get(path.stem, []):
        try:
            if not hasattr(weft, part):
                importlib.import_module(f"weft.{part}")
        except ImportError:
            pytest.skip(f"weft has no {part}")


def values(tensor: Any) -> Any:
    return tensor.detach().to_dense().numpy()


def snapshot(loss: Any, model: Any) -> dict[str, Any]:
    kept = {"loss": values(loss).copy()}
    for name, parameter in model.named_parameters():
        kept[f"gradient of {name}"] = None if parameter.grad is None else values(parameter.grad).copy()
    for name, tensor in model.state_dict().items():
        kept[name] = values(tensor).copy()
    return kept


def run(path: Path, package: Any, state: Any, steps: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What each step left behind, and the state it all began from."""
    with in_double(package):
        program = load(path, package)
        model = program["build"]()
        if state is not None:
            model.load_state_dict({name: package.tensor(value) for name, value in state.items()})
        begin = {name: values(tensor).copy() for name, tensor in model.state_dict().items()}
        training = program["train"](model, np.random.default_rng(0))
        return [snapshot(loss, model) for loss in itertools.islice(training, steps)], begin


@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_program_does_the_same_under_both_libraries(path: Path) -> None:
    torch = pytest.importorskip("torch")
    require_parts(path)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, begin = run(path, torch, None, STEPS)
        ours, _ = run(path, weft, begin, STEPS)
    for step, (our, their) in enumerate(zip(ours, theirs, strict=True)):
        assert list(our) == list(their)
        for name, expected in their.items():
            where = f"step {step}: {name}"
            if expected is None:
                assert our[name] is None, where
                continue
            scale = max(float(np.abs(expected).max(initial=0)), 1e-3)
            np.testing.assert_allclose(our[name], expected, rtol=TOLERANCE, atol=TOLERANCE * scale, err_msg=where)


@pytest.mark.parametrize("path", PROGRAMS, ids=NAMES)
def test_loss_falls(path: Path) -> None:
    require_parts(path)
    losses = [float(step["loss"]) for step in run(path, weft, None, 12)[0]]
    assert np.isfinite(losses).all()
    assert min(losses[-3:]) < losses[0]
