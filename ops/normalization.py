"""Normalisation over rows, channels and groups.

The backward operators are fused kernels; where their own derivative is wanted they are computed from differentiable
operators instead.
"""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "layer_norm(input: Tensor, normalized_shape: list[int], weight: Tensor | None = None, bias: Tensor | None = None,"
    " eps: float = 1e-05, cudnn_enable: bool = True) -> (out: Tensor, *, mean: Tensor, rstd: Tensor)",
    """(x - mean) / sqrt(var + eps) * weight + bias over the last dimensions.

    Args: input of shape (..., *normalized_shape); weight and bias of shape normalized_shape.
    Raises RuntimeError when the shapes do not agree.

    >>> weft.layer_norm(weft.tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """,
    method=False,
    cost=pointwise(0.4),
    vjp={
        (
            "input",
            "weight",
            "bias",
        ): lambda g, input, normalized_shape, weight, mean, rstd, eps, wants_weight, wants_bias: layer_norm_backward(
            g, input, normalized_shape, weight, mean, rstd, eps, wants_weight, wants_bias
        ),
    },
    backward_name="NativeLayerNorm",
    samples=[((3, 4), [4], (4,), (4,)), ((2, 3, 4), [3, 4]), ((0, 4), [4], (4,))],
    big=[((300, 401), [401], (401,), (401,)), ((5, 30_001), [30_001])],
    ref=lambda x, shape, w=1.0, b=0.0: (
        (x - x.mean(tuple(range(-len(shape), 0)), keepdims=True))
        / (x.var(tuple(range(-len(shape), 0)), keepdims=True) + 1e-5) ** 0.5
        * w
        + b
    ),
    ulps=16.0,
    batch="normalized",
)
Op(
    "layer_norm_backward(grad: Tensor, input: Tensor, normalized_shape: list[int], weight: Tensor | None,"
    " mean: Tensor | None, rstd: Tensor, eps: float, wants_weight: bool, wants_bias: bool)"
    " -> (grad_input: Tensor, grad_weight: Tensor, grad_bias: Tensor)",
    "The gradients of layer_norm, or of rms_norm when there is no mean.",
    namespace="_",
    composite=True,
)
Op(
    "rms_norm(input: Tensor, normalized_shape: list[int], weight: Tensor | None = None, eps: float | None = None)"
    " -> (out: Tensor, *, rstd: Tensor)",
    """x / sqrt(mean(x * x) + eps) * weight over the last dimensions; eps is the dtype's machine epsilon unless given.

    >>> weft.rms_norm(weft.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """,
    method=False,
    cost=pointwise(0.4),
    vjp={
        ("input", "weight"): lambda g, input, normalized_shape, weight, rstd, eps, wants_weight: rms_norm_backward(
            g, input, normalized_shape, weight, rstd, eps, wants_weight
        ),
    },
    samples=[((3, 4), [4], (4,), 1e-5), ((2, 3, 4), [3, 4])],
    big=[((300, 401), [401], (401,)), ((5, 30_001), [30_001])],
    ulps=16.0,
    batch="normalized",
)
Op(
    "rms_norm_backward(grad: Tensor, input: Tensor, normalized_shape: list[int], weight: Tensor | None, rstd: Tensor,"
    " eps: float | None, wants_weight: bool) -> (grad_input: Tensor, grad_weight: Tensor)",
    "The gradients of rms_norm.",
    namespace="_",
    composite=True,
)
Op(
    "batch_norm(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,"
    " bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-05)"
    " -> (out: Tensor, *, mean: Tensor, invstd: Tensor)",
    """Normalises each channel over the batch and its positions.

    Args: input of shape (N, C, ...); the others of shape (C,). In training the running statistics are updated in
    place; else they are what is used. Raises RuntimeError when shapes do not agree.
    """,
    namespace="nn",
    cost=pointwise(0.4),
    vjp={
        (
            "input",
            "weight",
            "bias",
        ): lambda g, input, weight, mean, invstd, training, eps, wants_weight, wants_bias: batch_norm_backward(
            g, input, weight, mean, invstd, training, eps, wants_weight, wants_bias
        ),
    },
    backward_name="NativeBatchNorm",
    samples=[((4, 3), None, None, (3,), (3,), True), ((2, 3, 4), None, None, (3,), (3,), True)],
    ulps=64.0,
)
Op(
    "batch_norm_backward(grad: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, invstd: Tensor,"
    " training: bool, eps: float, wants_weight: bool, wants_bias: bool)"
    " -> (grad_input: Tensor, grad_weight: Tensor, grad_bias: Tensor)",
    "The gradients of batch_norm.",
    namespace="_",
    composite=True,
)
Op(
    "group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,"
    " eps: float = 1e-05) -> (out: Tensor, *, mean: Tensor, rstd: Tensor)",
    """Normalises groups of channels of each sample.

    Args: input of shape (N, C, ...), C divisible by num_groups; weight and bias of shape (C,).

    >>> weft.group_norm(weft.tensor([[[1.0], [3.0]]]), 1).reshape(2)
    tensor([-1.0000,  1.0000])
    """,
    method=False,
    cost=pointwise(0.4),
    vjp={
        (
            "input",
            "weight",
            "bias",
        ): lambda g, input, num_groups, weight, mean, rstd, eps, wants_weight, wants_bias: group_norm_backward(
            g, input, num_groups, weight, mean, rstd, eps, wants_weight, wants_bias
        ),
    },
    backward_name="NativeGroupNorm",
    samples=[((2, 4), 2, (4,), (4,)), ((2, 4, 3), 2), ((2, 4, 2, 2), 4, (4,))],
    ulps=64.0,
    batch="images",
)
Op(
    "native_group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int,"
    " eps: float) -> (out: Tensor, mean: Tensor, rstd: Tensor, *, saved_mean: Tensor, saved_rstd: Tensor)",
    """Group norm, and for each sample and group the mean and the inverse of the deviation.

    Args: input of shape (N, C, ...) with HxW elements for each sample and channel.

    >>> weft.native_group_norm(weft.tensor([[[1.0], [3.0]]]), None, None, 1, 2, 1, 1, 1e-5)[1].item()
    2.0
    """,
    method=False,
    cost=pointwise(0.4),
    vjp={
        (
            "input",
            "weight",
            "bias",
        ): lambda g_out, maybe_mean, maybe_rstd, input, weight, group, saved_mean, saved_rstd, eps, wants_weight, wants_bias: (
            native_group_norm_backward(
                g_out,
                maybe_mean,
                maybe_rstd,
                input,
                group,
                weight,
                saved_mean,
                saved_rstd,
                eps,
                wants_weight,
                wants_bias,
            )
        ),
    },
    backward_name="NativeGroupNorm",
)
Op(
    "native_group_norm_backward(grad: Tensor, grad_mean: Tensor | None, grad_rstd: Tensor | None, input: Tensor,"
    " group: int, weight: Tensor | None, mean: Tensor, rstd: Tensor, eps: float, wants_weight: bool, wants_bias: bool)"
    " -> (grad_input: Tensor, grad_weight: Tensor, grad_bias: Tensor)",
    "The gradients of native_group_norm: those of group_norm, and what comes from the mean and the deviation.",
    namespace="_",
    composite=True,
)
Op(
    "group_norm_backward(grad: Tensor, input: Tensor, num_groups: int, weight: Tensor | None, mean: Tensor,"
    " rstd: Tensor, eps: float, wants_weight: bool, wants_bias: bool)"
    " -> (grad_input: Tensor, grad_weight: Tensor, grad_bias: Tensor)",
    "The gradients of group_norm.",
    namespace="_",
    composite=True,
)
