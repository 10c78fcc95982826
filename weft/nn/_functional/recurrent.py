"""Recurrent layers: a cell run over the steps of sequences, one or several layers, one or both directions.

A sequence is a list of steps, each with the rows of the sequences that are that long, longest first; a batch of equal
lengths is the special case in which no step loses a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor
from weft.nn import _native as native

__all__ = ["CELLS", "State", "gru_cell", "lstm_cell", "relu_cell", "run", "tanh_cell"]

State = tuple[Tensor, ...]  # (h,) or (h, c)
Cell = Callable[[Tensor, State, Any], State]


def tanh_cell(x: Tensor, state: State, weights: Any) -> State:
    """``tanh(x + h @ w_hh.T + b_hh)`` with x the projected input."""
    return ((x + native.linear(state[0], weights[1], weights[3])).tanh(),)


def relu_cell(x: Tensor, state: State, weights: Any) -> State:
    """``relu(x + h @ w_hh.T + b_hh)`` with x the projected input."""
    return (native.relu(x + native.linear(state[0], weights[1], weights[3])),)


def lstm_cell(x: Tensor, state: State, weights: Any) -> State:
    """Long short-term memory; with a fifth weight, h is projected.

    Source: Hochreiter, Schmidhuber, Long Short-Term Memory, 1997.
    """
    h, c = state
    i, f, g, o = (x + native.linear(h, weights[1], weights[3])).chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h = o.sigmoid() * c.tanh()
    return (h if weights[4] is None else native.linear(h, weights[4])), c


def gru_cell(x: Tensor, state: State, weights: Any) -> State:
    """Gated recurrent unit.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.
    """
    (h,) = state
    x_reset, x_update, x_new = x.chunk(3, -1)
    h_reset, h_update, h_new = native.linear(h, weights[1], weights[3]).chunk(3, -1)
    new = (x_new + (x_reset + h_reset).sigmoid() * h_new).tanh()
    return (new + (x_update + h_update).sigmoid() * (h - new),)


CELLS: dict[str, Cell] = {"RNN_TANH": tanh_cell, "RNN_RELU": relu_cell, "LSTM": lstm_cell, "GRU": gru_cell}


def _run_direction(
    cell: Cell, steps: Sequence[Tensor], state: State, weights: Any, reverse: bool
) -> tuple[list[Tensor], State]:
    """The outputs of all steps and the state after the last step of each sequence."""
    initial, finished = state, []
    outputs: list[Tensor] = []
    rows = steps[-1 if reverse else 0].size(0)
    state = tuple(part[:rows] for part in initial) if reverse else initial
    for x in reversed(steps) if reverse else steps:
        if x.size(0) > rows:  # backwards: longer sequences are joined by shorter ones
            state = tuple(weft.cat([s, i[rows : x.size(0)]]) for s, i in zip(state, initial, strict=True))
        elif x.size(0) < rows:  # forwards: the shortest sequences are at their end
            finished.append(tuple(part[x.size(0) :] for part in state))
            state = tuple(part[: x.size(0)] for part in state)
        rows = x.size(0)
        state = cell(x, state, weights)
        outputs.append(state[0])
    if finished:
        state = tuple(weft.cat(parts) for parts in zip(state, *reversed(finished), strict=True))
    return (outputs[::-1] if reverse else outputs), state


def run(
    mode: str,
    data: Tensor,
    batch_sizes: Sequence[int],
    state: State,
    weights: Sequence[Sequence[Any]],
    directions: int,
    dropout: float,
) -> tuple[Tensor, State]:
    """Run all layers.

    Args:
        mode: a key of ``CELLS``.
        data: the rows of all steps one after the other, shape (sum(batch_sizes), features).
        batch_sizes: rows of each step.
        state: tensors of shape (layers * directions, batch, size).
        weights: for each layer and direction: w_ih, w_hh, b_ih, b_hh, w_hr; the last three may be None.
        dropout: probability between the layers; 0 outside of training.

    Returns:
        The outputs, shape (sum(batch_sizes), directions * size), and the last states, shaped as ``state``.
    """
    cell = CELLS[mode]
    last: list[State] = []
    layers = len(weights) // directions
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            i = layer * directions + direction
            projected = native.linear(data, weights[i][0], weights[i][2])  # of all steps at once
            steps = projected.split(list(batch_sizes))
            initial = tuple(part[i] for part in state)
            out, end = _run_direction(cell, steps, initial, weights[i], direction == 1)
            outputs.append(weft.cat(out))
            last.append(end)
        data = outputs[0] if directions == 1 else weft.cat(outputs, 1)
        if dropout > 0 and layer < layers - 1:
            data = native.dropout(data, dropout, True)
    return data, tuple(weft.stack(parts) for parts in zip(*last, strict=True))
