"""Reductions over dimensions. A list of dimensions may be None or empty: all of them, as in PyTorch."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "sum(self: Tensor, *, dtype: dtype | None = None) -> Tensor",
    """The sum of all elements; integers add up to int64.

    >>> weft.ones(2, 3).sum().item()
    6.0
    """,
    composite=True,
    cost=pointwise(0.1),
    samples=[((3, 4),), ((),), ((0, 2),)],
    ref="numpy.sum",
    batch="dims",
)
Op(
    "sum.dim(self: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor",
    """The sum over the given dimensions.

    >>> weft.ones(2, 3).sum(1)
    tensor([3., 3.])
    """,
    cost=pointwise(0.1),
    out=True,
    out_casts=True,
    vjp={"self": lambda g, self, dim, keepdim: unreduced(g, self.sizes, dim, keepdim)},
    samples=[((3, 4), [0]), ((3, 4), [-1], True), ((2, 3, 4), [0, 2]), ((2, 0), [1])],
    ref=lambda x, dim, keepdim=False: x.sum(tuple(dim), keepdims=keepdim),
)
Op(
    "unreduced(grad: Tensor, sizes: list[int], dim: list[int] | None, keepdim: bool) -> Tensor",
    "Spreads the gradient of a sum over the dimensions it summed.",
    namespace="_",
    composite=True,
)
Op(
    "mean(self: Tensor, *, dtype: dtype | None = None) -> Tensor",
    """The mean of all elements. Raises RuntimeError for integers.

    >>> weft.tensor([1.0, 3.0]).mean()
    tensor(2.)
    """,
    composite=True,
    out=True,
    out_casts=True,
    cost=pointwise(0.1),
    samples=[((3, 4),), ((),)],
    ref="numpy.mean",
    batch="dims",
)
Op(
    "mean.dim(self: Tensor, dim: list[int] | None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor",
    """The mean over the given dimensions.

    >>> weft.tensor([[1.0, 3.0]]).mean(1)
    tensor([2.])
    """,
    cost=pointwise(0.1),
    out=True,
    out_casts=True,
    vjp={"self": lambda g, self, dim, keepdim: mean_backward(g, self.sizes, dim, keepdim)},
    samples=[((3, 4), [0]), ((3, 4), [-1], True), ((2, 3, 4), [0, 2])],
    ref=lambda x, dim, keepdim=False: x.mean(tuple(dim), keepdims=keepdim),
)
Op(
    "mean_backward(grad: Tensor, sizes: list[int], dim: list[int] | None, keepdim: bool) -> Tensor",
    "Spreads the gradient of a mean.",
    namespace="_",
    composite=True,
)
Op(
    "prod(self: Tensor, *, dtype: dtype | None = None) -> Tensor",
    """The product of all elements; of integers in int64.

    >>> weft.tensor([2, 3]).prod()
    tensor(6)
    """,
    composite=True,
    autocast="float32",
    cost=pointwise(0.15),
    samples=[((2, 3),), ((),), ((0,),)],
    ref="numpy.prod",
    batch="dims",
)
Op(
    "prod.dim(self: Tensor, dim: int, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor",
    """The product along one dimension.

    >>> weft.tensor([[2, 3]]).prod(1)
    tensor([6])
    """,
    autocast="float32",
    cost=pointwise(0.15),
    out=True,
    out_casts=True,
    holomorphic=True,
    vjp={"self": lambda g, self, dim, keepdim: prod_backward(g, self, dim, keepdim)},
    samples=[((3, 4), 0), ((3, 4), -1, True)],
    ref=lambda x, dim, keepdim=False: x.prod(dim, keepdims=keepdim),
)
Op(
    "prod_backward(grad: Tensor, self: Tensor, dim: int, keepdim: bool) -> Tensor",
    "grad times the product of the other elements, zeros or not.",
    namespace="_",
    composite=True,
)
for _name, _word, _numpy in (("amax", "largest", "max"), ("amin", "smallest", "min")):
    Op(
        f"{_name}(self: Tensor, dim: list[int] | None = [], keepdim: bool = False) -> Tensor",
        f"""The {_word} elements over the given dimensions; equal ones share the gradient.

        >>> weft.tensor([[1, 1]]).{_name}(1)
        tensor([1])
        """,
        cost=pointwise(0.1),
        out=True,
        vjp={"self": lambda g, self, out, dim, keepdim: extreme_backward(g, self, out, dim, keepdim)},
        samples=[((3, 4),), ((3, 4), [0]), ((2, 3, 4), [0, -1], True), ((), [])],
        ref=lambda x, dim=(), keepdim=False, _numpy=_numpy: getattr(x, _numpy)(tuple(dim) or None, keepdims=keepdim),
    )
Op(
    "extreme_backward(grad: Tensor, self: Tensor, out: Tensor, dim: list[int] | None, keepdim: bool) -> Tensor",
    "grad shared between the elements that equal the result.",
    namespace="_",
    composite=True,
)
for _name, _word, _other in (("max", "largest", "maximum"), ("min", "smallest", "minimum")):
    Op(
        f"{_name}(self: Tensor) -> Tensor",
        f"""The {_word} element.

        >>> weft.tensor([1, 1]).{_name}()
        tensor(1)
        """,
        composite=True,
        cost=pointwise(0.1),
        samples=[((3, 4),), ((),)],
        ref=f"numpy.{_name}",
        batch="dims",
        out=True,
        out_casts=True,
    )
    # Before the form with a dimension: a 0-dim tensor of integers is compared with.
    Op(
        f"{_name}.other(self: Tensor, other: Tensor) -> Tensor",
        f"""The same as {_other}.

        >>> weft.{_name}(weft.tensor([1]), weft.tensor([1]))
        tensor([1])
        """,
        composite=True,
        cost=pointwise(0.15),
        samples=[((3, 4), (4,))],
        ref=f"numpy.{_other}",
        batch="pointwise",
        out=True,
        out_casts=True,
    )
    Op(
        f"{_name}.dim(self: Tensor, dim: int, keepdim: bool = False) -> (values: Tensor, indices: Tensor)",
        f"""The {_word} elements along a dimension, and where they stand (the first of equal ones).

        >>> weft.tensor([[1.0, 1.0]]).{_name}(1).indices
        tensor([0])
        """,
        cost=pointwise(0.2),
        vjp={
            "self": lambda g_values, self, indices, dim, keepdim: selected_backward(
                g_values, self.sizes, dim, keepdim, indices
            )
        },
        samples=[((3, 4), 0), ((3, 4), -1, True), ((), 0)],
        out=True,
    )
    Op(
        f"arg{_name}(self: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor",
        f"""Where the {_word} element stands, the first of equal ones; in the flattened tensor when dim is None.

        >>> weft.tensor([1.0, 1.0]).arg{_name}()
        tensor(0)
        """,
        cost=pointwise(0.2),
        samples=[((3, 4),), ((3, 4), 0), ((3, 4), -1)],
        ref=f"numpy.arg{_name}",
        out=True,
    )
for _name, _line in (("all", "Whether all elements are true"), ("any", "Whether an element is true")):
    Op(
        f"{_name}(self: Tensor) -> Tensor",
        f"""{_line}.

        >>> weft.tensor([True]).{_name}()
        tensor(True)
        """,
        cost=pointwise(0.05),
        samples=[((3, 4),), ((),), ((0,),)],
        ref=f"numpy.{_name}",
        batch="dims",
        out=True,
    )
    Op(
        f"{_name}.dim(self: Tensor, dim: list[int] | None, keepdim: bool = False) -> Tensor",
        f"""{_line} over the given dimensions.

        >>> weft.tensor([[True]]).{_name}(1)
        tensor([True])
        """,
        cost=pointwise(0.05),
        samples=[((3, 4), [0]), ((3, 4), [-1], True)],
        ref=lambda x, dim, keepdim=False, _name=_name: getattr(x, _name)(tuple(dim), keepdims=keepdim),
        out=True,
    )
Op(
    "count_nonzero(self: Tensor, dim: list[int] | None = None) -> Tensor",
    """How many elements are not zero.

    >>> weft.tensor([0, 1, 2]).count_nonzero()
    tensor(2)
    """,
    cost=pointwise(0.1),
    samples=[((3, 4),), ((3, 4), [0])],
    ref=lambda x, dim=None: __import__("numpy").count_nonzero(x, axis=None if dim is None else tuple(dim)),
)
for _name, _line in (("var", "variance"), ("std", "standard deviation")):
    Op(
        f"{_name}(self: Tensor, dim: list[int] | None = None, *, correction: Number | None = None,"
        " keepdim: bool = False) -> Tensor",
        f"""The {_line}: squared deviations are divided by n - correction (1 when None).

        >>> weft.tensor([1.0, 1.0]).{_name}()
        tensor(0.)
        """,
        cost=pointwise(0.3),
        out=True,
        out_casts=True,
        vjp={
            "self": (lambda g, self, dim, correction, keepdim: var_backward(g, self, dim, correction, keepdim))
            if _name == "var"
            else (lambda g, self, out, dim, correction, keepdim: std_backward(g, self, out, dim, correction, keepdim))
        },
        samples=[((3, 4),), ((3, 4), [0]), ((2, 3, 4), [0, -1], {"correction": 0, "keepdim": True})],
        ref=lambda x, dim=None, correction=1, keepdim=False, _name=_name: getattr(x, _name)(
            None if dim is None else tuple(dim), ddof=correction, keepdims=keepdim
        ),
    )
    Op(
        f"{_name}.unbiased(self: Tensor, unbiased: bool) -> Tensor",
        f"""The {_line} of all elements, over n - 1 or over n.

        >>> weft.tensor([1.0, 1.0]).{_name}(False)
        tensor(0.)
        """,
        composite=True,
        cost=pointwise(0.3),
        samples=[((3, 4), True), ((3, 4), False)],
        out=True,
        out_casts=True,
    )
    Op(
        f"{_name}.unbiased_dim(self: Tensor, dim: list[int] | None, unbiased: bool, keepdim: bool = False) -> Tensor",
        f"""The {_line} over dimensions, over n - 1 or over n.

        >>> weft.tensor([[1.0, 1.0]]).{_name}(1, False)
        tensor([0.])
        """,
        composite=True,
        cost=pointwise(0.3),
        samples=[((3, 4), [0], True), ((3, 4), [1], False, True)],
        out=True,
        out_casts=True,
    )
    Op(
        f"{_name}_mean(self: Tensor, dim: list[int] | None = None, *, correction: Number | None = None,"
        f" keepdim: bool = False) -> (out: Tensor, mean: Tensor)",
        f"""The {_line} and the mean.

        >>> weft.{_name}_mean(weft.tensor([1.0, 1.0]))[1]
        tensor(1.)
        """,
        composite=True,
        method=False,
        cost=pointwise(0.3),
        samples=[((3, 4),), ((3, 4), [0])],
    )
    Op(
        f"{_name}_mean.unbiased(self: Tensor, unbiased: bool) -> (out: Tensor, mean: Tensor)",
        f"""The {_line} over n - 1 or over n, and the mean.

        >>> weft.{_name}_mean(weft.tensor([1.0, 1.0]), False)[0]
        tensor(0.)
        """,
        composite=True,
        method=False,
        cost=pointwise(0.3),
        samples=[((3, 4), True), ((3, 4), False)],
    )
    Op(
        f"{_name}_mean.unbiased_dim(self: Tensor, dim: list[int] | None, unbiased: bool, keepdim: bool = False)"
        " -> (out: Tensor, mean: Tensor)",
        f"""The {_line} over dimensions, over n - 1 or over n, and the mean.

        >>> weft.{_name}_mean(weft.tensor([[1.0, 1.0]]), 1, False)[0]
        tensor([0.])
        """,
        composite=True,
        method=False,
        cost=pointwise(0.3),
        samples=[((3, 4), [0], True), ((3, 4), [1], False, True)],
    )
Op(
    "var_backward(grad: Tensor, self: Tensor, dim: list[int] | None, correction: Number | None, keepdim: bool) -> Tensor",
    "2 grad (self - mean) / (n - correction).",
    namespace="_",
    composite=True,
)
Op(
    "std_backward(grad: Tensor, self: Tensor, out: Tensor, dim: list[int] | None, correction: Number | None,"
    " keepdim: bool) -> Tensor",
    "var_backward of grad / (2 out), 0 where out is 0.",
    namespace="_",
    composite=True,
)
Op(
    "vector_norm(self: Tensor, ord: Number = 2, dim: list[int] | None = None, keepdim: bool = False, *,"
    " dtype: dtype | None = None) -> Tensor",
    """(sum |x|^ord)^(1/ord); for ord inf, -inf and 0 the largest, the smallest magnitude, the count of non-zeros.

    >>> weft.linalg.vector_norm(weft.tensor([3.0, 4.0]))
    tensor(5.)
    """,
    namespace="linalg",
    method=False,
    cost=pointwise(0.15),
    vjp={"self": lambda g, self, out, ord, dim, keepdim: norm_backward(g, self, out, ord, dim, keepdim)},
    samples=[((3, 4),), ((3, 4), 1, [0]), ((3, 4), 3, [-1], True), ((2, 3, 4), 2, [0, 2]), ((5,), float("inf"))],
    out=True,
)
Op(
    "norm_backward(grad: Tensor, self: Tensor, out: Tensor, ord: Number, dim: list[int] | None, keepdim: bool) -> Tensor",
    "grad times the derivative of vector_norm.",
    namespace="_",
    composite=True,
)
Op(
    "norm(self: Tensor, p: Number | None = 2, dim: list[int] | None = None, keepdim: bool = False, *,"
    " dtype: dtype | None = None) -> Tensor",
    """The vector norm of order p (2 when None) over dimensions.

    >>> weft.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """,
    composite=True,
    cost=pointwise(0.15),
    out=True,
    samples=[((3, 4),), ((3, 4), 1), ((3, 4), 2, [1], True)],
)
Op(
    "norm.named(self: Tensor, p: str, dim: list[int] | None = None, keepdim: bool = False, *,"
    " dtype: dtype | None = None) -> Tensor",
    """The Frobenius norm, p="fro": the 2-norm over dimensions; or of two dimensions the nuclear norm, p="nuc".

    >>> weft.tensor([3.0, 4.0]).norm("fro")
    tensor(5.)
    """,
    composite=True,
    cost=pointwise(0.15),
    out=True,
    samples=[((3, 4), "fro"), ((3, 4), "nuc")],
)
Op(
    "logsumexp(self: Tensor, dim: list[int], keepdim: bool = False) -> Tensor",
    """log(sum(exp(x))) over dimensions, from the largest element.

    >>> weft.tensor([0.0, 0.0]).logsumexp(0)
    tensor(0.6931)
    """,
    also=("special.logsumexp",),
    cost=pointwise(0.6),
    out=True,
    out_casts=True,
    holomorphic=True,
    vjp={"self": lambda g, self, out, dim, keepdim: logsumexp_backward(g, self, out, dim, keepdim)},
    samples=[((3, 4), [0]), ((3, 4), [-1], True), ((2, 3, 4), [0, 2]), ((), [0])],
    ref=lambda x, dim, keepdim=False: __import__("scipy.special").special.logsumexp(
        x, tuple(dim) if x.ndim else None, keepdims=keepdim
    ),
)
Op(
    "logsumexp_backward(grad: Tensor, self: Tensor, out: Tensor, dim: list[int], keepdim: bool) -> Tensor",
    "grad exp(self - out).",
    namespace="_",
    composite=True,
)
