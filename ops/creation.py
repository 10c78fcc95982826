"""New tensors from sizes and numbers."""

from __future__ import annotations

import numpy

from ops.table import Op, pointwise

_FACTORY = {"factory": True, "method": False}

Op(
    "empty(size: shape, *, dtype: dtype | None = None, memory_format: memory_format | None = None) -> Tensor",
    """A tensor whose elements hold whatever memory held.

    >>> weft.empty(2, 3).shape
    weft.Size([2, 3])
    """,
    **_FACTORY,
    samples=[([0, 3],)],
)
Op(
    "empty_strided(size: list[int], stride: list[int], *, dtype: dtype | None = None) -> Tensor",
    "An uninitialised tensor with the given strides.",
    **_FACTORY,
    samples=[([0, 3], [3, 1])],
)
Op(
    "zeros(size: shape, *, dtype: dtype | None = None) -> Tensor",
    """A tensor of zeros.

    >>> weft.zeros(2).tolist()
    [0.0, 0.0]
    """,
    out=True,
    samples=[([2, 3],), ([],), ([0],)],
    big=[([300_001],)],
    ref=lambda size: numpy.zeros(size),
    **_FACTORY,
)
Op(
    "ones(size: shape, *, dtype: dtype | None = None) -> Tensor",
    """A tensor of ones.

    >>> weft.ones(2).tolist()
    [1.0, 1.0]
    """,
    out=True,
    samples=[([2, 3],), ([],), ([0],)],
    big=[([300_001],)],
    ref=lambda size: numpy.ones(size),
    **_FACTORY,
)
Op(
    "full(size: list[int], fill_value: Number, *, dtype: dtype | None = None) -> Tensor",
    """A tensor in which every element is fill_value; its dtype follows the number unless given.

    >>> weft.full((2,), 3).tolist()
    [3, 3]
    """,
    out=True,
    samples=[([2, 3], 1.5), ([], 2), ([0], True)],
    big=[([300_001], 1.5)],
    ref=lambda size, value: numpy.full(size, value),
    **_FACTORY,
)
Op(
    "scalar_tensor(s: Number, *, dtype: dtype | None = None) -> Tensor",
    "A 0-dim tensor holding a number, of the default dtype unless given.",
    impl="make_scalar_tensor",
    samples=[(1.5,)],
    ref=lambda s: numpy.array(s),
    **_FACTORY,
)
Op(
    "arange.start(start: Number, end: Number, step: Number = 1, *, dtype: dtype | None = None) -> Tensor",
    """The numbers start, start + step, ... before end; integers give int64.

    >>> weft.arange(1, 4).tolist()
    [1, 2, 3]
    """,
    out=True,
    samples=[(1, 7), (0, 10, 3), (5, 0, -2), (0.0, 1.0, 0.25), (3, 3)],
    big=[(1, 300_001, 3), (0.0, 1.0, 1e-5)],
    ref="numpy.arange",
    **_FACTORY,
)
Op(
    "arange(end: Number, *, dtype: dtype | None = None) -> Tensor",
    "The numbers 0, 1, ... before end.",
    out=True,
    samples=[(5,), (0,)],
    big=[(300_001,)],
    ref="numpy.arange",
    **_FACTORY,
)
Op(
    "linspace(start: Number, end: Number, steps: int, *, dtype: dtype | None = None) -> Tensor",
    """`steps` numbers evenly spaced from start to end, both included.

    >>> weft.linspace(0, 1, 3).tolist()
    [0.0, 0.5, 1.0]
    """,
    out=True,
    samples=[(0, 1, 5), (-1.0, 1.0, 4), (2, 2, 1), (0, 1, 0)],
    big=[(-1.0, 1.0, 100_001)],
    ref="numpy.linspace",
    **_FACTORY,
)
Op(
    "logspace(start: Number, end: Number, steps: int, base: float = 10.0, *, dtype: dtype | None = None) -> Tensor",
    "base to the powers of linspace(start, end, steps).",
    out=True,
    samples=[(0, 2, 3), (0, 3, 4, 2.0)],
    big=[(0, 2, 100_001)],
    ref=lambda a, b, n, base=10.0: numpy.logspace(a, b, n, base=base),
    **_FACTORY,
)
for _name, _base in (("linspace", ""), ("logspace", "base: float = 10.0, ")):
    Op(
        f"{_name}.tensor(start: Tensor | Number, end: Tensor | Number, steps: int, {_base}*, dtype: dtype | None = None)"
        " -> Tensor",
        f"{_name} between 0-dim tensors; not differentiable.",
        composite=True,
        out=True,
        **_FACTORY,
    )
