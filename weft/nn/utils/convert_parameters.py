"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import weft
from weft import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of ``parameters``, one after the other.

    >>> import weft
    >>> parameters_to_vector([weft.tensor([[1.0, 2.0]]), weft.tensor([3.0])])
    tensor([1., 2., 3.])
    """
    return weft.cat([param.reshape(-1) for param in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Set ``parameters`` to the elements of ``vec``; they share its memory.

    Raises:
        TypeError: ``vec`` is not a tensor.

    >>> import weft
    >>> weight = weft.nn.Parameter(weft.zeros(1, 2))
    >>> vector_to_parameters(weft.tensor([1.0, 2.0]), [weight])
    >>> weight.tolist()
    [[1.0, 2.0]]
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected weft.Tensor, but got: {type(vec).__name__}")
    start = 0
    for param in parameters:
        n = param.numel()
        param.data = vec[start : start + n].view_as(param).data
        start += n
