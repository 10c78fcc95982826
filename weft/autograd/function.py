"""Operations with a derivative of their own, written in Python.

Only the bodies of forward and backward run under Python's lock; what surrounds them in the graph does not.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

from weft import _core
from weft._core import Tensor
from weft.autograd.grad_mode import enable_grad, no_grad

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class _Running(threading.local):
    """The contexts whose backward this thread is in, innermost last, each with its saved tensors."""

    def __init__(self) -> None:
        self.stack: list[tuple[FunctionCtx, tuple[Tensor | None, ...] | Exception]] = []


_running = _Running()


class FunctionCtx:
    """What forward leaves for backward; forward's first argument.

    Attributes:
        needs_input_grad: for each input of forward, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()
    _dirty: tuple[Tensor, ...] = ()
    _non_differentiable: tuple[Tensor, ...] = ()
    _materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or outputs for backward; writing to one in place meanwhile raises there."""
        for i, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(tensor).__name__}"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Accepted; forward-mode differentiation does not read it."""

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Says which inputs forward wrote in place; they must be outputs too."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Says which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for outputs that nothing depends on."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """In backward, what forward gave to save_for_backward.

        Raises:
            RuntimeError: a tensor was written in place since, or the graph was freed by an earlier backward.
        """
        for ctx, saved in reversed(_running.stack):
            if ctx is self:
                if isinstance(saved, Exception):
                    raise saved
                return saved
        return self._to_save


class Function:
    """Base of custom operations: override the static methods forward and backward, and call ``apply``.

    forward takes a context first (or, as in newer PyTorch, none, with a separate ``setup_context(ctx, inputs,
    output)``); backward takes the context and one gradient per output, and returns one per input.

    >>> class Double(weft.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = weft.ones(1, requires_grad=True)
    >>> Double.apply(x).backward(); x.grad
    tensor([2.])
    """

    generate_vmap_rule = False  # vmap may run the Function example by example

    _context: type[FunctionCtx] = FunctionCtx

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._context = type(f"{cls.__name__}Backward", (FunctionCtx,), {})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The operation. Override it."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Fills the context after a forward without one. Override it together with such a forward."""
        raise NotImplementedError("setup_context is not implemented")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the inputs. Override it, or vjp."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The operation on a batch, with the place of the batch in each argument. Override it for weft.vmap.

        Returns:
            The outputs, and for each where its batch lies.
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override vmap or set generate_vmap_rule=True."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs. Not called: forward mode differentiates backward (weft.autograd.forward_ad)."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Runs forward and records the operation.

        Raises:
            RuntimeError: a tensor was marked dirty that is no output, or that is a leaf which wants gradients.
        """
        if _core._has_override(*args, *kwargs.values()):
            return _core._ask_overrides(cls.apply, args, kwargs)
        ctx: Any = cls._context()
        tensors = tuple(a for a in args if isinstance(a, Tensor))
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
        outputs = result if isinstance(result, tuple) else (result,)
        record = _core.is_grad_enabled() and True in ctx.needs_input_grad
        if ctx._dirty:
            _check_dirty(ctx._dirty, outputs, record)
        # An input handed through unchanged is a new tensor of the graph.
        outputs = tuple(
            o.detach() if isinstance(o, Tensor) and not _among(o, ctx._dirty) and _among(o, tensors) else o
            for o in outputs
        )
        if record:
            positions = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
            run = functools.partial(_run_backward, cls, len(args), positions, _meta(outputs))
            _core._record_function(
                cls._context.__name__, ctx, run, tensors, outputs, ctx._to_save, ctx._dirty, ctx._non_differentiable
            )
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        return outputs if isinstance(result, tuple) else outputs[0]


def _check_dirty(dirty: tuple[Tensor, ...], outputs: tuple[Any, ...], record: bool) -> None:
    for tensor in dirty:
        if not _among(tensor, outputs):
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The inputs that "
                "are modified inplace must all be outputs of the Function."
            )
        if record and tensor.requires_grad and tensor.is_leaf:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")


def _among(tensor: Tensor, tensors: tuple[Any, ...]) -> bool:
    return any(tensor is t for t in tensors)


def _meta(outputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Shape and dtype of each output, to make zeros of."""
    return tuple((tuple(o.shape), o.dtype) if isinstance(o, Tensor) else None for o in outputs)


def _run_backward(
    cls: type[Function],
    count: int,
    positions: tuple[int, ...],
    meta: tuple[Any, ...],
    ctx: Any,
    saved: tuple[Tensor | None, ...] | Exception,
    grads: tuple[Tensor | None, ...],
) -> tuple[Tensor | None, ...]:
    """Calls cls.backward and returns the gradients of the tensor inputs, in order."""
    if ctx._materialize:
        grads = tuple(
            _core.zeros(m[0], dtype=m[1]) if g is None and m is not None else g
            for g, m in zip(grads, meta, strict=True)
        )
    rule = cls.backward if cls.backward is not Function.backward else cls.vjp
    _running.stack.append((ctx, saved))
    try:
        result = rule(ctx, *grads)
    finally:
        _running.stack.pop()
    results = result if isinstance(result, tuple) else (result,)
    if len(results) > count and all(r is None for r in results[count:]):
        results = results[:count]
    if len(results) != count:
        raise RuntimeError(
            f"function {cls.__name__}Backward returned an incorrect number of gradients (expected {count}, got "
            f"{len(results)})"
        )
    return tuple(results[i] for i in positions)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a backward whose own derivative is not known: differentiating it again raises."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            results = function(ctx, *grads)
        if not _core.is_grad_enabled() or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return results
        listed = results if isinstance(results, tuple) else (results,)
        with enable_grad():
            fenced = _Fence.apply(len(listed), *listed, *grads)
        return fenced if isinstance(results, tuple) else fenced[0]

    return wrapper


class _Fence(Function):
    """Passes values on, and refuses to be differentiated."""

    @staticmethod
    def forward(ctx: Any, count: int, *values: Any) -> Any:
        return tuple(v.clone() if isinstance(v, Tensor) else v for v in values[:count])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
