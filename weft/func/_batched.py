"""Tensors that stand for a whole batch: what vmap hands to the function it runs.

A ``BatchedTensor`` looks like one example (its own memory is the first one's, so shape, dtype and strides are right without
further ado) and holds the batch in ``physical``, the batch in front. Every call it takes part in comes to
``__torch_function__`` and is run on the physical tensors by the rule of its family (weft/func/_rules.py). Under nested vmaps
a physical tensor may itself be a BatchedTensor of a level further out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from weft import _core
from weft._core import Tensor
from weft.overrides import DisableTorchFunctionSubclass

__all__ = ["BatchedTensor", "Level", "batch", "batched_everywhere", "current_levels", "innermost", "physical_of"]


@dataclass(eq=False)
class Level:
    """One vmap that is running."""

    depth: int
    size: int
    randomness: str


class _Running(threading.local):
    def __init__(self) -> None:
        self.levels: list[Level] = []


_running = _Running()


def current_levels() -> list[Level]:
    """The vmaps this thread is in, outermost first."""
    return _running.levels


class BatchedTensor(Tensor):
    """One example of a batch, standing for all of them."""

    physical: Tensor
    level: Level

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from weft.func._rules import run

        return run(func, args, kwargs or {})

    # Attributes that are the batch's, not the first example's.

    @property
    def requires_grad(self) -> bool:
        return self.physical.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.physical.requires_grad = value

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self.physical.requires_grad_(requires_grad)
        return self

    @property
    def grad_fn(self) -> Any:
        return self.physical.grad_fn

    @property
    def is_leaf(self) -> bool:
        return self.physical.is_leaf

    @property
    def grad(self) -> Any:
        grad = self.physical.grad
        return None if grad is None else batch(grad, self.level)

    @grad.setter
    def grad(self, value: Any) -> None:
        self.physical.grad = None if value is None else physical_of(value, self.level)

    @property
    def data(self) -> Tensor:
        return batch(self.physical.data, self.level)

    @data.setter
    def data(self, value: Any) -> None:
        raise RuntimeError("vmap: the data of a batched tensor cannot be replaced; write into it with copy_")

    @property
    def T(self) -> Tensor:
        return self.permute(*reversed(range(self.dim())))

    @property
    def mT(self) -> Tensor:
        return self.transpose(-2, -1)

    def __repr__(self) -> str:
        return f"BatchedTensor(level={self.level.depth}, size={self.level.size}, value=\n{self.physical!r}\n)"

    def item(self) -> Any:
        raise RuntimeError(
            "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling .item() on a "
            "Tensor, please try to rewrite what you're doing with other operations."
        )

    def tolist(self) -> Any:
        raise RuntimeError("vmap: a batched tensor has no single list of values: .tolist() cannot be called on it")

    def numpy(self, *, force: bool = False) -> Any:
        raise RuntimeError("vmap: a batched tensor has no single array of values: .numpy() cannot be called on it")

    def __bool__(self) -> bool:
        raise RuntimeError(
            "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support "
            "that yet; weft.where chooses by value."
        )

    def __float__(self) -> float:
        return self.item()

    def __int__(self) -> int:
        return self.item()


def batch(physical: Tensor, level: Level) -> BatchedTensor:
    """The example that stands for a batch lying along physical's first dimension."""
    with DisableTorchFunctionSubclass():
        first = physical.detach()
        view = first.select(0, 0) if first.shape[0] > 0 else first.new_empty(first.shape[1:])
        result: BatchedTensor = _core._as_subclass(BatchedTensor, view)
    result.physical = physical
    result.level = level
    return result


def innermost(values: Any) -> Level | None:
    """The deepest level among tensors, also within lists and tuples."""
    found: Level | None = None
    for value in values:
        level: Level | None = None
        if isinstance(value, BatchedTensor):
            level = value.level
        elif isinstance(value, list | tuple):
            level = innermost(value)
        elif isinstance(value, dict):
            level = innermost(value.values())
        if level is not None and (found is None or level.depth > found.depth):
            found = level
    return found


def is_batched(value: Any, level: Level) -> bool:
    return isinstance(value, BatchedTensor) and value.level is level


def physical_of(tensor: Tensor, level: Level) -> Tensor:
    """The batch of a tensor at a level: its own, or the same example repeated."""
    if is_batched(tensor, level):
        return tensor.physical
    return tensor.unsqueeze(0).expand(level.size, *tensor.shape)


def batched_everywhere(tensor: Tensor) -> Tensor:
    """The tensor with a dimension of its own at every running level."""
    return _batched_at(tensor, current_levels())


def _batched_at(tensor: Tensor, levels: list[Level]) -> Tensor:
    if not levels:
        return tensor
    level, outer = levels[-1], levels[:-1]
    if is_batched(tensor, level):
        return batch(_batched_at(tensor.physical, outer), level)
    return batch(physical_of(_batched_at(tensor, outer), level), level)


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """function of every tensor among arguments or results."""
    if isinstance(value, Tensor):
        return function(value)
    if type(value) in (list, tuple):
        return type(value)(map_tensors(function, item) for item in value)
    if isinstance(value, tuple) and any(isinstance(item, Tensor) for item in value):
        items = [map_tensors(function, item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: map_tensors(function, item) for key, item in value.items()}
    return value
