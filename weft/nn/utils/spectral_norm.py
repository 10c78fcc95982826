"""Spectral normalization: a weight divided by its largest singular value."""

from __future__ import annotations

from typing import Any, TypeVar

import weft
from weft import Tensor
from weft.nn.functional import normalize
from weft.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from weft.nn.modules.module import Module
from weft.nn.parameter import Parameter

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]

_Module = TypeVar("_Module", bound=Module)


class SpectralNorm:
    """The hook that computes the weight before each call, by power iteration."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def as_matrix(self, weight: Tensor) -> Tensor:
        """``weight`` with ``dim`` first and the rest in one dimension."""
        return weight.movedim(self.dim, 0).reshape(weight.size(self.dim), -1)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight divided by u @ weight @ v; the iteration moves u and v in place."""
        weight = getattr(module, self.name + "_orig")
        u, v = getattr(module, self.name + "_u"), getattr(module, self.name + "_v")
        matrix = self.as_matrix(weight)
        if do_power_iteration:
            with weft.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(weft.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(weft.mv(matrix, v), dim=0, eps=self.eps))
        # The backward pass needs these values, and the next iteration changes them in place.
        u, v = u.clone(), v.clone()
        return weight / weft.dot(u, weft.mv(matrix, v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: _Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> _Module:
    """Divide the parameter ``name`` by its largest singular value before each call.

    Args:
        n_power_iterations: steps of the estimate in each call in training.
        eps: smallest norm to divide by.
        dim: of the outputs; default 0, and 1 for transposed convolutions.

    Source: Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018.

    >>> import weft
    >>> layer = spectral_norm(weft.nn.Linear(20, 40))
    >>> tuple(layer.weight_u.shape)
    (40,)
    """
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    with weft.no_grad():
        rows, cols = hook.as_matrix(weight).shape
        u = normalize(weight.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
        v = normalize(weight.new_empty(cols).normal_(0, 1), dim=0, eps=eps)
    del module._parameters[name]
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: _Module, name: str = "weight") -> _Module:
    """Make the normalized weight a parameter.

    Raises:
        ValueError: it is not normalized.

    >>> import weft
    >>> list(remove_spectral_norm(spectral_norm(weft.nn.Linear(2, 3))).state_dict())
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with weft.no_grad():
                weight = hook.compute_weight(module, do_power_iteration=False)
            delattr(module, name)
            for suffix in ("_u", "_v", "_orig"):
                delattr(module, name + suffix)
            module.register_parameter(name, Parameter(weight.detach()))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
