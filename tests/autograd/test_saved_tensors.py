"""Saved-tensor hooks, checkpoints and forward mode."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import weft
from weft.autograd import forward_ad as fwd
from weft.autograd.graph import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks
from weft.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def test_hooks_see_what_the_graph_keeps() -> None:
    x = weft.randn(3, requires_grad=True)
    packed: list[Any] = []
    with saved_tensors_hooks(lambda t: packed.append(t) or len(packed) - 1, lambda i: packed[i]):
        y = x.exp() * x
    assert len(packed) == 3
    assert not any(t.requires_grad for t in packed)
    (slope,) = weft.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = weft.autograd.grad(slope.sum(), x)
    assert weft.allclose(second, x.exp() * (2 + x))


def test_hooks_that_misbehave_are_named() -> None:
    x = weft.ones(3, requires_grad=True)
    with (
        pytest.raises(RuntimeError, match="modifying its input"),
        saved_tensors_hooks(lambda t: t.add_(1), lambda t: t),
    ):
        x.exp()
    with saved_tensors_hooks(lambda t: t, lambda t: "nothing"):
        y = x.exp().sum()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor"):
        y.backward()
    with disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"), save_on_cpu():
        pass


def test_innermost_hooks_win_and_end_with_their_block() -> None:
    seen: list[str] = []
    x = weft.ones(2, requires_grad=True)
    with saved_tensors_hooks(lambda t: seen.append("outer") or t, lambda t: t):
        with saved_tensors_hooks(lambda t: seen.append("inner") or t, lambda t: t):
            x.sin()
        x.sin()
    x.sin()
    assert seen == ["inner", "outer"]


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpoint_changes_no_gradient(use_reentrant: bool) -> None:
    layer = weft.nn.Linear(4, 4)
    x = weft.randn(3, 4, requires_grad=True)

    def block(x: Any) -> Any:
        return weft.nn.functional.dropout(layer(x).sigmoid() * x.sin(), 0.5)

    def gradients(f: Any) -> list[Any]:
        weft.manual_seed(0)
        layer.zero_grad()
        x.grad = None
        f().sum().backward()
        return [x.grad, layer.weight.grad]

    plain = gradients(lambda: block(x))
    again = gradients(lambda: checkpoint(block, x, use_reentrant=use_reentrant))
    assert all((a == b).all() for a, b in zip(plain, again, strict=True))


def test_checkpoint_runs_again_and_only_as_far_as_needed() -> None:
    runs: list[str] = []

    def block(x: Any) -> Any:
        runs.append("begin")
        y = x.exp().sin()
        runs.append("end")
        return y

    x = weft.ones(2, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)
    assert runs == ["begin", "end"]
    y.sum().backward()
    assert runs == ["begin", "end", "begin"]


def test_checkpoint_differentiates_twice() -> None:
    x = weft.randn(3, requires_grad=True)
    y = checkpoint(lambda x: (x**3).sum(), x, use_reentrant=False)
    (slope,) = weft.autograd.grad(y, x, create_graph=True)
    (second,) = weft.autograd.grad(slope.sum(), x)
    assert weft.allclose(second, 6 * x)


def test_checkpoint_notices_another_computation() -> None:
    count = 0

    def block(x: Any) -> Any:
        nonlocal count
        count += 1
        return (x if count == 1 else x[:1]).exp()

    y = checkpoint(block, weft.ones(2, requires_grad=True), use_reentrant=False)
    with pytest.raises(CheckpointError, match="different metadata"):
        y.sum().backward()


def test_reentrant_checkpoint_refuses_named_inputs() -> None:
    x = weft.ones(2, requires_grad=True)
    y = checkpoint(lambda x: x.exp(), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match=r"incompatible with \.grad"):
        weft.autograd.grad(y.sum(), x)
    with warnings.catch_warnings(), pytest.warns(UserWarning, match="None of the inputs"):
        checkpoint(lambda x: x.exp(), weft.ones(2), use_reentrant=True)


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_checkpoint_sequential_is_the_sequence(segments: int) -> None:
    model = weft.nn.Sequential(*(weft.nn.Linear(3, 3) for _ in range(5)))
    x = weft.randn(2, 3, requires_grad=True)
    y = checkpoint_sequential(model, segments, x, use_reentrant=False)
    assert (y == model(x)).all()
    y.sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_forward_mode_carries_tangents() -> None:
    with fwd.dual_level():
        x = fwd.make_dual(weft.tensor([1.0, 2.0]), weft.tensor([1.0, 0.5]))
        value, tangent = fwd.unpack_dual(x.sin() * x)
        assert fwd.unpack_dual(weft.ones(2)).tangent is None
    plain = weft.tensor([1.0, 2.0])
    assert weft.allclose(tangent, (plain.cos() * plain + plain.sin()) * weft.tensor([1.0, 0.5]))
    assert weft.allclose(value, plain.sin() * plain)
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(plain, plain)


def test_batched_gradients_are_rows() -> None:
    x = weft.randn(3, requires_grad=True)
    (rows,) = weft.autograd.grad(x**2, x, weft.eye(3), is_grads_batched=True)
    assert weft.allclose(rows, weft.diag(2 * x.detach()))
