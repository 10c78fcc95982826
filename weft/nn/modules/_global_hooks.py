"""Hooks common to all modules: for debuggers and profilers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from weft.utils.hooks import RemovableHandle

Hooks = OrderedDict[int, Callable[..., Any]]

buffer_registration: Hooks = OrderedDict()
module_registration: Hooks = OrderedDict()
parameter_registration: Hooks = OrderedDict()
forward_pre: Hooks = OrderedDict()
forward: Hooks = OrderedDict()
forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
forward_always_called: OrderedDict[int, bool] = OrderedDict()
backward_pre: Hooks = OrderedDict()
backward: Hooks = OrderedDict()
# Whether the hooks in `backward` are full ones; None before the first is registered.
is_full_backward: bool | None = None


def add(hooks: Any, hook: Callable[..., Any], *, prepend: bool = False, extra: Any = None) -> RemovableHandle:
    """Append ``hook`` to ``hooks`` (or put it first); returns the handle that removes it."""
    handle = RemovableHandle(hooks, extra_dict=extra)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever a buffer is registered; it may return another buffer."""
    return add(buffer_registration, hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever a submodule is registered; it may return another."""
    return add(module_registration, hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, param)`` whenever a parameter is registered; it may return another."""
    return add(parameter_registration, hook)


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before every module's ``forward``, ahead of the module's own hooks."""
    return add(forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after every module's ``forward``.

    Args:
        hook: may return another output.
        with_kwargs: call ``hook(module, args, kwargs, output)``.
        always_call: call it even if ``forward`` raises.

    Example:
        >>> import weft
        >>> hook = lambda module, args, output: print(type(module).__name__)
        >>> with weft.nn.modules.module.register_module_forward_hook(hook):
        ...     _ = weft.nn.ReLU()(weft.zeros(1))
        ReLU
    """
    handle = add(forward, hook, extra=[forward_with_kwargs, forward_always_called])
    if with_kwargs:
        forward_with_kwargs[handle.id] = True
    if always_call:
        forward_always_called[handle.id] = True
    return handle


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Deprecated form of :func:`register_module_full_backward_hook`: sees the last autograd node only."""
    return _add_backward(hook, full=False)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before every module's backward pass."""
    return add(backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after every module's backward pass."""
    return _add_backward(hook, full=True)


def _add_backward(hook: Callable[..., Any], *, full: bool) -> RemovableHandle:
    global is_full_backward
    if is_full_backward is not None and is_full_backward is not full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    is_full_backward = full
    return add(backward, hook)
