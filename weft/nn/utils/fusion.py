"""Batch normalization folded into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import TypeVar

import weft
from weft import Tensor
from weft.nn.modules.module import Module
from weft.nn.parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]

_Layer = TypeVar("_Layer", bound=Module)


def _fused(
    weight: Tensor,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    eps: float,
    bn_weight: Tensor | None,
    bn_bias: Tensor | None,
    dim: int,
) -> tuple[Parameter, Parameter]:
    scale = weft.rsqrt(running_var + eps)
    if bn_weight is not None:
        scale = bn_weight * scale
    shape = [1] * weight.dim()
    shape[dim] = -1
    shifted = -running_mean if bias is None else bias - running_mean
    new_bias = shifted * scale if bn_bias is None else shifted * scale + bn_bias
    new_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    return (
        Parameter(new_weight.detach(), weight.requires_grad),
        Parameter(new_bias.to(weight.dtype).detach(), weight.requires_grad if bias is None else bias.requires_grad),
    )


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that does the work of the normalization behind it too."""
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a dense layer that does the work of the normalization behind it too."""
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fuse(layer: _Layer, bn: Module, transpose: bool) -> _Layer:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("fusion needs the running statistics of the normalization")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_eval(conv: _Layer, bn: Module, transpose: bool = False) -> _Layer:
    """A convolution that computes what ``bn(conv(x))`` does in evaluation.

    Raises:
        AssertionError: one of them is in training.

    >>> import weft
    >>> conv, bn = weft.nn.Conv2d(3, 4, 3).eval(), weft.nn.BatchNorm2d(4).eval()
    >>> x = weft.randn(1, 3, 5, 5)
    >>> weft.allclose(fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    return _fuse(conv, bn, transpose)


def fuse_linear_bn_eval(linear: _Layer, bn: Module) -> _Layer:
    """A dense layer that computes what ``bn(linear(x))`` does in evaluation; see :func:`fuse_conv_bn_eval`."""
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    return _fuse(linear, bn, False)
