"""Reductions over every axis, and scans."""

from __future__ import annotations

from bench.workload import backward, family

K, M = 1 << 10, 1 << 20

add = family("reductions")
for title, size in {"4": 4, "64K": 64 * K, "1M": M, "16M": 16 * M}.items():
    add(f"sum, {title}", lambda lib, n=size: (lib.sum, lib.randn(n)), bytes=4 * size, quick=title != "1M")
for dim in (0, 1):
    for function in ("sum", "amax", "argmax", "mean", "var", "prod"):
        add(
            f"{function} over {dim}, 1Kx1K",
            lambda lib, f=function, d=dim: (getattr(lib, f), lib.randn(K, K), d),
            quick=function in ("sum", "var"),
        )
    add(f"sum over {dim}, 64Kx10", lambda lib, d=dim: (lib.sum, lib.randn(64 * K, 10), d))
    add(f"max over {dim}, 64Kx10", lambda lib, d=dim: (lib.max, lib.randn(64 * K, 10), d))
for title, make in {
    "sum over 1, 16Kx64": lambda lib: (lib.sum, lib.randn(16 * K, 64), 1),
    "sum over 1, 64x64x1K": lambda lib: (lib.sum, lib.randn(64, 64, K), 1),
    "sum over 0 2 3, 8x64x28x28": lambda lib: (lib.sum, lib.randn(8, 64, 28, 28), (0, 2, 3)),
    "sum of a transposed, 1Kx1K": lambda lib: (lib.sum, lib.randn(K, K).t()),
    "sum of every second, 1M": lambda lib: (lib.sum, lib.randn(2 * M)[::2]),
    "max, 1M": lambda lib: (lib.max, lib.randn(M)),
    "argmax, 1M": lambda lib: (lib.argmax, lib.randn(M)),
    "norm, 1M": lambda lib: (lib.linalg.vector_norm, lib.randn(M)),
    "any, 1M of bool": lambda lib: (lib.any, lib.zeros(M, dtype=lib.bool)),
    "all over 1, 1Kx1K of bool": lambda lib: (lib.all, lib.ones(K, K, dtype=lib.bool), 1),
    "count_nonzero, 1M": lambda lib: (lib.count_nonzero, lib.randn(M)),
    "sum, 1M of int64": lambda lib: (lib.sum, lib.arange(M)),
    "sum, 1M of float64": lambda lib: (lib.sum, lib.randn(M).double()),
    "sum, 1M of bfloat16": lambda lib: (lib.sum, lib.randn(M).to(lib.bfloat16)),
    "logsumexp over 1, 1Kx1K": lambda lib: (lib.logsumexp, lib.randn(K, K), 1),
    "mean backward, 1Kx1K": lambda lib: backward(lib, *(lambda x: (x.mean(1), x))(lib.randn(K, K).requires_grad_())),
    "amax backward, 1Kx1K": lambda lib: backward(lib, *(lambda x: (x.amax(1), x))(lib.randn(K, K).requires_grad_())),
}.items():
    add(title, make)

scans = family("scans")
for title, make in {
    "cumsum over 1, 1Kx1K": lambda lib: (lib.cumsum, lib.randn(K, K), 1),
    "cumsum over 0, 1Kx1K": lambda lib: (lib.cumsum, lib.randn(K, K), 0),
    "cumsum, 1M": lambda lib: (lib.cumsum, lib.randn(M), 0),
    "cumprod over 1, 1Kx1K": lambda lib: (lib.cumprod, lib.rand(K, K), 1),
    "cummax over 1, 1Kx1K": lambda lib: (lib.cummax, lib.randn(K, K), 1),
    "logcumsumexp over 1, 1Kx256": lambda lib: (lib.logcumsumexp, lib.randn(K, 256), 1),
    "diff, 1M": lambda lib: (lib.diff, lib.randn(M)),
}.items():
    scans(title, make, quick="1M" in title)
