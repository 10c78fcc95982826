"""Recurrent layers: one direction of one layer over whole sequences."""

from __future__ import annotations

from ops.table import Op, estimated

Op(
    "_rnn_layer(input: Tensor, h0: Tensor, c0: Tensor | None, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None,"
    " b_hh: Tensor | None, w_hr: Tensor | None, batch_sizes: list[int], mode: str, reverse: bool)"
    " -> (out: Tensor, h_n: Tensor, c_n: Tensor, *, gates: Tensor, cells: Tensor, kept: Tensor)",
    """A recurrent cell (mode RNN_TANH, RNN_RELU, LSTM or GRU) run over the steps of sequences, longest first.

    Args: input (sum of batch_sizes, features): the rows of step 0, of step 1, ..., batch_sizes[t] of them; h0 and
    c0 (batch, size); w_hr projects the states of LSTM; reverse runs from the last step to the first.
    """,
    namespace="_",
    impl="rnn_layer",
    cost=estimated("rnn_layer"),
    vjp={
        (
            "input",
            "h0",
            "c0",
            "w_ih",
            "w_hh",
            "b_ih",
            "b_hh",
            "w_hr",
        ): lambda g_out, g_h_n, g_c_n, input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, out, gates, cells, kept, batch_sizes, mode, reverse, wants_input: (
            _rnn_layer_backward(
                g_out, g_h_n, g_c_n, input, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, out, gates, cells, kept,
                batch_sizes, mode, reverse, wants_input,
            )
        ),
    },
    backward_name="RnnLayer",
)  # fmt: skip
Op(
    "_rnn_layer_backward(g_out: Tensor, g_h: Tensor, g_c: Tensor, input: Tensor, h0: Tensor, c0: Tensor | None,"
    " w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None, w_hr: Tensor | None, out: Tensor,"
    " gates: Tensor, cells: Tensor, kept: Tensor, batch_sizes: list[int], mode: str, reverse: bool, wants_input: bool)"
    " -> (input_grad: Tensor, h0_grad: Tensor, c0_grad: Tensor, w_ih_grad: Tensor, w_hh_grad: Tensor,"
    " b_ih_grad: Tensor, b_hh_grad: Tensor, w_hr_grad: Tensor)",
    "The gradients of _rnn_layer; where their own derivative is wanted, the layer is composed once more.",
    namespace="_",
    impl="rnn_layer_backward",
    composite=True,
)
