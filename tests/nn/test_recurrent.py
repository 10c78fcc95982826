"""Recurrent layers are native in both directions and for packed sequences, and have derivatives of every order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import weft

LAYERS = [
    ("RNN", {}),
    ("RNN", {"nonlinearity": "relu"}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
    ("GRU", {}),
    ("GRU", {"bias": False, "bidirectional": True}),
    ("LSTM", {"num_layers": 2, "bidirectional": True}),
]
NAMES = [f"{name}-{'-'.join(options)}" for name, options in LAYERS]


def layer(package: Any, name: str, options: dict[str, Any]) -> Any:
    return getattr(package.nn, name)(3, 4, dtype=package.float64, **options)


@pytest.mark.parametrize(("name", "options"), LAYERS, ids=NAMES)
def test_derivatives_of_both_orders_agree_with_differences(name: str, options: dict[str, Any]) -> None:
    module = layer(weft, name, options)
    packed = weft.nn.utils.rnn.pack_padded_sequence(weft.zeros(4, 2, 3, dtype=weft.float64), [4, 2])

    def outputs(data: weft.Tensor, *parameters: weft.Tensor) -> Any:
        names = [name for name, _ in module.named_parameters()]
        sequence = weft.nn.utils.rnn.PackedSequence(data, packed.batch_sizes)
        out, last = weft.nn.utils.stateless.functional_call(
            module, dict(zip(names, parameters, strict=True)), (sequence,)
        )
        return out.data, *(last if isinstance(last, tuple) else (last,))

    data = weft.randn(6, 3, dtype=weft.float64, requires_grad=True)
    inputs = (data, *module.parameters())
    assert weft.autograd.gradcheck(outputs, inputs)
    if options.get("nonlinearity") != "relu":
        assert weft.autograd.gradgradcheck(outputs, inputs)


@pytest.mark.parametrize(("name", "options"), LAYERS, ids=NAMES)
def test_padding_of_packed_sequences_changes_nothing(name: str, options: dict[str, Any]) -> None:
    module = layer(weft, name, options)
    x = weft.randn(5, 3, 3, dtype=weft.float64)
    lengths = [3, 5, 1]
    packed = weft.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    out, _ = weft.nn.utils.rnn.pad_packed_sequence(module(packed)[0])
    for i, length in enumerate(lengths):
        alone, _ = module(x[:length, i])
        np.testing.assert_allclose(out[:length, i].detach().numpy(), alone.detach().numpy(), rtol=1e-12, atol=1e-12)


def test_state_that_depends_on_the_input_is_differentiated_once() -> None:
    module = layer(weft, "GRU", {})
    x = weft.randn(4, 2, 3, dtype=weft.float64, requires_grad=True)

    def gradient(create_graph: bool) -> list[float]:
        state = x[:1].mean(2, keepdim=True).expand(1, 2, 4).contiguous()
        out, _ = module(x, state)
        (found,) = weft.autograd.grad(out.pow(2).sum(), x, create_graph=create_graph)
        return found.reshape(-1).tolist()

    np.testing.assert_allclose(gradient(True), gradient(False), rtol=1e-12)


@pytest.mark.parametrize(("name", "options"), LAYERS, ids=NAMES)
def test_a_step_cut_into_pieces_agrees_with_its_composition(name: str, options: dict[str, Any]) -> None:
    module = getattr(weft.nn, name)(5, 100, dtype=weft.float64, **options)
    lengths = [4] * 30 + [3] * 30 + [2, 1] * 5
    x = weft.randn(4, len(lengths), 5, dtype=weft.float64, requires_grad=True)
    packed = weft.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    out, last = module(packed)
    loss = out.data.sin().sum() + sum(part.cos().sum() for part in (last if isinstance(last, tuple) else (last,)))
    inputs = [x, *module.parameters()]
    native = weft.autograd.grad(loss, inputs, retain_graph=True)
    composed = weft.autograd.grad(loss, inputs, create_graph=True)
    for ours, theirs in zip(native, composed, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)
    padded, _ = weft.nn.utils.rnn.pad_packed_sequence(out)
    for i in (0, 45, 69):
        alone, _ = module(x[: lengths[i], i])
        np.testing.assert_allclose(padded[: lengths[i], i].detach().numpy(), alone.detach().numpy(), atol=1e-12)


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_few_sequences_give_what_they_give_among_many(name: str, batch: int) -> None:
    module = getattr(weft.nn, name)(5, 84, dtype=weft.float64)
    x = weft.randn(6, 20, 5, dtype=weft.float64)
    np.testing.assert_allclose(
        module(x[:, :batch])[0].detach().numpy(), module(x)[0][:, :batch].detach().numpy(), atol=1e-12
    )


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(("hidden", "batch"), [(150, 48), (300, 1), (300, 3)])
def test_results_have_the_same_bits_at_any_number_of_threads(threads: int, hidden: int, batch: int) -> None:
    module = weft.nn.LSTM(32, hidden, 2, bidirectional=True)
    x = weft.randn(20, batch, 32)

    def run() -> list[Any]:
        module.zero_grad()
        out, _ = module(x)
        out.sin().sum().backward()
        return [out.detach().numpy(), *(p.grad.numpy() for p in module.parameters())]

    before = weft.get_num_threads()
    expected = run()
    try:
        weft.set_num_threads(threads)
        for ours, theirs in zip(run(), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    finally:
        weft.set_num_threads(before)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_half_precision_is_computed_in_single(name: str) -> None:
    module = getattr(weft.nn, name)(3, 4).to(weft.bfloat16)
    x = weft.randn(5, 2, 3).to(weft.bfloat16)
    out, _ = module(x)
    assert out.dtype == weft.bfloat16
    exact, _ = module.float()(x.float())
    np.testing.assert_allclose(out.float().detach().numpy(), exact.detach().numpy(), atol=2**-8)


def test_wrong_dtype_and_shape_are_refused() -> None:
    module = weft.nn.LSTM(3, 4)
    with pytest.raises(RuntimeError, match="not the same dtype"):
        module(weft.zeros(2, 1, 3, dtype=weft.float64))
    with pytest.raises(RuntimeError, match="input_size"):
        module(weft.zeros(2, 1, 4))
    with pytest.raises(RuntimeError, match=r"hidden\[0\]"):
        module(weft.zeros(2, 1, 3), (weft.zeros(1, 2, 4), weft.zeros(1, 2, 4)))
