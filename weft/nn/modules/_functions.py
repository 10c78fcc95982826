"""The identity node that module backward hooks hang on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import weft

__all__ = ["BackwardHookFunction"]

Grads = tuple[Any, ...]


class BackwardHookFunction(weft.autograd.Function):
    """Returns its tensors as they are; in the backward pass ``hook`` may change all their gradients at once."""

    @staticmethod
    def forward(ctx: Any, hook: Callable[[Grads], Grads | None], *tensors: weft.Tensor) -> tuple[weft.Tensor, ...]:
        """Hand the tensors on."""
        ctx.hook = hook
        ctx.set_materialize_grads(False)  # hooks see None where no gradient came
        ctx.mark_non_differentiable(*[tensor for tensor in tensors if not tensor.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Grads:
        """Hand the gradients on, as the hook leaves them."""
        changed = ctx.hook(grads)
        return (None, *(grads if changed is None else changed))
