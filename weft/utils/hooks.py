"""Handles that remove a hook, and the machinery behind a module's backward hooks."""

from __future__ import annotations

import itertools
import warnings
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import weft

if TYPE_CHECKING:
    from weft.nn.modules.module import Module

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_next_id = itertools.count()


class RemovableHandle:
    """Remembers one hook of a dictionary of hooks; ``remove()``, or the end of a ``with``, takes it out.

    Args:
        hooks_dict: the hooks, by handle id; only a weak reference is kept.
        extra_dict: one dictionary, or a list of them, with options of the same hook to remove along.

    Example:
        >>> import weft
        >>> handle = weft.nn.Identity().register_forward_hook(lambda module, args, out: out)
        >>> handle.remove()
    """

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        extras = extra_dict if isinstance(extra_dict, list) else [] if extra_dict is None else [extra_dict]
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.extra_dict_ref = tuple(weakref.ref(extra) for extra in extras)
        self.id = next(_next_id)

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        global _next_id
        hooks_dict, self.id, extras = state
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks_dict is None else hooks_dict)
        self.extra_dict_ref = tuple(weakref.ref(extra) for extra in extras if extra is not None)
        _next_id = itertools.count(max(next(_next_id), self.id + 1))

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.remove()


def unserializable_hook(f: _Function) -> _Function:
    """Mark a tensor hook as one that pickling may silently leave out."""
    f.__torch_unserializable__ = True  # type: ignore[attr-defined]
    return f


def warn_if_has_hooks(tensor: weft.Tensor) -> None:
    """Warn that pickling ``tensor`` loses its backward hooks."""
    for hook in (getattr(tensor, "_backward_hooks", None) or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can "
                "decorate the function with @weft.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )


class BackwardHook:
    """Runs a module's full backward (pre-)hooks.

    An identity node is put before the inputs and one behind the outputs: the gradients that reach these two
    nodes are the module's ``grad_input`` and ``grad_output``.
    """

    def __init__(self, module: Module, user_hooks: Sequence[Any], user_pre_hooks: Sequence[Any]) -> None:
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.n_inputs = -1
        self.n_outputs = -1
        self.input_tensors_index: list[int] | None = None
        self.output_tensors_index: list[int] | None = None

    def setup_input_hook(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the identity node before ``args``; returns the arguments to call ``forward`` with."""
        result, self.input_tensors_index = _insert_node(args, self._on_grad_input)
        self.n_inputs = len(args)
        return result

    def setup_output_hook(self, output: Any) -> Any:
        """Put the identity node behind ``output``; returns what the module shall return."""
        outputs = output if isinstance(output, tuple) else (output,)
        result, self.output_tensors_index = _insert_node(outputs, self._on_grad_output)
        self.n_outputs = len(outputs)
        return result if isinstance(output, tuple) else result[0]

    def _on_grad_input(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if self.grad_outputs is None:  # no gradient reached the outputs
            return None
        assert self.input_tensors_index is not None
        grads = _spread(self.input_tensors_index, grad_input, self.n_inputs)
        for hook in self.user_hooks:
            out = hook(self.module, grads, self.grad_outputs)
            if out is None:
                continue
            if not isinstance(out, tuple):
                out = (out,)
            if len(out) != len(grads):
                raise RuntimeError(
                    f"Backward hook returned an invalid number of grad_input, got {len(out)}, but expected {len(grads)}"
                )
            grads = out
        self.grad_outputs = None
        return tuple(grads[i] for i in self.input_tensors_index)

    def _on_grad_output(self, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        assert self.output_tensors_index is not None
        grad_outputs = _spread(self.output_tensors_index, grad_output, self.n_outputs)
        for hook in self.user_pre_hooks:
            out = hook(self.module, grad_outputs)
            if out is None:
                continue
            if not isinstance(out, tuple):
                out = (out,)
            if len(out) != len(grad_outputs):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(out)}, but expected {len(grad_outputs)}"
                )
            grad_outputs = out
        self.grad_outputs = grad_outputs
        if self.input_tensors_index is None:
            self._fire_without_inputs(grad_outputs)
        return tuple(grad_outputs[i] for i in self.output_tensors_index)

    def _fire_without_inputs(self, grad_outputs: tuple[Any, ...]) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since "
            "no inputs require gradients.",
            stacklevel=2,
        )
        for hook in self.user_hooks:
            out = hook(self.module, (None,) * self.n_inputs, grad_outputs)
            if out is not None and not (isinstance(out, tuple) and all(grad is None for grad in out)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or "
                    "None for all gradients."
                )
        self.grad_outputs = None


def _spread(index: Iterable[int], values: Iterable[Any], size: int) -> tuple[Any, ...]:
    """``values`` at the positions ``index`` of a tuple that holds None elsewhere."""
    result = [None] * size
    for i, value in zip(index, values, strict=True):
        result[i] = value
    return tuple(result)


def _insert_node(args: tuple[Any, ...], hook: Any) -> tuple[tuple[Any, ...], list[int] | None]:
    """Send the tensors among ``args`` through one hooked identity node; None if nothing needs a gradient."""
    index = [i for i, arg in enumerate(args) if isinstance(arg, weft.Tensor)]
    tensors = [args[i] for i in index]
    if not (any(tensor.requires_grad for tensor in tensors) and weft.is_grad_enabled()):
        return args, None
    from weft.nn.modules._functions import BackwardHookFunction

    new_tensors = BackwardHookFunction.apply(hook, *tensors)
    result = list(args)
    for i, tensor in zip(index, new_tensors, strict=True):
        result[i] = tensor
    as_type = type(args)
    return (tuple(result) if as_type is tuple else as_type(*result)), index
