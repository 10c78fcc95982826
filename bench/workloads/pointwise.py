"""Operators that work element by element, on every size and layout, and copies."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, backward, family

K, M = 1 << 10, 1 << 20
SIZES = {"4": 4, "64K": 64 * K, "1M": M, "16M": 16 * M}

arithmetic = family("arithmetic")
for title, size in SIZES.items():
    moved = {"bytes": 12 * size, "quick": title in ("64K", "16M")}
    arithmetic(f"a + b, {title}", lambda lib, n=size: (lib.add, lib.randn(n), lib.randn(n)), out=size > 4, **moved)
    arithmetic(f"a * 2, {title}", lambda lib, n=size: (lib.mul, lib.randn(n), 2.0), bytes=8 * size)
    arithmetic(f"relu, {title}", lambda lib, n=size: (lib.relu, lib.randn(n)), bytes=8 * size)
    arithmetic(f"a += b, {title}", lambda lib, n=size: (lib.Tensor.add_, lib.zeros(n), lib.randn(n)), bytes=12 * size)
for title, make in {
    "a / b, 1M": lambda lib: (lib.div, lib.randn(M), lib.rand(M) + 1),
    "a > b, 1M": lambda lib: (lib.gt, lib.randn(M), lib.randn(M)),
    "where, 1M": lambda lib: (lib.where, lib.randn(M) > 0, lib.randn(M), lib.randn(M)),
    "clamp, 1M": lambda lib: (lib.clamp, lib.randn(M), -1.0, 1.0),
    "sqrt, 1M": lambda lib: (lib.sqrt, lib.rand(M)),
    "addcmul, 1M": lambda lib: (lib.addcmul, *lib.randn(3, M)),
    "lerp, 1M": lambda lib: (lib.lerp, *lib.randn(2, M), 0.3),
    "int64 a + b, 1M": lambda lib: (lib.add, lib.arange(M), lib.arange(M)),
    "int32 a * b, 1M": lambda lib: (lib.mul, lib.arange(M, dtype=lib.int32), lib.arange(M, dtype=lib.int32)),
    "uint8 a + b, 1M": lambda lib: (lib.add, *lib.ones(2, M, dtype=lib.uint8)),
    "bfloat16 a + b, 1M": lambda lib: (lib.add, *lib.randn(2, M).to(lib.bfloat16)),
    "float64 a + b, 1M": lambda lib: (lib.add, *lib.randn(2, M).double()),
    "bool a & b, 1M": lambda lib: (lib.bitwise_and, lib.randn(M) > 0, lib.randn(M) > 0),
}.items():
    arithmetic(title, make)

layouts = family("layouts")
for title, make in {
    "a + row, 1Kx1K": lambda lib: (lib.add, lib.randn(K, K), lib.randn(K)),
    "a + column, 1Kx1K": lambda lib: (lib.add, lib.randn(K, K), lib.randn(K, 1)),
    "a + row, 100Kx10": lambda lib: (lib.add, lib.randn(100_000, 10), lib.randn(10)),
    "a * column, 100Kx10": lambda lib: (lib.mul, lib.randn(100_000, 10), lib.randn(100_000, 1)),
    "a + channel, 8x64x28x28": lambda lib: (lib.add, lib.randn(8, 64, 28, 28), lib.randn(64, 1, 1)),
    "outer sum, 1K + 1K": lambda lib: (lib.add, lib.randn(K, 1), lib.randn(K)),
    "a + b transposed, 1Kx1K": lambda lib: (lib.add, lib.randn(K, K), lib.randn(K, K).t()),
    "exp of a transposed, 1Kx1K": lambda lib: (lib.exp, lib.randn(K, K).t()),
    "every second + every second, 1M": lambda lib: (lib.add, lib.randn(2 * M)[::2], lib.randn(2 * M)[::2]),
    "copy of a transposed, 2Kx2K": lambda lib: (lib.Tensor.contiguous, lib.randn(2 * K, 2 * K).t()),
    "copy to channels last, 8x64x56x56": lambda lib: (
        lambda x: x.contiguous(memory_format=lib.channels_last),
        lib.randn(8, 64, 56, 56),
    ),
    "copy of permuted heads, 8x12x256x64": lambda lib: (
        lib.Tensor.contiguous,
        lib.randn(8, 256, 12, 64).transpose(1, 2),
    ),
    "clone, 16M": lambda lib: (lib.clone, lib.randn(16 * M)),
    "copy_, 16M": lambda lib: (lib.Tensor.copy_, lib.zeros(16 * M), lib.randn(16 * M)),
    "zeros, 16M": lambda lib: (lib.zeros, 16 * M),
    "cat of two along 0, 1M each": lambda lib: (lambda a, b: lib.cat([a, b]), lib.randn(M), lib.randn(M)),
    "cat of four along 1, 1Kx256 each": lambda lib: (lambda *a: lib.cat(a, 1), *lib.randn(4, K, 256)),
    "stack of eight, 128K each": lambda lib: (lambda *a: lib.stack(a), *lib.randn(8, 128 * K)),
    "flip of the last dimension, 1Kx1K": lambda lib: (lib.flip, lib.randn(K, K), (1,)),
    "flip of the first dimension, 1Kx1K": lambda lib: (lib.flip, lib.randn(K, K), (0,)),
    "roll, 1Kx1K": lambda lib: (lib.roll, lib.randn(K, K), (3, 5), (0, 1)),
    "repeat, 1K by 1K": lambda lib: (lib.Tensor.repeat, lib.randn(K), K, 1),
    "pad by one, 8x64x56x56": lambda lib: (lib.nn.functional.pad, lib.randn(8, 64, 56, 56), (1, 1, 1, 1)),
    "tril, 1Kx1K": lambda lib: (lib.tril, lib.randn(K, K)),
    "float32 to float64, 1M": lambda lib: (lib.Tensor.double, lib.randn(M)),
    "float32 to bfloat16, 1M": lambda lib: (lib.Tensor.to, lib.randn(M), lib.bfloat16),
    "float32 to float16, 1M": lambda lib: (lib.Tensor.to, lib.randn(M), lib.float16),
    "uint8 to float32, 1M": lambda lib: (lib.Tensor.float, lib.ones(M, dtype=lib.uint8)),
    "int64 to float32, 1M": lambda lib: (lib.Tensor.float, lib.arange(M)),
}.items():
    size = 16 * M if "16M" in title else 0
    layouts(title, make, bytes=(4 if title.startswith("zeros") else 8) * size, quick="row" in title or "clone" in title)

transcendental = family("transcendental")
for function in ("exp", "log", "tanh", "sigmoid", "erf", "sin"):
    for title, size in SIZES.items():
        if title == "4" and function not in ("exp", "tanh"):
            continue
        transcendental(
            f"{function}, {title}",
            lambda lib, f=function, n=size: (getattr(lib, f), lib.rand(n) + 0.5),
            bytes=8 * size,
            out=title == "1M",
            quick=title == "64K",
        )
for title, make in {
    "log1p, 1M": lambda lib: (lib.log1p, lib.rand(M)),
    "rsqrt, 1M": lambda lib: (lib.rsqrt, lib.rand(M) + 0.5),
    "cos, 1M": lambda lib: (lib.cos, lib.randn(M)),
    "a ** 2, 1M": lambda lib: (lib.pow, lib.randn(M), 2),
    "a ** 1.5, 1M": lambda lib: (lib.pow, lib.rand(M), 1.5),
    "a ** b, 1M": lambda lib: (lib.pow, lib.rand(M), lib.rand(M)),
    "atan2, 1M": lambda lib: (lib.atan2, *lib.randn(2, M)),
    "float64 exp, 1M": lambda lib: (lib.exp, lib.randn(M).double()),
    "float64 log, 1M": lambda lib: (lib.log, lib.rand(M).double()),
    "bfloat16 exp, 1M": lambda lib: (lib.exp, lib.randn(M).to(lib.bfloat16)),
}.items():
    transcendental(title, make)

activations = family("activations")


def differentiated(lib: Lib, function: str, size: int) -> Any:
    x = lib.randn(size).requires_grad_()
    return backward(lib, getattr(lib.nn.functional, function)(x), x)


for function in ("gelu", "silu", "relu", "softplus", "mish", "elu", "hardswish", "leaky_relu", "logsigmoid"):
    for title in ("64K", "1M"):
        activations(
            f"{function}, {title}",
            lambda lib, f=function, n=SIZES[title]: (getattr(lib.nn.functional, f), lib.randn(n)),
            quick=title == "64K",
        )
        activations(
            f"{function} backward, {title}",
            lambda lib, f=function, n=SIZES[title]: differentiated(lib, f, n),
            quick=function == "gelu",
        )
for function in ("tanh", "sigmoid"):
    activations(f"{function} backward, 1M", lambda lib, f=function: differentiated(lib, f, M))
activations("dropout, 1M", lambda lib: (lib.nn.functional.dropout, lib.randn(M), 0.5, True))
activations("randn, 1M", lambda lib: (lib.randn, M))
activations("rand, 1M", lambda lib: (lib.rand, M))
activations("bernoulli, 1M", lambda lib: (lib.bernoulli, lib.rand(M)))
activations("randperm, 64K", lambda lib: (lib.randperm, 64 * K))
