"""Attention in one pass, without a matrix of weights in memory."""

from __future__ import annotations

import numpy

from ops.table import Op, estimated


def reference(query, key, value, mask, is_causal, scale):  # type: ignore[no-untyped-def]  # arrays in, array out
    """softmax(scale query key^T + mask) value."""
    repeats = query.shape[1] // key.shape[1]
    key, value = key.repeat(repeats, 1), value.repeat(repeats, 1)
    scores = scale * query @ key.swapaxes(-1, -2)
    if is_causal:
        scores = numpy.where(numpy.tri(*scores.shape[-2:]) > 0, scores, -numpy.inf)
    if mask is not None:
        scores = scores + mask
    weights = numpy.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value


Op(
    "_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool, scale: float)"
    " -> (out: Tensor, *, log_sums: Tensor)",
    """softmax(scale * query key^T + mask) value, and the logarithm of what each softmax was divided by.

    Args: query (N, H, L, E), key (N, H / G, S, E) and value (N, H / G, S, V) of one dtype; mask broadcasts
    to (N, H, L, S): bools, true where a query may look, or numbers to add. A query that sees nothing gives 0.
    """,
    namespace="_",
    autocast="lower",
    impl="attention",
    cost=estimated("attention"),
    vjp={
        (
            "query",
            "key",
            "value",
        ): lambda g, query, key, value, mask, is_causal, scale, out, log_sums: _attention_backward(
            g, query, key, value, mask, is_causal, scale, out, log_sums
        ),
    },
    backward_name="ScaledDotProductFlashAttentionForCpu",
    samples=[
        ((1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 3), None, False, 0.5),
        ((2, 2, 4, 3), (2, 1, 4, 3), (2, 1, 4, 3), None, True, 0.7),
    ],
    big=[
        ((2, 3, 401, 37), (2, 3, 301, 37), (2, 3, 301, 45), None, False, 0.2),
        ((1, 4, 401, 33), (1, 2, 401, 33), (1, 2, 401, 33), None, True, 0.2),
    ],
    ref=reference,
    ulps=64.0,
)
Op(
    "_attention_backward(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, is_causal: bool,"
    " scale: float, out: Tensor, log_sums: Tensor) -> (grad_query: Tensor, grad_key: Tensor, grad_value: Tensor)",
    "The gradients of _attention: one fused pass, or differentiable operators where their own derivative is wanted.",
    namespace="_",
    composite=True,
    impl="attention_backward",
    cost=estimated("attention_backward"),
)
