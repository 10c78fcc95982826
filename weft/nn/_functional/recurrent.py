"""Recurrent layers, one or several, in one or both directions; each direction of a layer is one native call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor, _core
from weft._arguments import expects_tensors
from weft.nn import _native as native

__all__ = ["State", "cell", "gru_cell", "lstm_cell", "rnn_relu_cell", "rnn_tanh_cell", "run"]

State = tuple[Tensor, ...]  # (h,) or (h, c)
Weights = Sequence[Any]  # w_ih, w_hh, b_ih, b_hh, w_hr; the last three may be None


def _layer(
    mode: str, data: Tensor, state: State, weights: Weights, batch_sizes: Sequence[int], reverse: bool
) -> tuple[Tensor, State]:
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    h, c = state if mode == "LSTM" else (state[0], None)
    out, h_n, c_n = _core.internal._rnn_layer(data, h, c, w_ih, w_hh, b_ih, b_hh, w_hr, batch_sizes, mode, reverse)
    return out, ((h_n, c_n) if mode == "LSTM" else (h_n,))


def cell(mode: str, input: Tensor, state: State, weights: Weights) -> State:
    """The state after one step, of a batch (N, features) or a single input (features,)."""
    batched = input if input.dim() == 2 else input.unsqueeze(0)
    states = tuple(part if part.dim() == 2 else part.unsqueeze(0) for part in state)
    _, after = _layer(mode, batched, states, weights, [batched.size(0)], False)
    return after if input.dim() == 2 else tuple(part.squeeze(0) for part in after)


def run(
    mode: str,
    data: Tensor,
    batch_sizes: Sequence[int],
    state: State,
    weights: Sequence[Weights],
    directions: int,
    dropout: float,
) -> tuple[Tensor, State]:
    """Run all layers.

    Args:
        mode: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU".
        data: the rows of all steps one after the other, shape (sum(batch_sizes), features).
        batch_sizes: rows of each step.
        state: tensors of shape (layers * directions, batch, size).
        weights: for each layer and direction.
        dropout: probability between the layers; 0 outside of training.

    Returns:
        The outputs, shape (sum(batch_sizes), directions * size), and the last states, shaped as ``state``.
    """
    last: list[State] = []
    for i in range(0, len(weights), directions):
        outputs = []
        for direction in range(directions):
            initial = tuple(part[i + direction] for part in state)
            out, end = _layer(mode, data, initial, weights[i + direction], batch_sizes, direction == 1)
            outputs.append(out)
            last.append(end)
        data = outputs[0] if directions == 1 else weft.cat(outputs, 1)
        if dropout > 0 and i + directions < len(weights):
            data = native.dropout(data, dropout, True)
    return data, tuple(weft.stack(parts) for parts in zip(*last, strict=True))


@expects_tensors
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """The next state of a network with tanh: ``tanh(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)``.

    >>> import weft
    >>> weft.rnn_tanh_cell(weft.ones(1, 1), weft.zeros(1, 1), weft.ones(1, 1), weft.ones(1, 1))
    tensor([[0.7616]])
    """
    return cell("RNN_TANH", input, (hx,), [w_ih, w_hh, b_ih, b_hh, None])[0]


@expects_tensors
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """The next state of a network with relu; see :func:`rnn_tanh_cell`."""
    return cell("RNN_RELU", input, (hx,), [w_ih, w_hh, b_ih, b_hh, None])[0]


@expects_tensors
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """The next state of a gated recurrent unit; its three gates lie one below the other in the weights."""
    return cell("GRU", input, (hx,), [w_ih, w_hh, b_ih, b_hh, None])[0]


@expects_tensors
def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The next (h, c) of a long short-term memory; its four gates lie one below the other in the weights."""
    h, c = cell("LSTM", input, tuple(hx), [w_ih, w_hh, b_ih, b_hh, None])
    return h, c
