"""Scaled dot-product attention, forward and backward."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, backward, family

add = family("attention")


def attention(batch: int, heads: int, length: int, width: int, kind: str, quick: bool = False) -> None:
    """Self-attention of `length` steps; `kind`: full, causal, or with a mask of numbers."""

    def call(lib: Lib, *tensors: Any) -> Any:
        options: dict[str, Any] = {}
        if kind == "causal":
            options["is_causal"] = True
        elif kind == "masked":
            options["attn_mask"] = lib.zeros(length, length)
        return lambda: lib.nn.functional.scaled_dot_product_attention(*tensors, **options)

    shape = batch, heads, length, width

    def back(lib: Lib) -> Any:
        tensors = [lib.randn(*shape).requires_grad_() for _ in range(3)]
        return backward(lib, call(lib, *tensors)(), *tensors)

    flops = 4.0 * batch * heads * length * length * width * (0.5 if kind == "causal" else 1.0)
    title = f"{kind} {batch}x{heads}x{length}x{width}"
    add(f"{title} forward", lambda lib: call(lib, *(lib.randn(*shape) for _ in range(3))), flops=flops, quick=quick)
    add(f"{title} backward", back, flops=2.5 * flops, quick=quick)


for kind in ("full", "causal", "masked"):
    attention(4, 12, 128, 64, kind, quick=kind == "causal")
    attention(4, 12, 512, 64, kind)
for kind in ("full", "causal"):
    attention(1, 8, 2048, 64, kind)
attention(2, 8, 512, 128, "causal")
attention(64, 3, 197, 64, "full")
add(
    "one query over 1x8x2048x64",
    lambda lib: (
        lib.nn.functional.scaled_dot_product_attention,
        lib.randn(1, 8, 1, 64),
        lib.randn(1, 8, 2048, 64),
        lib.randn(1, 8, 2048, 64),
    ),
)
