"""Distances between points, and norms cut to a bound."""

from __future__ import annotations

import math

import weft
from weft import Tensor
from weft._compose._registry import composite

#: From how many points on either side cdist uses a matrix product, unless told otherwise.
_MANY_POINTS = 25


def _root(squares: Tensor) -> Tensor:
    """The square root, with derivative zero at zero as PyTorch's distances have it."""
    positive = squares > 0
    return weft.where(positive, squares, 1.0).sqrt() * positive.to(squares.dtype)


def _norm(x: Tensor, p: float, dim: int | None) -> Tensor:
    """The p-norm along a dimension, or of all elements, with derivative zero where it is zero."""
    if dim is None:
        x, dim = x.reshape(-1), 0
    if p == 0:
        return x.sign().abs().sum(dim)  # 1 where not 0, with derivative 0
    if p == math.inf:
        return x.abs().amax(dim)
    if p == -math.inf:
        return x.abs().amin(dim)
    if p == 1:
        return x.abs().sum(dim)
    if p == 2:
        return _root((x * x).sum(dim))
    powers = x.abs().pow(p).sum(dim)
    positive = powers > 0
    return weft.where(positive, powers, 1.0).pow(1 / p) * positive.to(x.dtype)


@composite(
    method=False,
    samples=[
        ((2, 3), (4, 3)),
        ((2, 3, 2), (2, 4, 2), 1.0),
        ((2, 3), (4, 3), 3.0),
        ((30, 3), (4, 3)),
        ((2, 3), (4, 3), math.inf),
    ],
)
def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm distance of every row of x1 to every row of x2.

    Args:
        x1: points, shape (..., P, M).
        x2: points, shape (..., R, M).
        p: of the norm, >= 0.
        compute_mode: "use_mm_for_euclid_dist" and "donot_use_mm_for_euclid_dist" decide whether Euclidean distances come
            from a matrix product, which is quicker and less exact for close points; else they do from 25 points on.

    Returns:
        Shape (..., P, R).

    >>> weft.cdist(weft.zeros(1, 2), weft.tensor([[3.0, 4.0]])).tolist()
    [[5.0]]
    """
    if x1.dim() < 2 or x2.dim() < 2:
        raise RuntimeError(f"cdist only supports at least 2D tensors, got {x1.dim()}D and {x2.dim()}D")
    if x1.size(-1) != x2.size(-1):
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.size(-1)} X2: {x2.size(-1)}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in (None, *modes):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    many = max(x1.size(-2), x2.size(-2)) > _MANY_POINTS and compute_mode != modes[2]
    if p == 2 and (many or compute_mode == modes[1]):
        # |a|^2 - 2ab + |b|^2 as one product, so that it rounds as PyTorch's does.
        squares1, squares2 = ((x * x).sum(-1, True) for x in (x1, x2))
        left = weft.cat([-2 * x1, squares1, weft.ones_like(squares1)], -1)
        right = weft.cat([x2, weft.ones_like(squares2), squares2], -1)
        return _root(weft.matmul(left, right.transpose(-2, -1)))
    return _norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


@composite(samples=[((2, 3), (2, 3)), ((3,), (3,), 1.0), ((3,), (2, 3), 3.0)])
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other.

    >>> weft.dist(weft.zeros(2), weft.tensor([3.0, 4.0])).item()
    5.0
    """
    for position, operand in enumerate((input, other), 1):
        if not isinstance(operand, Tensor):
            name = ("input", "other")[position - 1]
            raise TypeError(
                f"dist(): argument '{name}' (position {position}) must be Tensor, not {type(operand).__name__}"
            )
    return _norm(input - other, p, None)


@composite(inplace=True, samples=[((2, 3), 2.0, 0, 1.5), ((2, 3, 2), 1.0, -1, 4.0)])
def renorm(input: Tensor, p: float, dim: int, maxnorm: float, *, out: Tensor | None = None) -> Tensor:
    """input with each slice along a dimension scaled down to a p-norm of at most maxnorm.

    >>> weft.renorm(weft.tensor([[3.0, 4.0], [0.0, 1.0]]), 2, 0, 1).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 1.0]]
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if input.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    moved = input.movedim(dim, 0)
    norms = _norm(moved.reshape(moved.size(0), -1), p, 1)
    factors = weft.where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0).to(input.dtype)
    return (moved * factors.reshape([-1] + [1] * (input.dim() - 1))).movedim(0, dim)
