"""Max, average and adaptive average pooling over one to three spatial dimensions."""

from __future__ import annotations

from ops.table import Op, pointwise

_WINDOW = "kernel_size: list[int], stride: list[int], padding: list[int]"
_MAX = f"self: Tensor, {_WINDOW}, dilation: list[int], ceil_mode: bool"
_AVERAGE = f"{_WINDOW}, ceil_mode: bool, count_include_pad: bool, divisor_override: int | None"

Op(
    f"max_pool({_MAX}) -> (out: Tensor, *, indices: Tensor)",
    "The maximum of each window, over the dimensions after the second.",
    namespace="_",
    impl="max_pool",
    cost=pointwise(1.0),
    vjp={"self": lambda g, self, indices: max_pool_backward(g, indices, self.sizes)},
    backward_name="MaxPool",
)
Op(
    f"max_pool_with_indices({_MAX}) -> (out: Tensor, indices: Tensor)",
    "max_pool, and where in its plane each maximum lies.",
    namespace="_",
    impl="max_pool",
    cost=pointwise(1.0),
    vjp={"self": lambda g, self, indices: max_pool_backward(g, indices, self.sizes)},
    backward_name="MaxPoolWithIndices",
)
Op(
    "max_pool_backward(grad: Tensor, indices: Tensor, sizes: list[int]) -> Tensor",
    "Adds gradients up where the maxima lie, in zeros of shape `sizes`.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={"grad": lambda g, indices: max_pool_gather(g, indices)},
)
Op(
    "max_pool_gather(self: Tensor, indices: Tensor) -> Tensor",
    "The elements at the places of maxima: the derivative of max_pool along a direction.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={"self": lambda g, self, indices: max_pool_backward(g, indices, self.sizes)},
)
Op(
    f"avg_pool(self: Tensor, {_AVERAGE}) -> Tensor",
    "The average of each window, over the dimensions after the second.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={
        "self": lambda g, self, kernel_size, stride, padding, count_include_pad, divisor_override: avg_pool_backward(
            g, self.sizes, kernel_size, stride, padding, count_include_pad, divisor_override
        )
    },
)
Op(
    f"avg_pool_backward(grad: Tensor, sizes: list[int], {_WINDOW}, count_include_pad: bool,"
    " divisor_override: int | None) -> Tensor",
    "The gradient of avg_pool for its input, of shape `sizes`.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={
        "grad": lambda g, grad, kernel_size, stride, padding, count_include_pad, divisor_override: avg_pool_like(
            g, grad.sizes, kernel_size, stride, padding, count_include_pad, divisor_override
        )
    },
)
Op(
    f"avg_pool_like(self: Tensor, sizes: list[int], {_WINDOW}, count_include_pad: bool,"
    " divisor_override: int | None) -> Tensor",
    "avg_pool to a result of shape `sizes`, whichever way ceil_mode rounded it.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={
        "self": lambda g, self, kernel_size, stride, padding, count_include_pad, divisor_override: avg_pool_backward(
            g, self.sizes, kernel_size, stride, padding, count_include_pad, divisor_override
        )
    },
)
Op(
    "adaptive_avg_pool(self: Tensor, output_size: list[int]) -> Tensor",
    "Averages over near-equal windows, over the dimensions after the second.",
    namespace="_",
    cost=pointwise(0.5),
    vjp={"self": lambda g, self: adaptive_avg_pool_backward(g, self.sizes)},
)
Op(
    "adaptive_avg_pool_backward(grad: Tensor, sizes: list[int]) -> Tensor",
    "The gradient of adaptive_avg_pool for its input, of shape `sizes`.",
    namespace="_",
    cost=pointwise(1.0),
    vjp={"grad": lambda g, grad: adaptive_avg_pool_like(g, grad.sizes)},
)
Op(
    "adaptive_avg_pool_like(self: Tensor, sizes: list[int]) -> Tensor",
    "adaptive_avg_pool to the sizes after batch and channel of `sizes`.",
    namespace="_",
    composite=True,
)


