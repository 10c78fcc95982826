"""Questions to tensors, and Python functions applied element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor
from weft._arguments import refuse
from weft._compose._registry import composite


@composite()
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    >>> weft.is_nonzero(weft.tensor([0.0]))
    False
    """
    if not isinstance(input, Tensor):
        refuse("is_nonzero", "input", 0, input)
    return bool(input)


@composite(method=False)
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape.

    >>> weft.is_same_size(weft.ones(2), weft.ones(2, 1))
    False
    """
    return input.is_same_size(other)


@composite(function=False)
def is_set_to(input: Tensor, tensor: Tensor) -> bool:
    """Whether both look at the same elements of the same memory.

    >>> x = weft.ones(2)
    >>> x.is_set_to(x.view(2)), x.is_set_to(x.clone())
    (True, False)
    """
    same = input.data_ptr() == tensor.data_ptr() and input.dtype == tensor.dtype
    return bool(same and input.shape == tensor.shape and input.stride() == tensor.stride())


@composite()
def is_neg(input: Tensor) -> bool:
    """Whether the elements wait to be negated: never, weft negates at once."""
    if not isinstance(input, Tensor):
        refuse("is_neg", "input", 0, input)
    return False


@composite()
def is_distributed(input: Tensor) -> bool:
    """Whether the tensor lies on several machines: never."""
    if not isinstance(input, Tensor):
        refuse("is_distributed", "input", 0, input)
    return False


@composite(samples=[((2, 3),)], ref=lambda x: x)
def resolve_neg(input: Tensor) -> Tensor:
    """input itself, since weft negates at once."""
    if not isinstance(input, Tensor):
        refuse("resolve_neg", "input", 0, input)
    return input


@composite(function=False)
def dim_order(input: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions as they stand in memory, outermost first.

    >>> weft.ones(2, 3).t().dim_order()
    (1, 0)
    """
    return tuple(sorted(range(input.dim()), key=lambda d: -input.stride(d)))


@composite(function=False)
def const_data_ptr(input: Tensor) -> int:
    """The address of the first element."""
    return input.data_ptr()


@composite(function=False)
def resize(input: Tensor, *sizes: Any) -> Tensor:
    """view of as many elements in another shape; PyTorch deprecates it for reshape.

    >>> weft.ones(2, 2).resize(4).shape
    weft.Size([4])
    """
    shape = list(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else list(sizes)
    count = 1
    for size in shape:
        count *= size
    if count != input.numel():
        raise RuntimeError(f"resize(): expected a shape of {input.numel()} elements, got {shape}")
    return input.contiguous().view(shape)


@composite(function=False)
def resize_as(input: Tensor, tensor: Tensor) -> Tensor:
    """input in the shape of tensor, which has as many elements."""
    return resize(input, tensor.shape)


def _written(name: str, input: Tensor, others: Sequence[Tensor], function: Callable[..., Any]) -> Tensor:
    """Stores what the function gives for each element, and those of others beside it, in input."""
    if any(t.requires_grad for t in (input, *others)):
        raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
    lists = [t.detach().expand(input.shape).reshape(-1).tolist() for t in (input, *others)]
    values = [function(*row) for row in zip(*lists, strict=True)]
    return input.copy_(weft.tensor(values, dtype=input.dtype).reshape(input.shape))


@composite(function=False)
def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replaces each element by what a Python function makes of it; slow.

    >>> weft.tensor([1, 2]).apply_(lambda x: x * 10)
    tensor([10, 20])
    """
    return _written("apply_", input, (), callable)


@composite(function=False)
def map_(input: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replaces each element by what a Python function makes of it and of tensor's element beside it; slow.

    >>> weft.tensor([1, 2]).map_(weft.tensor([3, 4]), lambda a, b: a * b)
    tensor([3, 8])
    """
    return _written("map_", input, (tensor,), callable)


@composite(function=False)
def map2_(input: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """map_ with the elements of two other tensors.

    >>> weft.tensor([1, 2]).map2_(weft.tensor([3, 4]), weft.tensor(5), lambda a, b, c: a * b + c)
    tensor([ 8, 13])
    """
    return _written("map2_", input, (x, y), callable)
