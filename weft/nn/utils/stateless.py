"""Modules with other parameters for one call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from weft import Tensor
from weft.nn.modules.module import Module

__all__ = ["functional_call"]


def _tied_names(module: Module) -> dict[str, set[str]]:
    """For each parameter and buffer, all names it goes by."""
    names: dict[int, set[str]] = {}
    owned: dict[str, set[str]] = {}
    for members in (
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    ):
        for name, tensor in members:
            owned[name] = names.setdefault(id(tensor), set())
            owned[name].add(name)
    return owned


@contextlib.contextmanager
def _replaced(module: Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """The module's members under these names, replaced; put back at the end."""
    saved: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for name, tensor in tensors.items():
            path, _, member = name.rpartition(".")
            owner = module.get_submodule(path)
            registry: dict[str, Any] = owner._parameters if member in owner._parameters else owner._buffers
            if member not in registry:
                raise KeyError(f"{owner._get_name()} has no parameter or buffer named {member!r}")
            saved.append((registry, member, registry[member]))
            registry[member] = tensor
        yield
    finally:
        for registry, member, value in reversed(saved):
            registry[member] = value


def functional_call(
    module: Module,
    parameters_and_buffers: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call ``module`` with other parameters and buffers.

    Args:
        parameters_and_buffers: tensors by dotted name, or several such dictionaries.
        args: one argument, or a tuple of them.
        tie_weights: replace a shared tensor under all its names.
        strict: the names must be exactly the module's.

    Raises:
        RuntimeError: names do not fit, if ``strict``.

    >>> import weft
    >>> layer = weft.nn.Linear(1, 1, bias=False)
    >>> functional_call(layer, {"weight": weft.tensor([[2.0]])}, weft.tensor([3.0]))
    tensor([6.])
    """
    if isinstance(parameters_and_buffers, Mapping):
        tensors = dict(parameters_and_buffers)
    else:
        tensors = {name: tensor for part in parameters_and_buffers for name, tensor in part.items()}
    tied = _tied_names(module)
    if strict and set(tensors) != set(tied):
        missing, unexpected = sorted(set(tied) - set(tensors)), sorted(set(tensors) - set(tied))
        raise RuntimeError(
            f"functional_call: names do not fit the module. Missing: {missing}. Unexpected: {unexpected}."
        )
    if tie_weights:
        for name, tensor in list(tensors.items()):
            for other in tied.get(name, ()):
                tensors.setdefault(other, tensor)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, tensors):
        return module(*args, **(kwargs or {}))
