"""Parametrizations, pruning and fusion do what PyTorch's do, with PyTorch's names."""

from __future__ import annotations

import copy
import importlib
import pickle
from typing import Any

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch")


def pair(make: Any) -> tuple[Any, Any]:
    """The same module in both libraries, with the same state."""
    theirs, ours = make(torch), make(weft)
    carry_over(ours, theirs)
    return ours, theirs


def carry_over(ours: Any, theirs: Any) -> None:
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({name: weft.tensor(value.numpy()) for name, value in theirs.state_dict().items()})


def utils(package: Any, name: str) -> Any:
    return importlib.import_module(f"{package.__name__}.nn.utils.{name}")


def same(ours: Any, theirs: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance)


def same_training(ours: Any, theirs: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    our_out, their_out = ours(weft.tensor(x)), theirs(torch.tensor(x))
    same(our_out, their_out)
    our_out.sin().sum().backward()
    their_out.sin().sum().backward()
    for (name, our), (their_name, their) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == their_name
        same(our.grad, their.grad, 1e-4)


LAYERS = [("Linear(4, 3)", (2, 4)), ("Conv2d(2, 3, 3)", (1, 2, 5, 5)), ("ConvTranspose2d(2, 3, 3)", (1, 2, 4, 4))]


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[layer for layer, _ in LAYERS])
def test_parametrized_layers_train_alike(name: str, layer: str, shape: tuple[int, ...]) -> None:
    def make(package: Any) -> Any:
        return getattr(utils(package, "parametrizations"), name)(eval(f"nn.{layer}", {"nn": package.nn}))

    ours, theirs = pair(make)
    assert repr(ours) == repr(theirs)
    same_training(ours, theirs, shape)


@pytest.mark.parametrize("how", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("sizes", [(4, 4), (5, 3), (3, 5)])
def test_orthogonal_layers_stay_orthogonal(how: str, sizes: tuple[int, int]) -> None:
    if how == "matrix_exp" and not hasattr(weft, "matrix_exp"):
        pytest.skip("weft has no matrix_exp")
    layer = utils(weft, "parametrizations").orthogonal(weft.nn.Linear(*sizes), orthogonal_map=how)
    optimizer = weft.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        layer(weft.ones(2, sizes[0])).pow(2).sum().backward()
        optimizer.step()
    weight = layer.weight if sizes[1] <= sizes[0] else layer.weight.mT
    same(weight @ weight.mT, weft.eye(weight.size(0)))


def test_a_parametrization_of_ones_own_is_read_assigned_and_removed() -> None:
    def make(package: Any) -> Any:
        class Exp(package.nn.Module):  # type: ignore[misc, name-defined]
            def forward(self, x: Any) -> Any:
                return x.exp()

            def right_inverse(self, x: Any) -> Any:
                return x.log()

        layer = package.nn.Linear(2, 2)
        with package.no_grad():
            layer.weight.abs_()
        return utils(package, "parametrize").register_parametrization(layer, "weight", Exp())

    ours, theirs = pair(make)
    same(ours.weight, theirs.weight)
    ours.weight, theirs.weight = weft.full((2, 2), 3.0), torch.full((2, 2), 3.0)
    same(ours.parametrizations.weight.original, theirs.parametrizations.weight.original)
    copied = copy.deepcopy(ours)
    same(copied.weight, ours.weight)
    with weft.no_grad():
        copied.parametrizations.weight.original.zero_()
    assert ours.weight.tolist() != copied.weight.tolist()
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(ours)
    for package, layer in ((weft, ours), (torch, theirs)):
        utils(package, "parametrize").remove_parametrizations(layer, "weight")
    assert type(ours) is weft.nn.Linear
    assert list(ours.state_dict()) == list(theirs.state_dict())
    same(ours.weight, theirs.weight)


PRUNINGS = [
    ("l1_unstructured", {"amount": 0.4}),
    ("l1_unstructured", {"amount": 3}),
    ("ln_structured", {"amount": 1, "n": 2, "dim": 0}),
    ("ln_structured", {"amount": 0.5, "n": 1, "dim": 1}),
    ("identity", {}),
]


@pytest.mark.parametrize(("name", "options"), PRUNINGS, ids=[f"{n}-{o}" for n, o in PRUNINGS])
def test_pruning_leaves_the_same_entries(name: str, options: dict[str, Any]) -> None:
    ours, theirs = pair(lambda package: package.nn.Linear(4, 3))
    for package, layer in ((weft, ours), (torch, theirs)):
        prune = utils(package, "prune")
        getattr(prune, name)(layer, "weight", **options)
        prune.l1_unstructured(layer, "weight", amount=2)  # within what the first left
    assert list(ours.state_dict()) == list(theirs.state_dict())
    same(ours.weight_mask, theirs.weight_mask)
    same_training(ours, theirs, (2, 4))
    for package, layer in ((weft, ours), (torch, theirs)):
        utils(package, "prune").remove(layer, "weight")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    same(ours.weight, theirs.weight)


def test_global_pruning_leaves_the_same_entries() -> None:
    ours, theirs = pair(lambda package: package.nn.Sequential(package.nn.Linear(4, 3), package.nn.Linear(3, 5)))
    for package, net in ((weft, ours), (torch, theirs)):
        prune = utils(package, "prune")
        prune.global_unstructured([(net[0], "weight"), (net[1], "weight")], prune.L1Unstructured, amount=0.5)
    for our, their in zip(ours, theirs, strict=True):
        same(our.weight, their.weight)


@pytest.mark.parametrize("layer", ["Conv2d(2, 3, 3)", "Conv1d(2, 3, 2, bias=False)", "ConvTranspose2d(2, 3, 2)"])
def test_fused_normalization_computes_the_same(layer: str) -> None:
    conv = eval(f"nn.{layer}", {"nn": weft.nn})
    norm = (weft.nn.BatchNorm1d if "1d" in layer else weft.nn.BatchNorm2d)(3)
    x = weft.randn(2, 2, 6) if "1d" in layer else weft.randn(2, 2, 6, 6)
    norm(conv(x))
    conv.eval()
    norm.eval()
    fused = weft.nn.utils.fuse_conv_bn_eval(conv, norm, transpose="Transpose" in layer)
    same(fused(x), norm(conv(x)))
