"""Checkpoints: activations are not kept for backward but computed again.

Without re-entry (the default) saved-tensor hooks stand in for what the graph of the block would keep: the first one that
backward asks for runs the block again. With re-entry the block is one node whose backward runs the block and a backward
pass of its own.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import weft
from weft import Tensor, _core
from weft.autograd import Function
from weft.autograd.graph import saved_tensors_hooks

__all__ = ["CheckpointError", "checkpoint", "checkpoint_sequential", "noop_context_fn", "set_checkpoint_early_stop"]


class CheckpointError(RuntimeError):
    """The second run of a block did not save what the first did."""


def noop_context_fn() -> tuple[Any, Any]:
    """The contexts of a checkpoint that needs none."""
    return contextlib.nullcontext(), contextlib.nullcontext()


_early_stop = True


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether, within the block, a second run stops as soon as all it is run for is there (the default)."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), whose activations are computed again in backward instead of being kept.

    Args:
        function: a block of the model; it must do the same on its second run.
        args, kwargs: its arguments; with use_reentrant only positional ones.
        use_reentrant: the older way, one node for the whole block; False is recommended and the default.
        context_fn: gives two context managers, for the first run and the second. Not with use_reentrant.
        determinism_check: "default" compares shape and dtype of what the second run saves, "none" does not.
        debug: not with use_reentrant; accepted.
        early_stop: end the second run as soon as all is there.
        preserve_rng_state: (keyword, default True) the second run draws the same random numbers.
    Raises:
        CheckpointError: in backward, when the second run saved something else than the first.

    >>> x = weft.ones(2, requires_grad=True)
    >>> weft.utils.checkpoint.checkpoint(lambda x: (x * x).sin(), x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([1.0806, 1.0806])
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], got {determinism_check!r}")
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        if weft.is_grad_enabled() and not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None", UserWarning, stacklevel=2
            )
        return _Reentrant.apply(function, preserve, *args)
    first, second = context_fn()
    if not weft.is_grad_enabled():
        with first:
            return function(*args, **kwargs)
    run = _Run(function, args, kwargs, preserve, second, determinism_check == "default", early_stop and _early_stop)
    with saved_tensors_hooks(run.note, run.recall), first:
        return function(*args, **kwargs)


class _Random:
    """The default generator's place, to go back to."""

    def __init__(self, enabled: bool) -> None:
        self.state = weft.get_rng_state() if enabled else None

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        """Random numbers as they were; afterwards the generator is where it was."""
        if self.state is None:
            yield
            return
        with weft.random.fork_rng():
            weft.set_rng_state(self.state)
            yield


class _Stop(Exception):
    """Ends the second run early."""


class _Place:
    """What the graph keeps instead of a saved tensor."""

    __slots__ = ("__weakref__", "meta", "number", "values")

    def __init__(self, number: int, meta: tuple[Any, ...]) -> None:
        self.number = number
        self.meta = meta
        self.values: dict[int, Tensor] = {}  # by backward pass, here the second run's number


class _Run:
    """One checkpointed call."""

    def __init__(
        self, function: Any, args: Any, kwargs: Any, preserve: bool, context: Any, check: bool, early_stop: bool
    ) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.context, self.check, self.early_stop = context, check, early_stop
        self.random = _Random(preserve)
        self.places: list[weakref.ref[_Place]] = []
        self.recalled: set[int] = set()  # numbers handed out since the last second run

    def note(self, tensor: Tensor) -> _Place:
        place = _Place(len(self.places), (tuple(tensor.shape), tensor.dtype))
        self.places.append(weakref.ref(place))
        return place

    def recall(self, place: _Place) -> Tensor:
        if not place.values:
            self.run_again()
            if not place.values:
                raise CheckpointError(
                    "weft.utils.checkpoint: A different number of tensors was saved during the original forward and "
                    f"recomputation: number {place.number} of {len(self.places)} was not saved again."
                )
        # Kept until the graph lets go of the place or, with retain_graph, asks again.
        return place.values.pop(0)

    def run_again(self) -> None:
        count = 0
        last = max((i for i, place in enumerate(self.places) if place() is not None), default=-1)

        def keep(tensor: Tensor) -> Any:
            nonlocal count
            number, count = count, count + 1
            if number < len(self.places):
                place = self.places[number]()
                if place is not None:
                    self.compare(place, tensor)
                    place.values[0] = tensor.detach()
            if self.early_stop and number >= last:
                raise _Stop
            return tensor.detach()

        inputs = [a.detach().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in self.args]
        keyword = {
            name: a.detach().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a
            for name, a in self.kwargs.items()
        }
        stopped, hooks = contextlib.suppress(_Stop), saved_tensors_hooks(keep, lambda tensor: tensor)
        with self.random.again(), weft.enable_grad(), self.context, stopped, hooks:
            self.function(*inputs, **keyword)
        if not self.early_stop and self.check and count != len(self.places):
            raise CheckpointError(
                "weft.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.places)}\n"
                f"Number of tensors saved during recomputation: {count}."
            )

    def compare(self, place: _Place, tensor: Tensor) -> None:
        meta = (tuple(tensor.shape), tensor.dtype)
        if self.check and meta != place.meta:
            raise CheckpointError(
                "weft.utils.checkpoint: Recomputed values for the following tensors have different metadata than during "
                f"the forward pass.\ntensor at position {place.number}:\nsaved metadata: {place.meta}\n"
                f"recomputed metadata: {meta}"
            )


class _Reentrant(Function):
    """The whole block as one node."""

    @staticmethod
    def forward(ctx: Any, function: Any, preserve: bool, *args: Any) -> Any:
        ctx.function = function
        ctx.random = _Random(preserve)
        ctx.at = tuple(i for i, a in enumerate(args) if isinstance(a, Tensor))
        ctx.others = tuple(None if isinstance(a, Tensor) else a for a in args)
        ctx.save_for_backward(*(args[i] for i in ctx.at))
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if _core._is_backward_selective():
            raise RuntimeError(
                "When use_reentrant=True, weft.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.others)
        for i, saved in zip(ctx.at, ctx.saved_tensors, strict=True):
            inputs[i] = saved.detach().requires_grad_(saved.requires_grad)
        with ctx.random.again(), weft.enable_grad():
            outputs = ctx.function(*inputs)
        outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
        roots = [(o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not roots:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        weft.autograd.backward([o for o, _ in roots], [g for _, g in roots])
        return None, None, *(a.grad if isinstance(a, Tensor) else None for a in inputs)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """The functions one after another, all segments but the last checkpointed.

    Args:
        functions: a Sequential, or a list of modules or functions.
        segments: in how many pieces to cut it.
        input: the first function's argument.

    >>> layers = [weft.sin, weft.exp]
    >>> weft.utils.checkpoint.checkpoint_sequential(layers, 2, weft.zeros(1), use_reentrant=False)
    tensor([1.])
    """
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    listed: Sequence[Any] = list(functions.children() if isinstance(functions, weft.nn.Sequential) else functions)
    size = len(listed) // segments

    def piece(begin: int, end: int) -> Callable[[Any], Any]:
        def run(value: Any) -> Any:
            for function in _slice(listed, begin, end):
                value = function(value)
            return value

        return run

    for i in range(segments - 1):
        input = checkpoint(
            piece(i * size, (i + 1) * size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return piece((segments - 1) * size, len(listed))(input)


def _slice(functions: Sequence[Any], begin: int, end: int) -> Iterable[Any]:
    return functions[begin:end]
