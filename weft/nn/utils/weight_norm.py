"""Weight normalization: a weight as its length times its direction."""

from __future__ import annotations

from typing import Any, TypeVar

from weft import Tensor
from weft.nn._lower import norm_except_dim
from weft.nn.modules.module import Module
from weft.nn.parameter import Parameter

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]

_Module = TypeVar("_Module", bound=Module)


class WeightNorm:
    """The hook that computes the weight before each call."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """``g * v / |v|``."""
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return v * (g / norm_except_dim(v, 2, self.dim))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: _Module, name: str = "weight", dim: int | None = 0) -> _Module:
    """Replace the parameter ``name`` by ``name_g``, its lengths along ``dim``, and ``name_v``, its direction.

    Source: Salimans, Kingma, Weight Normalization, 2016.

    >>> import weft
    >>> layer = weight_norm(weft.nn.Linear(20, 40))
    >>> tuple(layer.weight_g.shape), tuple(layer.weight_v.shape)
    ((40, 1), (40, 20))
    """
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm) and hook.name == name:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight, 2, hook.dim).data))
    module.register_parameter(name + "_v", Parameter(weight.data))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: _Module, name: str = "weight") -> _Module:
    """Make the weight one parameter again.

    Raises:
        ValueError: it is not normalized.

    >>> import weft
    >>> list(remove_weight_norm(weight_norm(weft.nn.Linear(2, 3))).state_dict())
    ['bias', 'weight']
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            weight = hook.compute_weight(module)
            delattr(module, name)
            del module._parameters[name + "_g"], module._parameters[name + "_v"]
            setattr(module, name, Parameter(weight.data))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
