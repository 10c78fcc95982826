"""Samples of distributions with parameters of their own for every element, by rejection: no fixed number of draws each."""

from __future__ import annotations

from ops.table import Op, pointwise

Op(
    "poisson(self: Tensor, generator: Generator | None = None) -> Tensor",
    """Poisson-distributed numbers with the rates in self.

    >>> weft.poisson(weft.zeros(2))
    tensor([0., 0.])
    """,
    method=False,
    cost=pointwise(60.0),
    vjp={"self": lambda g: zeros_like(g)},
)
Op(
    "binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor",
    """How many of count trials of probability prob succeed.

    >>> weft.binomial(weft.tensor([3.0]), weft.tensor([1.0]))
    tensor([3.])
    """,
    cost=pointwise(80.0),
    vjp={"prob": lambda g: zeros_like(g)},
)
Op(
    "_standard_gamma(self: Tensor, generator: Generator | None = None) -> Tensor",
    """Gamma-distributed numbers of the shapes in self and scale 1; the derivative follows a sample at a fixed quantile.

    Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
    """,
    method=False,
    cost=pointwise(80.0),
    vjp={"self": lambda g, self, out: g * standard_gamma_grad(self, out)},
)
Op(
    "standard_gamma_grad(self: Tensor, output: Tensor) -> Tensor",
    "How a gamma-distributed number moves with its shape while its quantile stays.",
    namespace="_",
    cost=pointwise(200.0),
)
