"""Dense layers."""

from __future__ import annotations

import math
from typing import Any

import weft
from weft import Tensor
from weft.nn import _native as native
from weft.nn import functional as F
from weft.nn import init
from weft.nn.modules.module import Module, applies
from weft.nn.parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Returns its input; takes and ignores any arguments.

    Example:
        >>> import weft
        >>> weft.nn.Identity(54, unused=True)(weft.zeros(1))
        tensor([0.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """``input``."""
        return input


class Linear(Module):
    """``input @ weight.T + bias``.

    Args:
        in_features: size of each input.
        out_features: size of each output.
        bias: whether to add a bias.

    Shape:
        (..., in_features) to (..., out_features); ``weight`` is (out_features, in_features).

    Example:
        >>> import weft
        >>> tuple(weft.nn.Linear(20, 30)(weft.zeros(128, 20)).shape)
        (128, 30)
    """

    weight: Tensor

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(weft.empty((out_features, in_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(weft.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from the uniform distribution over +-1/sqrt(in_features)."""
        # a = sqrt(5) gives just that bound.
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    @applies(native.linear, "weight", "bias")
    def forward(self, input: Tensor) -> Tensor:  # type: ignore[empty-body]
        """Shape (..., out_features)."""

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class NonDynamicallyQuantizableLinear(Linear):
    """The name under which PyTorch's attention keeps its output projection."""


class Bilinear(Module):
    """``input1 @ weight[k] @ input2 + bias[k]`` for each output k.

    Args:
        in1_features, in2_features: sizes of the inputs.
        out_features: size of the output.

    Example:
        >>> import weft
        >>> tuple(weft.nn.Bilinear(20, 30, 40)(weft.zeros(8, 20), weft.zeros(8, 30)).shape)
        (8, 40)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(weft.empty((out_features, in1_features, in2_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(weft.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias from the uniform distribution over +-1/sqrt(in1_features)."""
        bound = 1 / math.sqrt(self.weight.size(1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Shape (..., out_features)."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
