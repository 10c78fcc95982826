"""Initial values are PyTorch's, draw by draw, when its stream is used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import weft

torch = pytest.importorskip("torch")

FILLS: dict[str, Callable[[Any, Any], Any]] = {
    "trunc_normal_": lambda init, x: init.trunc_normal_(x, std=0.02),
    "trunc_normal_ cut at both sides": lambda init, x: init.trunc_normal_(x, 1.0, 2.0, -1.0, 2.5),
    "trunc_normal_ of a narrow part": lambda init, x: init.trunc_normal_(x, 0.0, 1.0, -0.1, 0.2),
    "trunc_normal_ of the tail": lambda init, x: init.trunc_normal_(x, 0.0, 1.0, 1.9, 2.5),
    "kaiming_uniform_": lambda init, x: init.kaiming_uniform_(x, a=5**0.5),
    "kaiming_normal_": lambda init, x: init.kaiming_normal_(x, mode="fan_out", nonlinearity="relu"),
    "xavier_uniform_": lambda init, x: init.xavier_uniform_(x, gain=1.4),
    "xavier_normal_": lambda init, x: init.xavier_normal_(x),
    "sparse_": lambda init, x: init.sparse_(x, 0.3),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FILLS)
def test_values_are_pytorchs(name: str, dtype: str) -> None:
    torch.manual_seed(3)
    theirs = FILLS[name](torch.nn.init, torch.empty(40, 7, dtype=getattr(torch, dtype)))
    with weft.random.use_torch_stream():
        weft.manual_seed(3)
        ours = FILLS[name](weft.nn.init, weft.empty(40, 7, dtype=getattr(weft, dtype)))
    assert ours.tolist() == theirs.tolist()


def test_few_values_between_close_bounds_are_found() -> None:
    values = weft.nn.init.trunc_normal_(weft.empty(1000), 0.0, 1.0, 1.5, 2.0)
    assert 1.5 <= values.min() <= values.mean() <= values.max() <= 2.0
    assert values.mean() < 1.75  # more of them where the density is higher
