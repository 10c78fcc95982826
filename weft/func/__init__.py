"""Transforms of functions: gradients, Jacobians, batches. They compose: ``vmap(grad(f))``, ``jacrev(vmap(f))``."""

from __future__ import annotations

from weft.func._module import functional_call, functionalize, stack_module_state
from weft.func._transforms import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp
from weft.func._vmap import vmap

__all__ = [
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]
