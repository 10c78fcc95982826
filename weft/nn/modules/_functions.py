"""The identity node that module backward hooks hang on."""

from __future__ import annotations

from typing import Any

import weft

__all__ = ["BackwardHookFunction"]


class BackwardHookFunction(weft.autograd.Function):
    """Returns its inputs as they are; one autograd node for all of them."""

    @staticmethod
    def forward(ctx: Any, *args: weft.Tensor) -> tuple[weft.Tensor, ...]:
        """Mark integer inputs as not differentiable and hand every input on."""
        ctx.mark_non_differentiable(*[arg for arg in args if not arg.requires_grad])
        return args

    @staticmethod
    def backward(ctx: Any, *args: weft.Tensor) -> tuple[weft.Tensor, ...]:
        """Hand the gradients on."""
        return args
