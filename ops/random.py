"""Random numbers. They depend on the generator's state and on an element's position alone, not on threads."""

from __future__ import annotations

from ops.table import Op, pointwise

_FILL = {"method": True, "function": False}
_FACTORY = {"factory": True, "method": False}

Op(
    "uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    "Fills self with numbers uniform in [from, to).",
    cost=pointwise(0.8),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((2, 3),), ((4,), -1.0, 2.0), ((),), ((0,),)],
    big=[((300_001,),)],
    **_FILL,
)
Op(
    "normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    "Fills self with normally distributed numbers.",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((2, 3),), ((4,), 1.0, 2.0), ((0,),)],
    big=[((300_001,),)],
    **_FILL,
)
Op(
    "log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor",
    "Fills self with exponentials of normally distributed numbers.",
    cost=pointwise(2.0),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,),)],
    big=[((100_001,),)],
    **_FILL,
)
Op(
    "exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    "Fills self with exponentially distributed numbers of rate lambd.",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,), 2.0)],
    big=[((300_001,),)],
    **_FILL,
)
Op(
    "geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor",
    "Fills self with the number of trials of probability p up to the first success.",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,), 0.3)],
    big=[((100_001,), 0.3)],
    **_FILL,
)
Op(
    "cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    "Fills self with Cauchy-distributed numbers.",
    cost=pointwise(2.0),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,),)],
    big=[((100_001,),)],
    **_FILL,
)
Op(
    "random_.from(self: Tensor, from_: int, to: int | None, *, generator: Generator | None = None) -> Tensor",
    "Fills self with integers uniform in [from, to).",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,), -3, 9)],
    **_FILL,
)
Op(
    "random_.to(self: Tensor, to: int, *, generator: Generator | None = None) -> Tensor",
    "Fills self with integers uniform in [0, to).",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,), 9)],
    **_FILL,
)
Op(
    "random_(self: Tensor, *, generator: Generator | None = None) -> Tensor",
    "Fills self with integers that its dtype holds exactly.",
    cost=pointwise(1.5),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,),)],
    big=[((300_001,),)],
    **_FILL,
)
Op(
    "bernoulli_.float(self: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor",
    "Fills self with ones of probability p and zeros.",
    cost=pointwise(0.8),
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((4,), 0.3)],
    big=[((300_001,), 0.3)],
    **_FILL,
)
Op(
    "bernoulli_(self: Tensor, p: Tensor, *, generator: Generator | None = None) -> Tensor",
    "Fills self with ones, each of its own probability, and zeros.",
    cost=pointwise(0.8),
    vjp={"self": lambda g: zeros_like(g)},
    **_FILL,
    samples=[((2, 3), (2, 3)), ((2, 3), (3,))],
    big=[((300, 401), (401,))],
    domain=(0.0, 1.0),
)
Op(
    "bernoulli(self: Tensor, *, generator: Generator | None = None) -> Tensor",
    """Ones of the probabilities in self, and zeros.

    >>> weft.ones(2).bernoulli().tolist()
    [1.0, 1.0]
    """,
    cost=pointwise(0.8),
    inplace=False,
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((2, 3),), ((0,),)],
    big=[((100_001,),)],
    domain=(0.0, 1.0),
    out=True,
    out_casts=True,
)
Op(
    "bernoulli.p(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor",
    "Ones of probability p, and zeros, in the shape of self.",
    cost=pointwise(0.8),
    inplace=False,
    vjp={"self": lambda g: zeros_like(g)},
    samples=[((2, 3), 0.3), ((0,), 0.5)],
    big=[((100_001,), 0.3)],
    out=True,
    out_casts=True,
)
Op(
    "rand(size: shape, *, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor",
    """Numbers uniform in [0, 1).

    >>> weft.rand(2, 3).shape
    weft.Size([2, 3])
    """,
    cost=pointwise(0.8),
    out=True,
    **_FACTORY,
    samples=[([2, 3],), ([0],)],
    big=[([100_001],)],
)
Op(
    "randn(size: shape, *, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor",
    """Normally distributed numbers.

    >>> weft.randn(2, 3).shape
    weft.Size([2, 3])
    """,
    cost=pointwise(1.5),
    out=True,
    **_FACTORY,
    samples=[([2, 3],), ([0],)],
    big=[([100_001],)],
)
Op(
    "randint.low(low: int, high: int, size: list[int], *, generator: Generator | None = None,"
    " dtype: dtype | None = None) -> Tensor",
    """Integers uniform in [low, high), int64 unless a dtype is given.

    >>> weft.randint(3, 4, (2,)).tolist()
    [3, 3]
    """,
    out=True,
    **_FACTORY,
    samples=[(-3, 9, [2, 3]), (0, 1, [0])],
    big=[(-3, 9, [100_001])],
)
Op(
    "randint(high: int, size: list[int], *, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor",
    "Integers uniform in [0, high).",
    out=True,
    **_FACTORY,
    samples=[(9, [2, 3])],
    big=[(9, [100_001])],
)
Op(
    "randperm(n: int, *, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor",
    """A random order of 0 ... n - 1.

    >>> weft.randperm(3).sort().values.tolist()
    [0, 1, 2]
    """,
    out=True,
    samples=[(7,), (0,)],
    big=[(100_001,)],
    **_FACTORY,
)
for _name, _doc in (("rand", "Numbers uniform in [0, 1)"), ("randn", "Normally distributed numbers")):
    Op(
        f"{_name}_like(self: Tensor, *, dtype: dtype | None = None, memory_format: memory_format | None = None,"
        " generator: Generator | None = None) -> Tensor",
        f"{_doc}, with self's shape, layout and dtype.",
        cost=pointwise(1.5),
        **_FACTORY,
        samples=[((2, 3),), ((),), ((0,),)],
        big=[((100_001,),)],
    )
