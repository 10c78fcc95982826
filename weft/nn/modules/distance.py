"""Distances and similarities as modules."""

from __future__ import annotations

from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The ``p``-norm of the differences of vectors, shape (N, D) or (D,).

    Args:
        p: the norm.
        eps: added to the differences.
        keepdim: keep the last dimension, with size 1.

    Example:
        >>> import weft
        >>> tuple(weft.nn.PairwiseDistance()(weft.zeros(5, 2), weft.ones(5, 2)).shape)
        (5,)
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The distances."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along ``dim``.

    Example:
        >>> import weft
        >>> weft.nn.CosineSimilarity()(weft.tensor([[1.0, 1.0]]), weft.tensor([[2.0, 0.0]]))
        tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """The similarities."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
