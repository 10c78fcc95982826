"""The backward graph as Python sees it: hooks on its nodes, and on what they save."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from weft import _core
from weft._core import Node, Tensor
from weft._tensor import HookHandle

__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


def register_hook(self: Node, fn: Callable[..., Any]) -> HookHandle:
    """Calls fn(grad_inputs, grad_outputs) after the node ran; a tuple it returns replaces the node's results.

    >>> x = weft.ones(1, requires_grad=True)
    >>> y = x * 2
    >>> handle = y.grad_fn.register_hook(lambda inputs, outputs: tuple(g and g * 10 for g in inputs))
    >>> y.backward(); x.grad
    tensor([20.])
    """
    return HookHandle(self._add_hook(fn, True))


def register_prehook(self: Node, fn: Callable[..., Any]) -> HookHandle:
    """Calls fn(grad_outputs) before the node runs; a tuple it returns replaces what the node gets."""
    return HookHandle(self._add_hook(fn, False))


for _method in (register_hook, register_prehook):
    setattr(Node, _method.__name__, _method)


class GradientEdge(NamedTuple):
    """Where the gradient of a tensor goes: an output of a node."""

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The node, and which of its outputs, that the gradient of tensor goes to.

    Raises:
        RuntimeError: tensor does not require gradients.

    >>> weft.autograd.graph.get_gradient_edge(weft.ones(1, requires_grad=True)).node.name()
    'AccumulateGrad'
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    if tensor.grad_fn is not None:
        return GradientEdge(tensor.grad_fn, tensor.output_nr)
    with _core_enable_grad():
        node = tensor.view_as(tensor).grad_fn
    assert node is not None
    leaf = node.next_functions[0][0]
    assert leaf is not None
    return GradientEdge(leaf, 0)


@contextlib.contextmanager
def _core_enable_grad() -> Iterator[None]:
    before = _core.is_grad_enabled()
    _core._set_grad_enabled(True)
    try:
        yield
    finally:
        _core._set_grad_enabled(before)


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Counts a write that weft did not see, so that backward notices values it saved before."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _core._bump_version(t)


class _Disabled(threading.local):
    message: str | None = None


_disabled = _Disabled()


class saved_tensors_hooks:
    """Within the block the graph keeps ``pack_hook(tensor)`` where it would keep a tensor.

    Args:
        pack_hook: called with each tensor saved for backward; may return anything, and must not change the tensor.
        unpack_hook: called in backward with what pack_hook returned; returns a tensor with the same values.

    >>> x = weft.tensor(3.0, requires_grad=True)
    >>> with weft.autograd.graph.saved_tensors_hooks(lambda t: t.item(), weft.tensor):
    ...     y = x * x
    >>> y.backward(); x.grad
    tensor(6.)
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._before: list[Any] = []

    def __enter__(self) -> None:
        if _disabled.message is not None:
            raise RuntimeError(_disabled.message)
        self._before.append(_core._set_saved_hooks((self.pack_hook, self.unpack_hook)))

    def __exit__(self, *_: object) -> None:
        _core._set_saved_hooks(self._before.pop())


class save_on_cpu(saved_tensors_hooks):
    """Accepted for PyTorch's sake: everything is on the CPU already; tensors are saved as copies, as there.

    Args:
        pin_memory, device_type: accepted.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor.clone(), lambda tensor: tensor)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within the block saved_tensors_hooks raises a RuntimeError with this message."""
    before, _disabled.message = _disabled.message, error_message
    try:
        yield
    finally:
        _disabled.message = before


class _Handles:
    """Several hooks taken away together."""

    def __init__(self, handles: tuple[HookHandle, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable[..., None], *, mode: str = "all") -> _Handles:
    """Calls fn once the gradients of several tensors are known.

    Args:
        tensors: those that require gradients.
        fn: with mode "all" called with one gradient per tensor, None where none came, after the last of those that the
            first backward pass reaches; with "any" with the first gradient.
        mode: "all" or "any".
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    grads: list[Tensor | None] = [None] * len(tensors)
    arrived = 0

    def hook(i: int, grad: Tensor) -> None:
        nonlocal arrived, grads
        with lock:
            arrived += 1
            grads[i] = grad
            complete = arrived == len(tensors)
            values = grads
            first = arrived == 1
            if complete:
                arrived, grads = 0, [None] * len(tensors)
        if mode == "any":
            if first:
                fn(grad)
        elif complete:
            fn(values)

    return _Handles(
        tuple(
            HookHandle(_core._add_tensor_hook(t, lambda grad, i=i: hook(i, grad), False)) for i, t in enumerate(tensors)
        )
    )
