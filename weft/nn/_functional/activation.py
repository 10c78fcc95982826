"""Activations: functions of each element, and the soft maxima over one dimension."""

from __future__ import annotations

import warnings
from typing import Any

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft.nn import _native as native
from weft.nn._functional._arguments import maybe_inplace

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """The positive part of ``input``.

    >>> import weft
    >>> weft.nn.functional.relu(weft.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return weft.relu_(input) if inplace else native.relu(input)


def relu_(input: Tensor) -> Tensor:
    """In-place :func:`relu`."""
    return relu(input, inplace=True)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``input`` held between 0 and 6.

    >>> import weft
    >>> weft.nn.functional.relu6(weft.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` held between ``min_val`` and ``max_val``.

    >>> import weft
    >>> weft.nn.functional.hardtanh(weft.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return (native.hardtanh_ if inplace else native.hardtanh)(input, min_val, max_val)


def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """In-place :func:`hardtanh`."""
    return hardtanh(input, min_val, max_val, inplace=True)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``input`` where it is greater than ``threshold``, else ``value``.

    >>> import weft
    >>> weft.nn.functional.threshold(weft.tensor([0.5, 2.0]), 1.0, -3.0)
    tensor([-3.,  2.])
    """
    return (native.threshold_ if inplace else native.threshold)(input, threshold, value)


def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """In-place :func:`threshold`."""
    return native.threshold_(input, threshold, value)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``negative_slope * input``.

    >>> import weft
    >>> weft.nn.functional.leaky_relu(weft.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5000,  2.0000])
    """
    return maybe_inplace(lambda x: native.leaky_relu(x, negative_slope), input, inplace)


def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """In-place :func:`leaky_relu`."""
    return leaky_relu(input, negative_slope, inplace=True)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``input`` where positive, else ``weight * input``.

    Args:
        input: shape (N, C, ...).
        weight: slopes, shape (C,) or (1,).

    >>> import weft
    >>> weft.nn.functional.prelu(weft.tensor([-1.0, 2.0]), weft.tensor([0.25]))
    tensor([-0.2500,  2.0000])
    """
    return weft.prelu(input, weight)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Leaky ReLU whose slope is drawn from [lower, upper] in training and is their mean otherwise.

    >>> import weft
    >>> weft.nn.functional.rrelu(weft.tensor([-8.0, 2.0]), 0.25, 0.75)
    tensor([-4.,  2.])
    """
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got lower={lower} and upper={upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    slope = weft.empty_like(input).uniform_(lower, upper)
    return maybe_inplace(lambda x: weft.where(x > 0, x, slope * x), input, inplace)


@expects_tensors
def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """In-place :func:`rrelu`."""
    return rrelu(input, lower, upper, training, inplace=True)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``input`` where positive, else ``alpha * (exp(input) - 1)``.

    >>> import weft
    >>> weft.nn.functional.elu(weft.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return maybe_inplace(lambda x: native.elu(x, alpha), input, inplace)


def elu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place :func:`elu`."""
    return elu(input, alpha, inplace=True)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """ELU scaled so that deep networks keep mean 0 and variance 1.

    Source: Klambauer et al., Self-Normalizing Neural Networks, 2017.

    >>> import weft
    >>> weft.nn.functional.selu(weft.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return maybe_inplace(native.selu, input, inplace)


def selu_(input: Tensor) -> Tensor:
    """In-place :func:`selu`."""
    return selu(input, inplace=True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    >>> import weft
    >>> weft.nn.functional.celu(weft.tensor([-2.0, 2.0]), alpha=2.0)
    tensor([-1.2642,  2.0000])
    """
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    return maybe_inplace(lambda x: native.celu(x, alpha), input, inplace)


def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """In-place :func:`celu`."""
    return celu(input, alpha, inplace=True)


