"""Embeddings, gathering and scattering, sorting and searching."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, backward, family, leaf

K, M = 1 << 10, 1 << 20


def indices(lib: Lib, high: int, *shape: int) -> Any:
    return lib.randint(0, high, shape)


add = family("indexing")


def embedding_backward(lib: Lib) -> Any:
    weight = leaf(lib, 10_000, 256)
    return backward(lib, lib.nn.functional.embedding(indices(lib, 10_000, 64, 128), weight), weight)


for title, make in {
    "embedding 8K of 10Kx256": lambda lib: (
        lib.nn.functional.embedding,
        indices(lib, 10_000, 64, 128),
        lib.randn(10_000, 256),
    ),
    "embedding backward 8K of 10Kx256": embedding_backward,
    "embedding_bag 64x128 of 10Kx64": lambda lib: (
        lib.nn.functional.embedding_bag,
        indices(lib, 10_000, 64, 128),
        lib.randn(10_000, 64),
    ),
    "index_select rows, 64Kx64": lambda lib: (lib.index_select, lib.randn(64 * K, 64), 0, indices(lib, 64 * K, 16 * K)),
    "index_select columns, 1Kx1K": lambda lib: (lib.index_select, lib.randn(K, K), 1, indices(lib, K, 512)),
    "gather over 1, 1Kx1K": lambda lib: (lib.gather, lib.randn(K, K), 1, indices(lib, K, K, K)),
    "gather over 0, 1Kx1K": lambda lib: (lib.gather, lib.randn(K, K), 0, indices(lib, K, K, K)),
    "scatter_add over 1, 1Kx1K": lambda lib: (
        lib.scatter_add,
        lib.zeros(K, K),
        1,
        indices(lib, K, K, K),
        lib.randn(K, K),
    ),
    "index_add, 64K rows into 1Kx64": lambda lib: (
        lib.index_add,
        lib.zeros(K, 64),
        0,
        indices(lib, K, 64 * K),
        lib.randn(64 * K, 64),
    ),
    "a[rows], 16K of 64Kx64": lambda lib: (lambda a, i: a[i], lib.randn(64 * K, 64), indices(lib, 64 * K, 16 * K)),
    "a[mask], 1M": lambda lib: (lambda a, m: a[m], lib.randn(M), lib.randn(M) > 0),
    "a[i, j], 1M of 1Kx1K": lambda lib: (lambda a, i, j: a[i, j], lib.randn(K, K), *indices(lib, K, 2, M)),
    "masked_fill, 1M": lambda lib: (lib.masked_fill, lib.randn(M), lib.randn(M) > 0, 0.0),
    "nonzero, 1M": lambda lib: (lib.nonzero, lib.randn(M) > 0),
    "take_along_dim, 1Kx1K": lambda lib: (lib.take_along_dim, lib.randn(K, K), indices(lib, K, K, K), 1),
    "one_hot 64K of 10": lambda lib: (lib.nn.functional.one_hot, indices(lib, 10, 64 * K), 10),
    "bincount, 1M": lambda lib: (lib.bincount, indices(lib, K, M)),
}.items():
    add(title, make, quick="embedding" in title)

sorting = family("sorting")
for title, make in {
    "sort, 1M": lambda lib: (lib.sort, lib.randn(M)),
    "sort over 1, 1Kx1K": lambda lib: (lib.sort, lib.randn(K, K), 1),
    "sort over 0, 1Kx1K": lambda lib: (lib.sort, lib.randn(K, K), 0),
    "argsort, 64K of int64": lambda lib: (lib.argsort, indices(lib, M, 64 * K)),
    "topk 10 of 1Kx1K": lambda lib: (lib.topk, lib.randn(K, K), 10),
    "topk 50 of 64x32000": lambda lib: (lib.topk, lib.randn(64, 32_000), 50),
    "unique, 1M of 1K": lambda lib: (lib.unique, indices(lib, K, M)),
    "median over 1, 1Kx1K": lambda lib: (lib.median, lib.randn(K, K), 1),
    "kthvalue, 1M": lambda lib: (lib.kthvalue, lib.randn(M), 1000),
    "searchsorted, 64K in 64K": lambda lib: (lib.searchsorted, lib.randn(64 * K).sort()[0], lib.randn(64 * K)),
    "multinomial 64 of 64x1K": lambda lib: (lib.multinomial, lib.rand(64, K), 64),
    "histc, 1M": lambda lib: (lib.histc, lib.randn(M), 100),
}.items():
    sorting(title, make, quick=title in ("sort, 1M", "topk 10 of 1Kx1K"))
