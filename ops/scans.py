"""Running sums, products and extremes along a dimension."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "cumsum(self: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor",
    """Running sums; of integers in int64.

    >>> weft.tensor([1, 2, 3]).cumsum(0)
    tensor([1, 3, 6])
    """,
    cost=pointwise(0.8),
    inplace=True,
    out=True,
    out_casts=True,
    vjp={"self": lambda g, dim: reversed_along(cumsum(reversed_along(g, dim), dim), dim)},
    samples=[((3, 4), 0), ((3, 4), -1), ((), 0), ((0, 3), 0)],
    ref=lambda x, dim: x.cumsum(dim) if x.ndim else x,
)
Op(
    "cumprod(self: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor",
    """Running products; of integers in int64.

    >>> weft.tensor([1, 2, 3]).cumprod(0)
    tensor([1, 2, 6])
    """,
    cost=pointwise(0.8),
    inplace=True,
    out=True,
    out_casts=True,
    holomorphic=True,
    vjp={"self": lambda g, self, out, dim: cumprod_backward(g, self, out, dim)},
    samples=[((3, 4), 0), ((3, 4), -1), ((), 0)],
    ref=lambda x, dim: x.cumprod(dim) if x.ndim else x,
)
Op(
    "cumprod_backward(grad: Tensor, self: Tensor, out: Tensor, dim: int) -> Tensor",
    "The gradient of running products, zeros or not.",
    namespace="_",
    composite=True,
)
Op(
    "logcumsumexp(self: Tensor, dim: int) -> Tensor",
    """log(cumsum(exp(x))), from the larger of two terms each time.

    >>> weft.tensor([0.0, 0.0]).logcumsumexp(0)
    tensor([0.0000, 0.6931])
    """,
    cost=pointwise(3),
    out=True,
    vjp={"self": lambda g, self, out, dim: logcumsumexp_backward(g, self, out, dim)},
    samples=[((3, 4), 0), ((3, 4), -1)],
    ref=lambda x, dim: __import__("numpy").logaddexp.accumulate(x, dim),
)
Op(
    "logcumsumexp_backward(grad: Tensor, self: Tensor, sums: Tensor, dim: int) -> Tensor",
    "grad times the matrix exp(self_i - sums_j) where i <= j, summed over j: the gradient of logcumsumexp.",
    namespace="_",
    cost=pointwise(4),
    vjp={
        "grad": lambda g, self, sums, dim: logcumsumexp_tangent(g, self, sums, dim),
        "self": lambda g, out: g * out,
        "sums": lambda g, grad, self, sums, dim: -grad * logcumsumexp_tangent(g, self, sums, dim),
    },
    samples=[((3, 4), (3, 4), (3, 4), 0), ((2, 3), (2, 3), (2, 3), -1)],
)
Op(
    "logcumsumexp_tangent(tangent: Tensor, self: Tensor, sums: Tensor, dim: int) -> Tensor",
    "tangent times the matrix exp(self_i - sums_j) where i <= j, summed over i: logcumsumexp's derivative along it.",
    namespace="_",
    cost=pointwise(4),
    vjp={
        "tangent": lambda g, self, sums, dim: logcumsumexp_backward(g, self, sums, dim),
        "self": lambda g, tangent, self, sums, dim: tangent * logcumsumexp_backward(g, self, sums, dim),
        "sums": lambda g, out: -g * out,
    },
    samples=[((3, 4), (3, 4), (3, 4), 0), ((2, 3), (2, 3), (2, 3), -1)],
)
for _name, _word in (("cummax", "largest"), ("cummin", "smallest")):
    Op(
        f"{_name}(self: Tensor, dim: int) -> (values: Tensor, indices: Tensor)",
        f"""The {_word} element so far, and where it was met last.

        >>> weft.tensor([1, 1]).{_name}(0).indices
        tensor([0, 1])
        """,
        cost=pointwise(1.2),
        vjp={"self": lambda g_values, self, indices, dim: cumulative_extreme_backward(g_values, indices, dim)},
        samples=[((3, 4), 0), ((3, 4), -1)],
        out=True,
    )
Op(
    "cumulative_extreme_backward(grad: Tensor, indices: Tensor, dim: int) -> Tensor",
    "Adds grad up at the places the extremes came from.",
    namespace="_",
    composite=True,
)
Op(
    "reversed_along(self: Tensor, dim: int) -> Tensor",
    "The elements in reverse order along a dimension.",
    namespace="_",
    cost=pointwise(0.3),
    vjp={"self": lambda g, dim: reversed_along(g, dim)},
)
