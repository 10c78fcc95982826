"""Modules as functions of their parameters."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

import weft
from weft._core import Tensor
from weft.nn import Module

__all__ = ["functional_call", "functionalize", "stack_module_state"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with other tensors for its parameters and buffers.

    Args:
        module: what to call; it is as before afterwards.
        parameter_and_buffer_dicts: tensors by name, or several such dicts.
        args: a tuple of arguments, or the only one.
        tie_weights: a name stands for all names of the same parameter.
        strict: raise when names are missing or unknown.

    >>> layer = weft.nn.Linear(2, 1, bias=False)
    >>> weft.func.functional_call(layer, {"weight": weft.ones(1, 2)}, weft.ones(2))
    tensor([2.])
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        tensors = dict(parameter_and_buffer_dicts)
    else:
        tensors = {}
        for part in parameter_and_buffer_dicts:
            repeated = tensors.keys() & part.keys()
            if repeated:
                raise ValueError(
                    f"{sorted(repeated)} appeared in multiple dictionaries; behavior of functional call is ambiguous"
                )
            tensors.update(part)
    given = () if args is None else args if isinstance(args, tuple) else (args,)
    with _swapped(module, tensors, tie_weights, strict):
        return module(*given, **(kwargs or {}))


@contextlib.contextmanager
def _swapped(module: Module, tensors: dict[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    """The module with other tensors, until the end of the block."""
    known = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    if strict:
        unknown, missing = sorted(tensors.keys() - known.keys()), sorted(known.keys() - tensors.keys())
        if unknown or missing:
            raise RuntimeError(f"Error(s) in functional_call: Unexpected key(s): {unknown}. Missing key(s): {missing}.")
    if tie_weights:
        by_tensor = {id(known[name]): value for name, value in tensors.items() if name in known}
        tensors = {**{name: by_tensor[id(t)] for name, t in known.items() if id(t) in by_tensor}, **tensors}
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, tensor in tensors.items():
            prefix, _, name = path.rpartition(".")
            owner = module.get_submodule(prefix)
            store: dict[str, Any] = owner._parameters if name in owner._parameters else owner._buffers
            if name not in store:
                raise KeyError(f"{path} is not a parameter or buffer of {type(module).__name__}")
            before.append((store, name, store[name]))
            store[name] = tensor
        yield
    finally:
        for store, name, old in reversed(before):
            store[name] = old


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of models of one architecture, each stacked along a new first dimension.

    Raises:
        RuntimeError: no models, or models of different classes or modes.

    >>> params, buffers = weft.func.stack_module_state([weft.nn.Linear(2, 3) for _ in range(4)])
    >>> params["weight"].shape
    weft.Size([4, 3, 2])
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(named: list[dict[str, Any]]) -> dict[str, Any]:
        result = {}
        for name, first in named[0].items():
            wanted = first.requires_grad
            tensor = weft.stack([state[name].detach() for state in named])
            result[name] = tensor.requires_grad_(wanted)
        return result

    parameters = stacked([dict(m.named_parameters()) for m in models])
    return parameters, stacked([dict(m.named_buffers()) for m in models])


def functionalize(func: Any, *, remove: str = "mutations") -> Any:
    """func itself: functions of weft need no rewriting of their in-place operations."""
    return copy.copy(func)