def gelu(input: Tensor, approximate: str = "none", *, out: Tensor | None = None) -> Tensor:
    """``input`` times the normal distribution function of it; "tanh" chooses the usual approximation.

    >>> import weft
    >>> weft.nn.functional.gelu(weft.tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """
    return native.gelu(input, approximate=approximate, out=out)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * sigmoid(input)``, also called swish.

    >>> import weft
    >>> weft.nn.functional.silu(weft.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """
    return maybe_inplace(native.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * tanh(softplus(input))``.

    >>> import weft
    >>> weft.nn.functional.mish(weft.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """
    return maybe_inplace(native.mish, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``input * relu6(input + 3) / 6``.

    >>> import weft
    >>> weft.nn.functional.hardswish(weft.tensor([-4.0, 1.5, 4.0]))
    tensor([-0.0000, 1.1250, 4.0000])
    """
    return maybe_inplace(native.hardswish, input, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``relu6(input + 3) / 6``.

    >>> import weft
    >>> weft.nn.functional.hardsigmoid(weft.tensor([-4.0, 0.0, 4.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    return maybe_inplace(native.hardsigmoid, input, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0, *, out: Tensor | None = None) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``; ``input`` itself where ``beta * input > threshold``.

    >>> import weft
    >>> weft.nn.functional.softplus(weft.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    return native.softplus(input, beta, threshold, out=out)


def logsigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the sigmoid of ``input``.

    >>> import weft
    >>> weft.nn.functional.logsigmoid(weft.tensor([0.0]))
    tensor([-0.6931])
    """
    return native.logsigmoid(input, out=out)


def softsign(input: Tensor) -> Tensor:
    """``input / (1 + |input|)``.

    >>> import weft
    >>> weft.nn.functional.softsign(weft.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, element by element."""
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-input))``, element by element."""
    return input.sigmoid()


def tanhshrink(input: Tensor) -> Tensor:
    """``input - tanh(input)``.

    >>> import weft
    >>> weft.nn.functional.tanhshrink(weft.tensor([1.0]))
    tensor([0.2384])
    """
    return input - input.tanh()


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``input`` where its magnitude exceeds ``lambd``, else 0.

    >>> import weft
    >>> weft.nn.functional.hardshrink(weft.tensor([-1.0, 0.2]))
    tensor([-1.,  0.])
    """
    return native.hardshrink(input, lambd)


def softshrink(input: Tensor, lambd: float = 0.5, *, out: Tensor | None = None) -> Tensor:
    """``input`` moved towards 0 by ``lambd``, and 0 where it would cross.

    >>> import weft
    >>> weft.nn.functional.softshrink(weft.tensor([-1.0, 0.2]))
    tensor([-0.5000,  0.0000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be greater or equal to 0, but found to be {lambd}.")
    return native.softshrink(input, lambd, out=out)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """One half of ``input`` along ``dim`` times the sigmoid of the other half.

    >>> import weft
    >>> weft.nn.functional.glu(weft.tensor([2.0, 4.0, 0.0, 0.0]))
    tensor([1., 2.])
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    if input.size(dim) % 2:
        raise RuntimeError(f"Halving dimension must be even, but dimension {dim} is size {input.size(dim)}")
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``exp(input)`` divided by its sum along ``dim``.

    Args:
        input: any shape.
        dim: the dimension that sums to one.
        dtype: convert ``input`` first.

    >>> import weft
    >>> weft.nn.functional.softmax(weft.zeros(4), dim=0)
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    dim = _softmax_dim("softmax", input, dim, _stacklevel) if dim is None else dim
    return native.softmax(input, dim) if dtype is None else native.softmax(input, dim, dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """``softmax(-input)``."""
    dim = _softmax_dim("softmin", input, dim, _stacklevel) if dim is None else dim
    return native.softmax(-input, dim) if dtype is None else native.softmax(-input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """The logarithm of :func:`softmax`, computed without losing small values.

    >>> import weft
    >>> weft.nn.functional.log_softmax(weft.zeros(2), dim=0)
    tensor([-0.6931, -0.6931])
    """
    dim = _softmax_dim("log_softmax", input, dim, _stacklevel) if dim is None else dim
    return native.log_softmax(input, dim) if dtype is None else native.log_softmax(input, dim, dtype=dtype)


def _softmax_dim(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    """The dimension that PyTorch takes when none is given, with its warning."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.dim() in (0, 1, 3) else 1


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A differentiable sample of the categorical distribution with these logits.

    Args:
        logits: unnormalized log probabilities, shape (..., classes).
        tau: temperature.
        hard: return a one-hot sample whose gradient is that of the soft one.
        dim: the dimension of the classes.

    Source: Jang, Gu, Poole, Categorical Reparameterization with Gumbel-Softmax, 2017.

    >>> import weft
    >>> weft.nn.functional.gumbel_softmax(weft.zeros(1, 3), hard=True).sum()
    tensor(1.)
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    gumbels = -weft.empty_like(logits).exponential_().log()
    soft = native.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = weft.zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
