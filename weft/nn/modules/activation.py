"""Activations as modules."""

from __future__ import annotations

import warnings
from typing import Any

import weft
from weft import Tensor
from weft.nn import functional as F
from weft.nn import init
from weft.nn.modules.attention import MultiheadAttention
from weft.nn.modules.module import Module, applies
from weft.nn.parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "MultiheadAttention",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


def _inplace(module: Any, separator: str = ", ") -> str:
    """How ``repr`` says that a module works in place."""
    return f"{separator}inplace=True" if module.inplace else ""


class ReLU(Module):
    """The positive part of the input.

    Example:
        >>> import weft
        >>> weft.nn.ReLU()(weft.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    @applies(weft.relu, in_place=weft.relu_)
    def forward(self, input: Tensor) -> Tensor:  # type: ignore[empty-body]
        """Shaped as ``input``."""

    def extra_repr(self) -> str:
        """The options."""
        return _inplace(self, "")


class RReLU(Module):
    """Leaky ReLU whose slope is drawn from [lower, upper] in training and is their mean otherwise.

    Example:
        >>> import weft
        >>> weft.nn.RReLU().eval()(weft.tensor([-1.0, 2.0]))
        tensor([-0.2292,  2.0000])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"lower={self.lower}, upper={self.upper}{_inplace(self)}"


class ELU(Module):
    """The input where positive, else ``alpha * (exp(input) - 1)``.

    Example:
        >>> import weft
        >>> weft.nn.ELU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}{_inplace(self)}"


class CELU(Module):
    """``max(0, x) + min(0, alpha * (exp(x / alpha) - 1))``.

    Example:
        >>> import weft
        >>> weft.nn.CELU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}{_inplace(self)}"


class SELU(Module):
    """ELU scaled to keep mean 0 and variance 1.

    Example:
        >>> import weft
        >>> weft.nn.SELU()(weft.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.selu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _inplace(self, "")


class GELU(Module):
    """The input times the normal distribution function of it; "tanh" chooses the usual approximation.

    Example:
        >>> import weft
        >>> weft.nn.GELU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """The options."""
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """One half of the input along ``dim`` times the sigmoid of the other half.

    Example:
        >>> import weft
        >>> weft.nn.GLU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.8808])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Half as long as ``input`` along ``dim``."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class SiLU(Module):
    """``input * sigmoid(input)``, also called swish.

    Example:
        >>> import weft
        >>> weft.nn.SiLU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.2689,  1.7616])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _inplace(self, "")


class Mish(Module):
    """``input * tanh(softplus(input))``.

    Example:
        >>> import weft
        >>> weft.nn.Mish()(weft.tensor([-1.0, 2.0]))
        tensor([-0.3034,  1.9440])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.mish(input, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _inplace(self, "")


class Hardswish(Module):
    """``input * relu6(input + 3) / 6``.

    Example:
        >>> import weft
        >>> weft.nn.Hardswish()(weft.tensor([-1.0, 2.0]))
        tensor([-0.3333,  1.6667])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.hardswish(input, self.inplace)