Op(
    "eye.m(n: int, m: int, *, dtype: dtype | None = None) -> Tensor",
    "An n x m matrix with ones on the diagonal.",
    out=True,
    samples=[(2, 3), (3, 2), (0, 2)],
    big=[(300, 401)],
    ref="numpy.eye",
    **_FACTORY,
)
Op(
    "eye(n: int, *, dtype: dtype | None = None) -> Tensor",
    """The identity matrix of n rows.

    >>> weft.eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """,
    out=True,
    samples=[(3,), (0,)],
    big=[(401,)],
    ref="numpy.eye",
    **_FACTORY,
)

_LIKE = {"factory": True, "method": False}
for _name, _doc in (("empty", "Uninitialised"), ("zeros", "Zeros"), ("ones", "Ones")):
    Op(
        f"{_name}_like(self: Tensor, *, dtype: dtype | None = None, memory_format: memory_format | None = None) -> Tensor",
        f"{_doc}, with self's shape, layout and dtype.",
        **_LIKE,
        batch="leading",
    )
    Op(
        f"new_{_name}(self: Tensor, size: shape, *, dtype: dtype | None = None) -> Tensor",
        f"{_doc} of self's dtype.",
        factory=True,
        function=False,
        batch="sizes",
    )
Op(
    "full_like(self: Tensor, fill_value: Number, *, dtype: dtype | None = None,"
    " memory_format: memory_format | None = None) -> Tensor",
    "fill_value everywhere, with self's shape, layout and dtype.",
    samples=[((2, 3), 1.5), ((), 2)],
    ref="numpy.full_like",
    **_LIKE,
    batch="leading",
)
Op(
    "new_full(self: Tensor, size: list[int], fill_value: Number, *, dtype: dtype | None = None) -> Tensor",
    "fill_value everywhere, of self's dtype.",
    factory=True,
    function=False,
    samples=[((2,), [2, 3], 1.5)],
    ref=lambda x, size, value: numpy.full(size, value),
    batch="sizes",
)
Op(
    "fill_(self: Tensor, value: Tensor | Number) -> Tensor",
    """Sets every element to value, a number or a 0-dim tensor.

    >>> weft.zeros(2).fill_(3).tolist()
    [3.0, 3.0]
    """,
    cost=pointwise(0.1),
    vjp={"self": lambda g: zeros_like(g), "value": lambda g: sum(g)},
    samples=[((2, 3), 1.5), ((2, 3), ()), ((0,), 1)],
    big=[((300_001,), 1.5)],
    ref=lambda x, value: numpy.full_like(x, value),
)
Op(
    "fill(self: Tensor, value: Tensor | Number) -> Tensor",
    "A tensor like self with every element set to value.",
    method=False,
    composite=True,
    samples=[((2, 3), 1.5), ((), 2)],
    ref=lambda x, value: numpy.full_like(x, value),
)
Op(
    "zero_(self: Tensor) -> Tensor",
    "Sets every element to zero.",
    cost=pointwise(0.1),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((2, 3),), ((),), ((0,),)],
    big=[((700_001,),)],
    ref="numpy.zeros_like",
    batch="leading",
)
