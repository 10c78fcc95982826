"""Attention: scaled dot products, and several heads of them with their projections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import weft
from weft import Tensor
from weft._arguments import refuse
from weft._core import internal
from weft.nn import _native as native
from weft.nn._functional.vision import pad

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query key^T * scale + mask) value: attention of queries to keys (Vaswani et al. 2017).

    Args:
        query: shape (..., L, E).
        key: shape (..., S, E).
        value: shape (..., S, Ev).
        attn_mask: broadcasts to (..., L, S): bool, True where attention may go, or numbers to add.
        dropout_p: of the weights; applied whenever it is positive.
        is_causal: query i sees keys 0 ... i only; excludes attn_mask.
        scale: of the products, 1 / sqrt(E) unless given.
        enable_gqa: repeat the heads (dimension -3) of key and value to those of query.
    Returns:
        Shape (..., L, Ev).
    Raises:
        RuntimeError: both attn_mask and is_causal.

    >>> weft.nn.functional.scaled_dot_product_attention(*weft.ones(3, 1, 2, 4).unbind()).shape
    weft.Size([1, 2, 4])
    """
    if is_causal and attn_mask is not None:
        raise RuntimeError("scaled_dot_product_attention: explicit attn_mask should not be set when is_causal=True")
    for i, (name, given) in enumerate((("query", query), ("key", key), ("value", value))):
        if not isinstance(given, Tensor):
            refuse("scaled_dot_product_attention", name, i, given)
    factor = 1.0 / math.sqrt(query.size(-1)) if scale is None else scale
    if dropout_p == 0.0 and _fits_one_pass(query, key, value, attn_mask, enable_gqa):
        if query.dim() == 4:
            return internal._attention(query, key, value, attn_mask, is_causal, factor)
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        if attn_mask is not None and attn_mask.dim() == 3:
            attn_mask = attn_mask.unsqueeze(1)
        return internal._attention(query, key, value, attn_mask, is_causal, factor).squeeze(1)
    if enable_gqa:
        groups = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(groups, -3), value.repeat_interleave(groups, -3)
    scores = (query * factor) @ key.transpose(-2, -1)
    if is_causal:
        attn_mask = weft.ones(query.size(-2), key.size(-2), dtype=weft.bool).tril()
    if attn_mask is not None and attn_mask.dtype == weft.bool:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    elif attn_mask is not None:
        scores = scores + attn_mask
    weights = native.softmax(scores, -1)
    if attn_mask is not None and attn_mask.dtype == weft.bool:
        weights = weights.masked_fill(~attn_mask.any(-1, keepdim=True), 0.0)  # a query that may look nowhere sees 0
    if dropout_p > 0.0:
        weights = native.dropout(weights, dropout_p, True)
    return weights @ value


def _fits_one_pass(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, enable_gqa: bool) -> bool:
    """Whether the fused operator does it: one dtype, the same batch, no gradient of the mask."""
    dtype, ndim = query.dtype, query.dim()
    if ndim not in (3, 4) or key.dim() != ndim or value.dim() != ndim:
        return False
    if not (dtype == key.dtype == value.dtype and dtype.is_floating_point):
        return False
    q, k, v = query.shape, key.shape, value.shape
    if q[-1] != k[-1] or k[:-1] != v[:-1] or q[0] != k[0] or (ndim == 4 and q[1] != k[1] and not enable_gqa):
        return False
    if ndim == 4 and (k[1] == 0 or q[1] % k[1] != 0):
        return False
    return mask is None or (not mask.requires_grad and (mask.dtype == weft.bool or mask.is_floating_point()))


def _canonical_mask(mask: Tensor | None, name: str, other: Tensor | None, dtype: weft.dtype) -> Tensor | None:
    """``mask`` as numbers to add: -inf where a boolean mask says True."""
    if mask is None:
        return None
    if mask.dtype != weft.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if mask.dtype == weft.bool:
        return weft.zeros_like(mask, dtype=dtype).masked_fill_(mask, float("-inf"))
    return mask


