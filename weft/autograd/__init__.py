"""Automatic differentiation: gradients, modes, and Functions written in Python."""

from __future__ import annotations

from weft._core import Node
from weft.autograd._engine import backward, grad
from weft.autograd.function import Function, once_differentiable
from weft.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = [
    "Function",
    "Node",
    "backward",
    "enable_grad",
    "grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "set_grad_enabled",
]
