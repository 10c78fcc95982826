"""Recurrent layers and their single cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

import weft
from weft import Tensor
from weft.nn import init
from weft.nn._functional import recurrent
from weft.nn.modules.module import Module
from weft.nn.parameter import Parameter
from weft.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """The parameters and the loop of ``RNN``, ``LSTM`` and ``GRU``."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
                stacklevel=3,
            )
        if not isinstance(hidden_size, int):
            raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0:
            raise ValueError("proj_size should be a positive integer or zero to disable projections")
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}")
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        directions = 2 if bidirectional else 1
        gates = _GATES[mode] * hidden_size
        out_size = proj_size or hidden_size
        for layer in range(num_layers):
            in_size = input_size if layer == 0 else out_size * directions
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (gates, in_size),
                    "weight_hh": (gates, out_size),
                }
                if bias:
                    shapes.update(bias_ih=(gates,), bias_hh=(gates,))
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    parameter = Parameter(weft.empty(shape, device=device, dtype=dtype))
                    setattr(self, f"{name}_l{layer}{suffix}", parameter)
                self._all_weights.append([f"{name}_l{layer}{suffix}" for name in shapes])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything from the uniform distribution over +-1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: the parameters need no common memory."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def _weights(self) -> list[list[Any]]:
        """w_ih, w_hh, b_ih, b_hh, w_hr of each layer and direction."""
        rows = []
        for names in self._all_weights:
            w_ih, w_hh, *rest = (getattr(self, name) for name in names)
            biases = rest[:2] if self.bias else [None, None]
            rows.append([w_ih, w_hh, *biases, rest[-1] if self.proj_size else None])
        return rows

    def _initial_state(self, batch: int, like: Tensor) -> recurrent.State:
        n = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size] + [self.hidden_size] * (self.mode == "LSTM")
        return tuple(weft.zeros((n, batch, size), dtype=like.dtype, device=like.device) for size in sizes)

    def _check_state(self, state: recurrent.State, expected: recurrent.State) -> None:
        for i, (got, want) in enumerate(zip(state, expected, strict=True)):
            if tuple(got.shape) != tuple(want.shape):
                name = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {name} size {tuple(want.shape)}, got {list(got.shape)}")

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs of the last layer at every step, and the last state of every layer.

        Args:
            input: shape (L, N, input_size), (N, L, input_size) if ``batch_first``, (L, input_size), or
                packed.
            hx: first state: shape (layers * directions, N, hidden_size), a pair of them for LSTM. Default:
                zeros.
        """
        directions = 2 if self.bidirectional else 1
        state: Any = hx if self.mode == "LSTM" or hx is None else (hx,)
        packed = isinstance(input, PackedSequence)
        if packed:
            data, batch_sizes = input.data, input.batch_sizes.tolist()
            if state is not None and input.sorted_indices is not None:
                state = tuple(part.index_select(1, input.sorted_indices) for part in state)
        else:
            if input.dim() not in (2, 3):
                raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.dim()}D instead")
            batched = input.dim() == 3
            if not batched:
                input = input.unsqueeze(1)
                state = None if state is None else tuple(part.unsqueeze(1) for part in state)
            elif self.batch_first:
                input = input.transpose(0, 1)
            data, batch_sizes = input.reshape(-1, input.size(2)), [input.size(1)] * input.size(0)
        if data.size(-1) != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {data.size(-1)}"
            )
        if not batch_sizes:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        zeros = self._initial_state(batch_sizes[0], data)
        if state is None:
            state = zeros
        self._check_state(state, zeros)
        dropout = self.dropout if self.training else 0.0
        out: Any  # a tensor, and packed like the input at the end
        out, last = recurrent.run(self.mode, data, batch_sizes, state, self._weights(), directions, dropout)
        if packed:
            out = PackedSequence(out, input.batch_sizes, input.sorted_indices, input.unsorted_indices)
            if input.unsorted_indices is not None:
                last = tuple(part.index_select(1, input.unsorted_indices) for part in last)
        else:
            out = out.reshape(len(batch_sizes), batch_sizes[0], -1)
            if not batched:
                out, last = out.squeeze(1), tuple(part.squeeze(1) for part in last)
            elif self.batch_first:
                out = out.transpose(0, 1)
        return out, (last if self.mode == "LSTM" else last[0])

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size != 0:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if self.batch_first is not False:
            text += f", batch_first={self.batch_first}"
        if self.dropout != 0:
            text += f", dropout={self.dropout}"
        if self.bidirectional is not False:
            text += f", bidirectional={self.bidirectional}"
        return text


class RNN(RNNBase):
    """Elman network: ``h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)``, in one or several layers.

    Args:
        input_size, hidden_size: features of inputs and states.
        num_layers: layers one above the other.
        nonlinearity: "tanh" or "relu".
        batch_first: inputs are (N, L, input_size).
        dropout: probability between the layers.
        bidirectional: run backwards too, and join the outputs.

    Example:
        >>> import weft
        >>> output, h = weft.nn.RNN(10, 20, 2)(weft.zeros(5, 3, 10))
        >>> tuple(output.shape), tuple(h.shape)
        ((5, 3, 20), (2, 3, 20))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity = args[3]
            args = args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory, in one or several layers; the arguments are those of :class:`RNN`.

    Args:
        proj_size: if positive, states h are projected to this size.

    Source: Hochreiter, Schmidhuber, Long Short-Term Memory, 1997.

    Example:
        >>> import weft
        >>> output, (h, c) = weft.nn.LSTM(10, 20, bidirectional=True)(weft.zeros(5, 3, 10))
        >>> tuple(output.shape), tuple(c.shape)
        ((5, 3, 40), (2, 3, 20))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units, in one or several layers; the arguments are those of :class:`RNN`.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder, 2014.

    Example:
        >>> import weft
        >>> output, h = weft.nn.GRU(10, 20, batch_first=True)(weft.zeros(3, 5, 10))
        >>> tuple(output.shape), tuple(h.shape)
        ((3, 5, 20), (1, 3, 20))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """The parameters of a single step."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(weft.empty((gates, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(weft.empty((gates, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            empty = weft.empty(gates, device=device, dtype=dtype) if bias else None
            self.register_parameter(name, None if empty is None else Parameter(empty))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw everything from the uniform distribution over +-1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, mode: str, input: Tensor, state: recurrent.State | None) -> recurrent.State:
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        if input.size(-1) != self.input_size:
            raise RuntimeError(f"{name}: input has {input.size(-1)} features, expected input_size {self.input_size}")
        if state is None:
            shape = [*input.shape[:-1], self.hidden_size]
            zeros = weft.zeros(shape, dtype=input.dtype, device=input.device)
            state = (zeros, zeros) if mode == "LSTM" else (zeros,)
        for part in state:
            if part.dim() not in (1, 2):
                raise ValueError(f"{name}: Expected hidden to be 1D or 2D, got {part.dim()}D instead")
        return recurrent.cell(mode, input, state, [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None])

    def extra_repr(self) -> str:
        """The sizes, and whatever differs from the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: (N, input_size) and (N, hidden_size) to (N, hidden_size).

    Example:
        >>> import weft
        >>> tuple(weft.nn.RNNCell(10, 20)(weft.zeros(3, 10)).shape)
        (3, 20)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`.

    Example:
        >>> import weft
        >>> h, c = weft.nn.LSTMCell(10, 20)(weft.zeros(3, 10))
        >>> tuple(h.shape), tuple(c.shape)
        ((3, 20), (3, 20))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next (h, c)."""
        h, c = self._step("LSTM", input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`: (N, input_size) and (N, hidden_size) to (N, hidden_size).

    Example:
        >>> import weft
        >>> tuple(weft.nn.GRUCell(10, 20)(weft.zeros(3, 10)).shape)
        (3, 20)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next state."""
        return self._step("GRU", input, None if hx is None else (hx,))[0]
