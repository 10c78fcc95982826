"""Matrix products and linear layers."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, backward, family, leaf

add = family("matmul")


def operands(lib: Lib, m: int, n: int, k: int, form: str, dtype: str = "float32") -> tuple[Any, Any]:
    """A (m, k) and B (k, n), each in memory as it is (N) or as its transpose (T)."""
    a = lib.randn(m, k) if form[0] == "N" else lib.randn(k, m).t()
    b = lib.randn(k, n) if form[1] == "N" else lib.randn(n, k).t()
    return a.to(getattr(lib, dtype)), b.to(getattr(lib, dtype))


def product(m: int, n: int, k: int, form: str = "NN", dtype: str = "float32", **options: Any) -> None:
    shape = f"{m}" if m == n == k else f"{m}x{n}x{k}"
    kind = "" if dtype == "float32" else f" {dtype}"
    add(
        f"{shape} {form}{kind}",
        lambda lib: (lib.matmul, *operands(lib, m, n, k, form, dtype)),
        flops=2 * m * n * k,
        **options,
    )


for size in (64, 96, 128, 256, 512, 1024, 2048):
    product(size, size, size, quick=size in (64, 256, 1024), out=size == 512)
for form in ("NT", "TN", "TT"):
    product(256, 256, 256, form)
    product(1024, 1024, 1024, form, quick=form == "NT")
for rows in (1, 8, 32):
    for form in ("NN", "NT"):
        product(rows, 1024, 1024, form, quick=rows == 8)
product(8, 4096, 4096)
product(8, 4096, 4096, "NT")
product(1, 4096, 4096, "NT")
product(64, 10, 512, "NT", quick=True)
product(64, 10, 512)
product(512, 10, 64, "TN")
product(8, 64, 64, "NT")
product(512, 512, 512, dtype="float64")
product(512, 512, 512, dtype="bfloat16")
product(512, 512, 512, "NT", dtype="float16")

batched = family("batched matmul")
for batch, m, n, k in ((64, 32, 32, 32), (48, 128, 128, 64), (48, 512, 64, 512), (512, 16, 16, 16)):
    batched(
        f"{batch} of {m}x{n}x{k}",
        lambda lib, b=batch, m=m, n=n, k=k: (lib.bmm, lib.randn(b, m, k), lib.randn(b, k, n)),
        flops=2 * batch * m * n * k,
        quick=batch == 64,
    )
batched(
    "48 of 128x128x64 NT",
    lambda lib: (lib.matmul, lib.randn(48, 128, 64), lib.randn(48, 128, 64).transpose(1, 2)),
    flops=2 * 48 * 128 * 128 * 64,
)
batched("einsum bhid,bhjd->bhij", lambda lib: (lib.einsum, "bhid,bhjd->bhij", *lib.randn(2, 4, 12, 128, 64)))

linear = family("linear")


def layer(rows: int, inputs: int, outputs: int, **options: Any) -> None:
    """y = x W^T + b forward; the three products of its backward pass."""
    flops = 2 * rows * inputs * outputs
    shape = f"{rows}x{outputs}x{inputs}"
    linear(
        f"{shape}",
        lambda lib: (
            lib.nn.functional.linear,
            lib.randn(rows, inputs),
            lib.randn(outputs, inputs),
            lib.randn(outputs),
        ),
        flops=flops,
        **options,
    )

    def both(lib: Lib) -> Any:
        leaves = leaf(lib, rows, inputs), leaf(lib, outputs, inputs), leaf(lib, outputs)
        return backward(lib, lib.nn.functional.linear(*leaves), *leaves)

    linear(f"{shape} backward", both, flops=2 * flops, **options)


layer(512, 768, 3072, quick=True)
layer(64, 784, 512)
layer(32, 1024, 1024)
layer(1, 512, 512)
layer(8, 64, 64)
layer(64, 512, 10, quick=True)
linear(
    "512x3072x768 then gelu",
    lambda lib: (
        lambda x, w, b: lib.nn.functional.gelu(lib.nn.functional.linear(x, w, b)),
        lib.randn(512, 768),
        lib.randn(3072, 768),
        lib.randn(3072),
    ),
    flops=2 * 512 * 768 * 3072,
)
