"""Distances and similarities between vectors."""

from __future__ import annotations

import weft
from weft import Tensor
from weft._arguments import expects_tensors

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``dim``; lengths below ``eps`` count as ``eps``.

    >>> import weft
    >>> weft.nn.functional.cosine_similarity(weft.tensor([[1.0, 1.0]]), weft.tensor([[2.0, 0.0]]))
    tensor([0.7071])
    """
    x1, x2 = weft.broadcast_tensors(x1, x2)
    x1 = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    x2 = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (x1 * x2).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The ``p``-norm of ``x1 - x2 + eps`` along the last dimension.

    >>> import weft
    >>> weft.nn.functional.pairwise_distance(weft.tensor([[0.0, 0.0]]), weft.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)


@expects_tensors
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The ``p``-norm distances between all pairs of rows of ``input``, shape (N, D).

    Returns:
        Shape (N * (N - 1) / 2,).

    >>> import weft
    >>> weft.nn.functional.pdist(weft.tensor([[0.0], [1.0], [3.0]]))
    tensor([1., 3., 2.])
    """
    first, second = weft.triu_indices(input.size(0), input.size(0), 1).unbind(0)
    return (input[first] - input[second]).norm(p, -1)
