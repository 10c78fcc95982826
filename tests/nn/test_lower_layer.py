"""The functions of weft that stand below weft.nn.functional give what PyTorch's give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import weft
from tests.parity.twins import same
from weft.nn import _lower

torch = pytest.importorskip("torch", reason="PyTorch is the judge here")


def values(p: Any, *shape: int) -> Any:
    count = 1
    for n in shape:
        count *= n
    return (p.arange(count, dtype=p.float64) * 0.37).sin().reshape(shape)


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "batch_norm": lambda f, p: f(values(p, 4, 2), None, None, None, None, True, 0.1, 1e-5, False),
    "instance_norm": lambda f, p: f(values(p, 2, 2, 5), None, None, None, None, True, 0.1, 1e-5, False),
    "native_batch_norm": lambda f, p: f(values(p, 4, 2, 3), None, None, None, None, True, 0.1, 1e-5),
    "_native_batch_norm_legit": lambda f, p: f(values(p, 4, 2), values(p, 2), None, True, 0.1, 1e-5),
    "native_layer_norm": lambda f, p: f(values(p, 4, 2, 3), (2, 3), None, None, 1e-5),
    "native_group_norm": lambda f, p: f(values(p, 2, 4, 3), None, None, 2, 4, 3, 2, 1e-5),
    "native_channel_shuffle": lambda f, p: f(values(p, 1, 4, 2, 2), 2),
    "norm_except_dim": lambda f, p: [f(values(p, 3, 4), 2, 1), f(values(p, 3, 4), 1, -1), f(values(p, 3, 4, 2))],
    "_softmax_backward_data": lambda f, p: f(values(p, 3, 4), values(p, 3, 4).softmax(1), 1, p.float64),
    "_safe_softmax": lambda f, p: f(p.tensor([[-p.inf, -p.inf], [0.0, -p.inf]]), 1),
    "embedding": lambda f, p: f(values(p, 3, 2), p.tensor([2, 0])),
    "binary_cross_entropy_with_logits": lambda f, p: f(values(p, 4), values(p, 4).abs()),
    "kl_div": lambda f, p: [f(values(p, 3), values(p, 3).abs(), *r) for r in ((), (0,), (1,), (2,))],
    "poisson_nll_loss": lambda f, p: f(values(p, 3), values(p, 3).abs(), True, False, 1e-8, 1),
    "cosine_embedding_loss": lambda f, p: f(values(p, 2, 3), values(p, 2, 3).cos(), p.tensor([1, -1]), 0.1),
    "hinge_embedding_loss": lambda f, p: f(values(p, 3), p.tensor([1, -1, 1])),
    "margin_ranking_loss": lambda f, p: f(values(p, 3), values(p, 3).cos(), p.tensor([1, -1, 1])),
    "triplet_margin_loss": lambda f, p: f(values(p, 2, 3), values(p, 2, 3).cos(), values(p, 2, 3).exp()),
    "ctc_loss": lambda f, p: f(values(p, 5, 1, 3).log_softmax(2), p.tensor([[1, 2]]), (5,), (2,)),
    "grid_sampler": lambda f, p: f(values(p, 1, 1, 3, 3), values(p, 1, 2, 2, 2), 0, 1, True),
    "affine_grid_generator": lambda f, p: f(values(p, 1, 2, 3), (1, 1, 2, 2), False),
    "adaptive_max_pool1d": lambda f, p: f(values(p, 1, 2, 5), 2),
    "feature_dropout": lambda f, p: [f(values(p, 2, 3), 0.5, False), f(values(p, 2, 3), 1.0, True)],
    "dropout_": lambda f, p: f(values(p, 2, 3), 0.0, True),
    "alpha_dropout_": lambda f, p: f(values(p, 2, 3), 0.5, False),
    "numel": lambda f, p: f(values(p, 2, 3)),
}


@pytest.mark.parametrize("name", CALLS)
def test_result_is_pytorchs(name: str) -> None:
    same(CALLS[name](getattr(weft, name), weft), CALLS[name](getattr(torch, name), torch), name, 1e-6)


def test_dropout_in_place_stores_into_its_tensor() -> None:
    x = weft.ones(1000)
    assert weft.dropout_(x, 0.5, True) is x
    assert set(x.tolist()) == {0.0, 2.0}


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
@pytest.mark.parametrize("arguments", [(3,), (1, 2, 0.5), (3, 1, -1), (0, 1.1, 0.5)])
def test_range_includes_its_end(arguments: tuple[float, ...]) -> None:
    if len(arguments) > 1:
        same(weft.range(*arguments), torch.range(*arguments), "range")
    else:
        assert weft.range(*arguments).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("name", _lower.__all__)
def test_name_is_pytorchs_and_documented(name: str) -> None:
    assert hasattr(torch, name) or hasattr(torch.ops.aten, name)
    assert getattr(weft, name).__doc__