Op(
    "randint_like.low(self: Tensor, low: int, high: int, *, dtype: dtype | None = None,"
    " memory_format: memory_format | None = None, generator: Generator | None = None) -> Tensor",
    "Integers uniform in [low, high), with self's shape, layout and dtype.",
    cost=pointwise(1.5),
    **_FACTORY,
    samples=[((2, 3), -3, 9)],
    big=[((100_001,), -3, 9)],
)
Op(
    "randint_like(self: Tensor, high: int, *, dtype: dtype | None = None,"
    " memory_format: memory_format | None = None, generator: Generator | None = None) -> Tensor",
    "Integers uniform in [0, high), with self's shape, layout and dtype.",
    cost=pointwise(1.5),
    **_FACTORY,
    samples=[((2, 3), 9)],
    big=[((100_001,), 9)],
)
Op(
    "normal(mean: Tensor, std: Tensor, *, generator: Generator | None = None) -> Tensor",
    "Normally distributed numbers, each with its own mean and standard deviation; both broadcast.",
    method=False,
    composite=True,
    cost=pointwise(2.0),
    samples=[((2, 3), (3,)), ((0,), (0,))],
    big=[((100_001,), ())],
    domain=(0.5, 2.0),
    out=True,
    out_casts=True,
)
Op(
    "normal.mean(mean: Tensor, std: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    "Normally distributed numbers around each mean.",
    method=False,
    composite=True,
    cost=pointwise(2.0),
    samples=[((2, 3),), ((3,), 0.5)],
    big=[((100_001,),)],
    out=True,
    out_casts=True,
)
Op(
    "normal.std(mean: float, std: Tensor, *, generator: Generator | None = None) -> Tensor",
    "Normally distributed numbers, each with its own standard deviation.",
    method=False,
    composite=True,
    cost=pointwise(2.0),
    samples=[(1.0, (2, 3))],
    big=[(1.0, (100_001,))],
    domain=(0.5, 2.0),
    out=True,
    out_casts=True,
)
Op(
    "normal.size(mean: float, std: float, size: list[int], *, generator: Generator | None = None,"
    " dtype: dtype | None = None) -> Tensor",
    "Normally distributed numbers of one mean and standard deviation.",
    **_FACTORY,
    samples=[(1.0, 2.0, [2, 3])],
    big=[(1.0, 2.0, [100_001])],
)
Op(
    "multinomial(self: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None)"
    " -> Tensor",
    """Draws indices with the probabilities of each row of self, which need not add up to 1.

    Raises RuntimeError for negative, infinite or NaN weights, and when a row cannot give enough samples.

    >>> weft.tensor([0.0, 1.0]).multinomial(1).tolist()
    [1]
    """,
    cost=pointwise(5.0),
    out=True,
    samples=[((5,), 3), ((2, 4), 6, True)],
    big=[((100, 301), 40)],
    domain=(0.1, 1.0),
)
Op(
    "dropout(self: Tensor, p: float, train: bool) -> Tensor",
    """In training zeroes elements with probability p and scales the others by 1 / (1 - p).

    >>> weft.dropout(weft.ones(2), 0.5, False)
    tensor([1., 1.])
    """,
    method=False,
    composite=True,
    cost=pointwise(1.2),
    samples=[((4, 5), 0.4, True), ((3,), 0.5, False)],
    big=[((100_001,), 0.4, True)],
    batch="random",
)
Op(
    "native_dropout(self: Tensor, p: float, train: bool) -> (out: Tensor, mask: Tensor)",
    "Dropout and the mask of what was kept.",
    method=False,
    cost=pointwise(1.2),
    vjp={"self": lambda g, mask, p, train: native_dropout_backward(g, mask, p, train)},
    samples=[((4, 5), 0.4, True), ((3,), 0.5, False)],
    big=[((100_001,), 0.4, True)],
    batch="random",
)
Op(
    "native_dropout_backward(grad: Tensor, mask: Tensor, p: float, train: bool) -> Tensor",
    "mask * grad / (1 - p); grad itself where nothing was dropped.",
    namespace="_",
    cost=pointwise(0.3),
    vjp={"grad": lambda g, mask, p, train: native_dropout_backward(g, mask, p, train)},
)