def _project(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    in_proj_weight: Tensor | None,
    separate: tuple[Tensor | None, Tensor | None, Tensor | None],
    bias: Tensor | None,
) -> list[Tensor]:
    """Queries, keys and values from one packed weight (3E, E), or from three."""
    embed_dim = query.size(-1)
    if in_proj_weight is not None and query is key and key is value:
        return list(native.linear(query, in_proj_weight, bias).chunk(3, -1))
    weights: Sequence[Any] = separate if in_proj_weight is None else in_proj_weight.split(embed_dim)
    biases = (None, None, None) if bias is None else bias.split(embed_dim)
    return [native.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What :class:`weft.nn.MultiheadAttention` computes.

    Args:
        query: shape (L, N, E) or (L, E).
        key, value: shape (S, N, E) or (S, E).
        in_proj_weight: the three input projections, shape (3E, E), unless ``use_separate_proj_weight``.
        in_proj_bias: shape (3E,).
        bias_k, bias_v: one more key and value, shape (1, 1, E).
        add_zero_attn: add a key and value of zeros.
        out_proj_weight, out_proj_bias: shape (E, E) and (E,).
        key_padding_mask: keys to leave out, shape (N, S) or (S,).
        attn_mask: shape (L, S) or (N * num_heads, L, S).
        static_k, static_v: keys and values to use as they are, shape (N * num_heads, S, E / num_heads).
        is_causal: a hint that ``attn_mask`` is the causal one.

    Returns:
        The output, shaped as ``query``, and the weights, shape (N, L, S) averaged over the heads or
        (N, num_heads, L, S), or None.
    """
    is_batched = query.dim() == 3
    if query.dim() not in (2, 3) or key.dim() != query.dim() or value.dim() != query.dim():
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor, "
            f"{key.dim()}-D key tensor and {value.dim()}-D value tensor"
        )
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not is_batched:
        same = query is key and key is value
        query = query.unsqueeze(1)
        key, value = (query, query) if same else (key.unsqueeze(1), value.unsqueeze(1))
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)

    tgt_len, batch, embed_dim = query.shape
    src_len = key.size(0)
    if embed_dim != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}")
    head_dim = embed_dim // num_heads
    if head_dim * num_heads != embed_dim:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        separate = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = _project(query, key, value, None, separate, in_proj_bias)
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        q, k, v = _project(query, key, value, in_proj_weight, (None, None, None), in_proj_bias)

    key_mask = _canonical_mask(key_padding_mask, "key_padding_mask", attn_mask, q.dtype)
    mask = _canonical_mask(attn_mask, "attn_mask", None, q.dtype)
    if mask is not None:
        want = (tgt_len, src_len) if mask.dim() == 2 else (batch * num_heads, tgt_len, src_len)
        if tuple(mask.shape) != want:
            raise RuntimeError(
                f"The shape of the {mask.dim()}D attn_mask is {tuple(mask.shape)}, but should be {want}."
            )

    if bias_k is not None and bias_v is not None:
        k = weft.cat([k, bias_k.expand(1, batch, embed_dim)])
        v = weft.cat([v, bias_v.expand(1, batch, embed_dim)])
    q = q.reshape(tgt_len, batch * num_heads, head_dim).transpose(0, 1)
    k = static_k if static_k is not None else k.reshape(-1, batch * num_heads, head_dim).transpose(0, 1)
    v = static_v if static_v is not None else v.reshape(-1, batch * num_heads, head_dim).transpose(0, 1)
    if add_zero_attn:
        k, v = pad(k, (0, 0, 0, 1)), pad(v, (0, 0, 0, 1))
    added = k.size(1) - src_len if static_k is None else 0
    if added:  # the keys added above are never masked
        mask = None if mask is None else pad(mask, (0, added))
        key_mask = None if key_mask is None else pad(key_mask, (0, added))
    src_len = k.size(1)
    if key_mask is not None:
        if tuple(key_mask.shape) != (batch, src_len):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(batch, src_len)}, but got {tuple(key_mask.shape)}"
            )
        key_mask = key_mask.reshape(batch, 1, 1, src_len)
        if mask is None:
            mask = key_mask.expand(batch, num_heads, 1, src_len).reshape(batch * num_heads, 1, src_len)
        else:
            full = mask if mask.dim() == 3 else mask.unsqueeze(0).expand(batch * num_heads, tgt_len, mask.size(-1))
            mask = (full.reshape(batch, num_heads, tgt_len, src_len) + key_mask).reshape(
                batch * num_heads, tgt_len, src_len
            )

    dropout_p = dropout_p if training else 0.0
    weights = None
    if need_weights:
        scores = weft.matmul(q * head_dim**-0.5, k.transpose(1, 2))
        weights = native.softmax(scores if mask is None else scores + mask, -1)
        if dropout_p > 0.0:
            weights = native.dropout(weights, dropout_p, True)
        attended = weft.matmul(weights, v)
        weights = weights.reshape(batch, num_heads, tgt_len, src_len)
        if average_attn_weights:
            weights = weights.mean(1)
        if not is_batched:
            weights = weights.squeeze(0)
    else:
        q, k, v = (x.reshape(batch, num_heads, -1, head_dim) for x in (q, k, v))
        if mask is not None:
            mask = mask.unsqueeze(0) if mask.dim() == 2 else mask.reshape(batch, num_heads, -1, src_len)
        attended = scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout_p)
        attended = attended.reshape(batch * num_heads, tgt_len, head_dim)
    out = attended.transpose(0, 1).reshape(tgt_len * batch, embed_dim)
    out = native.linear(out, out_proj_weight, out_proj_bias).reshape(tgt_len, batch, -1)
    return (out if is_batched else out.squeeze(1)), weights
