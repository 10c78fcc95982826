"""``weft.library``: operators of your own, with a name under ``weft.ops`` and a gradient.

>>> @weft.library.custom_op("mine::double", mutates_args=())
... def double(x: weft.Tensor) -> weft.Tensor:
...     return 2 * x
>>> weft.ops.mine.double(weft.ones(1))
tensor([2.])
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import weft
from weft import Tensor

__all__ = [
    "CustomOpDef",
    "Library",
    "custom_op",
    "define",
    "impl",
    "infer_schema",
    "register_autograd",
    "register_fake",
    "register_kernel",
]


class CustomOpDef:
    """An operator made by `custom_op`: call it like the function it was made of."""

    def __init__(self, name: str, function: Callable[..., Any] | None, schema: str | None = None) -> None:
        self._name = name
        self._schema = schema
        self._function = function
        self._fake: Callable[..., Any] | None = None
        self._backward: Callable[..., Any] | None = None
        self._setup_context: Callable[..., Any] | None = None
        if function is not None:
            functools.update_wrapper(self, function)

    @property
    def name(self) -> str:
        """ "namespace::name"."""
        return self._name

    @property
    def default(self) -> CustomOpDef:
        """self: an operator has one form."""
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is None:
            raise NotImplementedError(f"{self._name} is defined, but has no implementation: see weft.library.impl")
        if self._backward is None or not weft.is_grad_enabled() or not _any_requires_grad(args, kwargs):
            return self._function(*args, **kwargs)
        if kwargs:
            bound = inspect.signature(self._function).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        return _with_gradient(self).apply(*args)

    def register_kernel(self, device_types: Any, func: Callable[..., Any] | None = None) -> Any:
        """Registers the implementation for a kind of device; only the CPU's is used."""
        kinds = [device_types] if isinstance(device_types, str) or device_types is None else list(device_types)

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            if any(
                kind in (None, "cpu", "CPU", "CompositeExplicitAutograd", "CompositeImplicitAutograd") for kind in kinds
            ):
                self._function = function
            return function

        return register if func is None else register(func)

    def register_fake(self, func: Callable[..., Any], /) -> Callable[..., Any]:
        """Keeps the function that says what comes out without computing it; nothing asks for it yet."""
        self._fake = func
        return func

    def register_autograd(
        self, backward: Callable[..., Any], /, *, setup_context: Callable[..., Any] | None = None
    ) -> None:
        """Gives the operator a gradient.

        Args:
            backward: ``backward(ctx, *grads)`` gives the gradient of each argument, None where there is none.
            setup_context: ``setup_context(ctx, inputs, output)`` keeps what backward needs.
        """
        self._backward, self._setup_context = backward, setup_context
        _with_gradient.cache_clear()

    def register_vmap(self, func: Any = None) -> Any:
        """Keeps nothing: batched calls go through the function itself."""
        return func

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._name})>"


def _any_requires_grad(args: Iterable[Any], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(value, Tensor) and value.requires_grad for value in (*args, *kwargs.values()))


@functools.cache
def _with_gradient(op: CustomOpDef) -> Any:
    """The autograd function of an operator."""
    run, backward, setup = op._function, op._backward, op._setup_context
    assert run is not None
    assert backward is not None

    def forward(*args: Any) -> Any:
        return run(*args)

    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        if setup is not None:
            setup(ctx, inputs, output)

    methods = {
        "forward": staticmethod(forward),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
    }
    return type(op.name.replace("::", "_"), (weft.autograd.Function,), methods)


_operators: dict[str, CustomOpDef] = {}


def _split(name: str) -> tuple[str, str]:
    namespace, separator, rest = name.partition("::")
    if not separator or not namespace.isidentifier() or not rest.partition(".")[0].isidentifier():
        raise ValueError(f"custom operator: expected a name of the form 'namespace::name', got {name!r}")
    return namespace, rest.partition(".")[0]


def _publish(op: CustomOpDef) -> CustomOpDef:
    namespace, name = _split(op.name)
    _operators[f"{namespace}::{name}"] = op
    space = vars(weft.ops).setdefault(namespace, SimpleNamespace())
    setattr(space, name, op)
    return op


def _find(op: str | CustomOpDef) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    found = _operators.get("::".join(_split(op)))
    if found is None:
        raise RuntimeError(f"custom operator: there is none named {op!r}; define it first")
    return found


def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str] = (),
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Any = None,
) -> Any:
    """Makes an operator of a function: call it as itself or as ``weft.ops.namespace.name``.

    Args:
        name: "namespace::name".
        fn: the function; without one, a decorator is returned.
        mutates_args: names of arguments that it writes to.
    Raises:
        ValueError: the name has another form.
    """
    _split(name)

    def make(function: Callable[..., Any]) -> CustomOpDef:
        return _publish(CustomOpDef(name, function, schema))

    return make if fn is None else make(fn)


def register_fake(
    op: str | CustomOpDef, func: Callable[..., Any] | None = None, /, *, lib: Any = None, **_: Any
) -> Any:
    """CustomOpDef.register_fake, by name."""
    found = _find(op)
    return found.register_fake if func is None else found.register_fake(func)


impl_abstract = register_fake


def register_kernel(
    op: str | CustomOpDef, device_types: Any, func: Callable[..., Any] | None = None, /, **_: Any
) -> Any:
    """CustomOpDef.register_kernel, by name."""
    return _find(op).register_kernel(device_types, func)


def register_autograd(
    op: str | CustomOpDef,
    backward: Callable[..., Any],
    /,
    *,
    setup_context: Callable[..., Any] | None = None,
    lib: Any = None,
) -> None:
    """CustomOpDef.register_autograd, by name."""
    _find(op).register_autograd(backward, setup_context=setup_context)


def define(qualname: str, schema: str, *, lib: Any = None, tags: Any = ()) -> None:
    """Declares an operator by name and schema; `impl` gives it a body."""
    _publish(CustomOpDef(qualname, None, schema))


def impl(qualname: str, types: Any, func: Callable[..., Any] | None = None, *, lib: Any = None) -> Any:
    """Gives a declared operator its body."""
    return _find(qualname).register_kernel(types, func)


def infer_schema(
    prototype_function: Callable[..., Any], /, *, mutates_args: Any = (), op_name: str | None = None
) -> str:
    """The signature of a function, as text."""
    return f"{op_name or ''}{inspect.signature(prototype_function)}"


class Library:
    """A namespace of operators; kind is "DEF", "IMPL" or "FRAGMENT"."""

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        if kind not in ("DEF", "IMPL", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key

    def define(self, schema: str, alias_analysis: str = "", *, tags: Any = ()) -> str:
        """Declares an operator, "name(arguments) -> results"."""
        name = schema.partition("(")[0].strip()
        define(f"{self.ns}::{name}", schema)
        return name

    def impl(self, op_name: Any, fn: Callable[..., Any], dispatch_key: str = "", **_: Any) -> None:
        """Gives an operator its body."""
        name = op_name if isinstance(op_name, str) else op_name.name
        impl(name if "::" in name else f"{self.ns}::{name}", (dispatch_key or self.dispatch_key) or None, fn)