class Hardsigmoid(Module):
    """``relu6(input + 3) / 6``.

    Example:
        >>> import weft
        >>> weft.nn.Hardsigmoid()(weft.tensor([-1.0, 2.0]))
        tensor([0.3333, 0.8333])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.hardsigmoid(input, self.inplace)


class LeakyReLU(Module):
    """The input where positive, else ``negative_slope`` times it.

    Example:
        >>> import weft
        >>> weft.nn.LeakyReLU()(weft.tensor([-1.0, 2.0]))
        tensor([-0.0100,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"negative_slope={self.negative_slope}{_inplace(self)}"


class LogSigmoid(Module):
    """The logarithm of the sigmoid of the input.

    Example:
        >>> import weft
        >>> weft.nn.LogSigmoid()(weft.tensor([-1.0, 2.0]))
        tensor([-1.3133, -0.1269])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.logsigmoid(input)


class Sigmoid(Module):
    """``1 / (1 + exp(-input))``.

    Example:
        >>> import weft
        >>> weft.nn.Sigmoid()(weft.tensor([-1.0, 2.0]))
        tensor([0.2689, 0.8808])
    """

    @applies(weft.sigmoid)
    def forward(self, input: Tensor) -> Tensor:  # type: ignore[empty-body]
        """Shaped as ``input``."""


class Tanh(Module):
    """The hyperbolic tangent of the input.

    Example:
        >>> import weft
        >>> weft.nn.Tanh()(weft.tensor([-1.0, 2.0]))
        tensor([-0.7616,  0.9640])
    """

    @applies(weft.tanh)
    def forward(self, input: Tensor) -> Tensor:  # type: ignore[empty-body]
        """Shaped as ``input``."""


class Softplus(Module):
    """``log(1 + exp(beta * input)) / beta``; the input itself where ``beta * input > threshold``.

    Example:
        >>> import weft
        >>> weft.nn.Softplus()(weft.tensor([-1.0, 2.0]))
        tensor([0.3133, 2.1269])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The options."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """``input / (1 + |input|)``.

    Example:
        >>> import weft
        >>> weft.nn.Softsign()(weft.tensor([-1.0, 2.0]))
        tensor([-0.5000,  0.6667])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.softsign(input)


class Tanhshrink(Module):
    """``input - tanh(input)``.

    Example:
        >>> import weft
        >>> weft.nn.Tanhshrink()(weft.tensor([-1.0, 2.0]))
        tensor([-0.2384,  1.0360])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.tanhshrink(input)


class Hardshrink(Module):
    """The input where its magnitude exceeds ``lambd``, else 0.

    Example:
        >>> import weft
        >>> weft.nn.Hardshrink()(weft.tensor([-1.0, 2.0]))
        tensor([-1.,  2.])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.lambd}"


class Softshrink(Module):
    """The input moved towards 0 by ``lambd``, and 0 where it would cross.

    Example:
        >>> import weft
        >>> weft.nn.Softshrink()(weft.tensor([-1.0, 2.0]))
        tensor([-0.5000,  1.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The options."""
        return f"{self.lambd}"


class Threshold(Module):
    """The input where it is greater than ``threshold``, else ``value``.

    Example:
        >>> import weft
        >>> weft.nn.Threshold(0.1, 20.0)(weft.tensor([-1.0, 2.0]))
        tensor([20.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"threshold={self.threshold}, value={self.value}{_inplace(self)}"


class Softmax(Module):
    """``exp(input)`` divided by its sum along ``dim``.

    Example:
        >>> import weft
        >>> weft.nn.Softmax(dim=0)(weft.tensor([-1.0, 2.0]))
        tensor([0.0474, 0.9526])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class Softmin(Module):
    """The softmax of minus the input along ``dim``.

    Example:
        >>> import weft
        >>> weft.nn.Softmin(dim=0)(weft.tensor([-1.0, 2.0]))
        tensor([0.9526, 0.0474])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.softmin(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """The logarithm of the softmax along ``dim``.

    Example:
        >>> import weft
        >>> weft.nn.LogSoftmax(dim=0)(weft.tensor([-1.0, 2.0]))
        tensor([-3.0486, -0.0486])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.log_softmax(input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The options."""
        return f"dim={self.dim}"


class Hardtanh(Module):
    """The input held between ``min_val`` and ``max_val``.

    Example:
        >>> import weft
        >>> weft.nn.Hardtanh(-2.0, 2.0)(weft.tensor([-3.0, 1.0]))
        tensor([-2.,  1.])
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, value in (("min_value", min_value), ("max_value", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{old[:-2]}`",
                    FutureWarning,
                    stacklevel=2,
                )
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        if max_val <= min_val:
            raise AssertionError(f"max_val must be larger than min_val, got {min_val=} and {max_val=}")
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"min_val={self.min_val}, max_val={self.max_val}{_inplace(self)}"


class ReLU6(Hardtanh):
    """The input held between 0 and 6.

    Example:
        >>> import weft
        >>> weft.nn.ReLU6()(weft.tensor([-1.0, 8.0]))
        tensor([0., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """The options."""
        return _inplace(self, "")


class PReLU(Module):
    """The input where positive, else a learned slope times it.

    Args:
        num_parameters: one slope for all, or one for each channel.
        init: the slopes to begin with.

    Shape:
        (N, C, ...); ``weight`` is (num_parameters,).

    Example:
        >>> import weft
        >>> weft.nn.PReLU()(weft.tensor([-1.0, 2.0])).tolist()
        [-0.25, 2.0]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(weft.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every slope to ``init``."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The options."""
        return f"num_parameters={self.num_parameters}"


class Softmax2d(Module):
    """Softmax over the channels of images, shape (N, C, H, W) or (C, H, W).

    Example:
        >>> import weft
        >>> weft.nn.Softmax2d()(weft.zeros(2, 1, 1)).flatten()
        tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Shaped as ``input``."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