def _max(n: int) -> None:
    ones = ", ".join(["4"] * n)
    twos = ", ".join(["2"] * n)
    sizes = ((2, 3, 9), (2, 3, 5, 6), (2, 2, 4, 5, 4))[n - 1]
    samples = [(sizes, [2]), (sizes, [3], [2], [1]), (sizes, [2], [1], [0], [2], True), (sizes[1:], [2])]
    arguments = (
        f"self: Tensor, kernel_size: ints[{n}], stride: ints[{n}] | None = None, padding: ints[{n}] = 0,"
        f" dilation: ints[{n}] = 1, ceil_mode: bool = False"
    )
    about = f"""over {n} spatial dimension{"s" if n > 1 else ""}.

    Args:
        input: shape (batch, channels, *spatial), or without the batch.
        stride: from one window to the next; the kernel size when None.
        padding: of -inf on both sides, at most half the kernel size.
        ceil_mode: also takes a last window that hangs over the end.
"""
    Op(
        f"max_pool{n}d({arguments}) -> Tensor",
        f"""The maximum of each window, {about}
    >>> weft.max_pool{n}d(weft.ones(1, 1, {ones}), 2).shape
    weft.Size([1, 1, {twos}])
    """,
        method=False,
        composite=True,
        batch="images",
        cost=pointwise(1.0),
        samples=samples,
    )
    where = "weft" if n == 1 else "weft._core.nn"
    Op(
        f"max_pool{n}d_with_indices({arguments}) -> (out: Tensor, indices: Tensor)",
        f"""The maximum of each window and its flat index in the plane, {about}
    >>> {where}.max_pool{n}d_with_indices(weft.ones(1, 1, {ones}), 2)[1].dtype
    weft.int64
    """,
        namespace="" if n == 1 else "nn",
        method=False,
        composite=True,
        batch="images",
        cost=pointwise(1.0),
        samples=samples,
    )


def _average(n: int) -> None:
    ones = ", ".join(["4"] * n)
    twos = ", ".join(["2"] * n)
    where = "weft" if n == 1 else "weft._core.nn"
    sizes = ((2, 3, 9), (2, 3, 5, 6), (2, 2, 4, 5, 4))[n - 1]
    samples = [(sizes, [2]), (sizes, [3], [2], [1]), (sizes, [3], [2], [1], True, False), (sizes[1:], [2])]
    divisor = "" if n == 1 else ", divisor_override: int | None = None"
    if n > 1:
        samples.append((sizes, [2], [1], [0], False, True, 3))
    Op(
        f"avg_pool{n}d(self: Tensor, kernel_size: ints[{n}], stride: ints[{n}] | None = None,"
        f" padding: ints[{n}] = 0, ceil_mode: bool = False,"
        f" count_include_pad: bool = True{divisor}) -> Tensor",
        f"""The average of each window, over {n} spatial dimension{"s" if n > 1 else ""}.

    Args:
        input: shape (batch, channels, *spatial), or without the batch.
        stride: from one window to the next; the kernel size when None.
        padding: of zeros on both sides, at most half the kernel size.
        ceil_mode: also takes a last window that hangs over the end.
        count_include_pad: whether the divisor counts padding.

    >>> {where}.avg_pool{n}d(weft.ones(1, 1, {ones}), 2).shape
    weft.Size([1, 1, {twos}])
    """,
        namespace="" if n == 1 else "nn",
        method=False,
        composite=True,
        batch="images",
        cost=pointwise(0.5),
        samples=samples,
        out=True,
    )
    Op(
        f"adaptive_avg_pool{n}d(self: Tensor, output_size: ints[{n}]) -> Tensor",
        f"""Averages over near-equal windows that give a result of the wanted size.

    Window o of an input of size n covers floor(o n / output_size) to ceil((o + 1) n / output_size).

    Args:
        input: shape (batch, channels, *spatial), or without the batch.

    >>> {where}.adaptive_avg_pool{n}d(weft.ones(1, 1, {ones}), 2).shape
    weft.Size([1, 1, {twos}])
    """,
        namespace="" if n == 1 else "nn",
        method=False,
        composite=True,
        batch="images",
        cost=pointwise(0.5),
        samples=[(sizes, [1] * n), (sizes, [2]), (sizes, [7]), (sizes[1:], [3])],
    )


for _n in (1, 2, 3):
    _max(_n)
    _average(_n)
