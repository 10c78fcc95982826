"""Linear maps: dense, bilinear, convolutions and their transposes, and unfolding into patches."""

from __future__ import annotations

import weft
from weft import Tensor
from weft._arguments import expects_tensors
from weft.nn import _native as native

__all__ = [
    "bilinear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "fold",
    "linear",
    "unfold",
]

# Native as they are: the table documents them.
linear = native.linear
conv1d = native.conv1d
conv2d = native.conv2d
conv3d = native.conv3d
conv_transpose1d = native.conv_transpose1d
conv_transpose2d = native.conv_transpose2d
conv_transpose3d = native.conv_transpose3d
fold = native.fold
unfold = native.unfold


@expects_tensors
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input1 @ weight[k] @ input2 + bias[k]`` for every output k.

    Args:
        input1: shape (..., in1).
        input2: shape (..., in2).
        weight: shape (out, in1, in2).
        bias: shape (out,).

    Returns:
        Shape (..., out).

    >>> import weft
    >>> tuple(weft.nn.functional.bilinear(weft.ones(5, 2), weft.ones(5, 3), weft.ones(4, 2, 3)).shape)
    (5, 4)
    """
    out, in1, in2 = weight.shape
    # (..., in1) x (in1, out * in2) -> (..., out, in2), then the product with input2 over in2.
    left = weft.matmul(input1, weight.permute(1, 0, 2).reshape(in1, out * in2))
    left = left.reshape([*input1.shape[:-1], out, in2])
    result = weft.matmul(left, input2.unsqueeze(-1)).squeeze(-1)
    return result if bias is None else result + bias
