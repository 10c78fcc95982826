"""Normalisation, softmax and losses, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.workload import Lib, backward, family

Function = Callable[..., Any]


def both(declare: Any, title: str, function: Function, *shapes: tuple[int, ...], quick: bool = False) -> None:
    """`function(lib, *tensors)` forward, and backward to all tensors."""

    def forward(lib: Lib) -> Any:
        tensors = [lib.randn(*shape) for shape in shapes]
        return lambda: function(lib, *tensors)

    def back(lib: Lib) -> Any:
        tensors = [lib.randn(*shape).requires_grad_() for shape in shapes]
        return backward(lib, function(lib, *tensors), *tensors)

    declare(f"{title} forward", forward, quick=quick)
    declare(f"{title} backward", back, quick=quick)


norms = family("normalisation")


def layer_norm(lib: Lib, x: Any, weight: Any, bias: Any) -> Any:
    return lib.nn.functional.layer_norm(x, weight.shape, weight, bias)


def batch_norm(lib: Lib, x: Any, weight: Any, bias: Any) -> Any:
    return lib.nn.functional.batch_norm(x, None, None, weight, bias, training=True)


both(norms, "layer_norm 512x768", layer_norm, (512, 768), (768,), (768,), quick=True)
both(norms, "layer_norm 4Kx64", layer_norm, (4096, 64), (64,), (64,))
both(norms, "rms_norm 512x768", lambda lib, x, w: lib.nn.functional.rms_norm(x, w.shape, w), (512, 768), (768,))
both(norms, "batch_norm 8x64x56x56", batch_norm, (8, 64, 56, 56), (64,), (64,), quick=True)
both(norms, "batch_norm 8x512x7x7", batch_norm, (8, 512, 7, 7), (512,), (512,))
both(norms, "batch_norm 128x512", batch_norm, (128, 512), (512,), (512,))
both(
    norms,
    "group_norm 8x64x28x28, 32 groups",
    lambda lib, x, w, b: lib.nn.functional.group_norm(x, 32, w, b),
    (8, 64, 28, 28),
    (64,),
    (64,),
)
both(norms, "instance_norm 8x64x28x28", lambda lib, x: lib.nn.functional.instance_norm(x), (8, 64, 28, 28))
norms(
    "batch_norm of inference 8x64x56x56",
    lambda lib: (
        lambda x, m, v, w, b: lib.nn.functional.batch_norm(x, m, v, w, b),
        lib.randn(8, 64, 56, 56),
        *lib.ones(4, 64),
    ),
)
norms(
    "batch_norm NHWC 8x64x56x56 forward",
    lambda lib: (
        lambda x, w, b: batch_norm(lib, x, w, b),
        lib.randn(8, 64, 56, 56).contiguous(memory_format=lib.channels_last),
        *lib.ones(2, 64),
    ),
)
norms("normalize 1Kx512", lambda lib: (lib.nn.functional.normalize, lib.randn(1024, 512)))

softmaxes = family("softmax")
for name in ("softmax", "log_softmax"):
    for shape in ((64, 1024), (4096, 10), (512, 32000)):
        both(
            softmaxes,
            f"{name} {shape[0]}x{shape[1]}",
            lambda lib, x, f=name: getattr(lib, f)(x, -1),
            shape,
            quick=shape[1] == 1024,
        )
both(softmaxes, "softmax over 1, 8x19x64x64", lambda lib, x: lib.softmax(x, 1), (8, 19, 64, 64))

losses = family("losses")


def cross_entropy(lib: Lib, scores: Any) -> Any:
    targets = lib.arange(scores.shape[0]) % scores.shape[1]
    return lib.nn.functional.cross_entropy(scores, targets)


both(losses, "cross_entropy 128x10", cross_entropy, (128, 10), quick=True)
both(losses, "cross_entropy 2Kx32000", cross_entropy, (2048, 32000))
both(
    losses,
    "cross_entropy 8x19x64x64",
    lambda lib, x: lib.nn.functional.cross_entropy(x, lib.zeros(8, 64, 64, dtype=lib.long)),
    (8, 19, 64, 64),
)
for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    both(
        losses,
        f"{name} 1M",
        lambda lib, x, y, f=name: getattr(lib.nn.functional, f)(x, y),
        (1 << 20,),
        (1 << 20,),
        quick=name == "mse_loss",
    )
both(
    losses,
    "bce_with_logits 1M",
    lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(x, lib.ones_like(x)),
    (1 << 20,),
)
both(losses, "mse_loss 64x10", lambda lib, x, y: lib.nn.functional.mse_loss(x, y), (64, 10), (64, 10))
both(
    losses,
    "kl_div 512x1K",
    lambda lib, x: lib.nn.functional.kl_div(x, lib.ones_like(x), reduction="batchmean"),
    (512, 1024),
)
