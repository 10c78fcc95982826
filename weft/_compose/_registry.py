"""The list of operators composed in Python: `@composite` on a function is the whole declaration.

The signature and the docstring are the function's own; weft/__init__ exports what is registered here, and the tests and the
reference pages go through `registered()`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from weft import _core
from weft._arguments import refuse_others, tensor_parameters
from weft._core import Tensor

__all__ = ["Composite", "composite", "registered"]

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Composite:
    """One composed operator.

    Args:
        function: the composition. A first parameter called ``input`` is the receiver of the method.
        namespace: "" is weft itself; "linalg", "special", "nn" (weft.nn.functional).
        aliases: other names of the same operator.
        method, as_function: whether Tensor has it, and whether the namespace has it.
        inplace: Tensor has the method ``name_`` too, which stores the result in the receiver.
        attribute: Tensor has it as an attribute instead of a method.
        settable: assigning to the attribute writes into the view it gives.
        out_casts: ``out`` may have any dtype the result can be cast to; otherwise it must have the result's.
        ref: reference for tests: a dotted NumPy or SciPy name, or a callable of NumPy arrays.
        samples: argument tuples for tests, written like those of the operator table.
        domain: interval the tests draw floating-point inputs from.
        big: samples large enough to be computed by several threads; the first of `samples` when empty.
        ulps: stated error of the result in float32 units in the last place, against ref in float64.
    """

    function: Callable[..., Any]
    namespace: str = ""
    aliases: Sequence[str] = ()
    method: bool = True
    as_function: bool = True
    inplace: bool = False
    attribute: bool = False
    settable: bool = False
    out_casts: bool = False
    ref: str | Callable[..., Any] | None = None
    samples: Sequence[Any] = ()
    domain: tuple[float, float] = (-3.0, 3.0)
    big: Sequence[Any] = ()
    ulps: float = 16.0

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def key(self) -> str:
        """Unique: ``trace``, ``linalg.cross``."""
        return f"{self.namespace}.{self.name}" if self.namespace else self.name

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


_COMPOSITES: list[Composite] = []


def composite(
    *,
    namespace: str = "",
    aliases: Sequence[str] = (),
    method: bool = True,
    function: bool = True,
    inplace: bool = False,
    attribute: bool = False,
    settable: bool = False,
    out_casts: bool = False,
    ref: str | Callable[..., Any] | None = None,
    samples: Sequence[Any] = (),
    domain: tuple[float, float] = (-3.0, 3.0),
    big: Sequence[Any] = (),
    ulps: float = 16.0,
) -> Callable[[_F], _F]:
    """Registers a function as an operator and attaches it to Tensor; see Composite for the arguments.

    A keyword parameter called ``out`` is dealt with here: the body computes as if it were not there. An argument that
    the body cannot use because it is not a tensor is named in a TypeError.
    """

    def register(f: _F) -> _F:
        f = _checked(f, out_casts)
        entry = Composite(
            f,
            namespace,
            aliases,
            method,
            function,
            inplace,
            attribute,
            settable,
            out_casts,
            ref,
            samples,
            domain,
            big,
            ulps,
        )
        _COMPOSITES.append(entry)
        _attach(entry)
        return f

    return register


def _checked(f: _F, casts: bool) -> _F:
    """f, which names an argument that should have been a tensor, and stores its result in what is given as ``out``."""
    tensors = tensor_parameters(f)
    takes_out = "out" in (f.__kwdefaults__ or {})

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None) if takes_out else None
        try:
            result = f(*args, **kwargs)
        except (AttributeError, TypeError):
            refuse_others(f.__name__, tensors, args, kwargs)
            raise
        return result if out is None else store(f.__name__, out, result, casts)

    return cast(_F, call)


def store(name: str, out: Any, result: Any, casts: bool = False) -> Any:
    """Writes results into the tensors given as ``out``, which take their shapes, and returns these.

    Raises:
        TypeError: out is not a tensor, or not as many tensors as there are results.
        RuntimeError: the result has a history, or out another dtype, with `casts` one that cannot hold the result.
    """
    if not isinstance(result, Tensor):
        if not isinstance(out, tuple | list) or len(out) != len(result):
            raise TypeError(f"{name}(): out must be a tuple of {len(result)} Tensors, got {type(out).__name__}")
        for target, value in zip(out, result, strict=True):
            store(name, target, value, casts)
        return type(result)(*out) if hasattr(result, "_fields") else out
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if result.requires_grad or (out.requires_grad and _core.is_grad_enabled()):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    if not casts and result.dtype != out.dtype:
        raise RuntimeError(
            f"{name}(): expected out= to have the dtype of the result, {result.dtype}, but got {out.dtype}"
        )
    _check_cast(name, result, out)
    if out.shape != result.shape:
        out.resize_(result.shape)
    return out.copy_(result)


def _check_cast(name: str, result: Tensor, out: Tensor) -> None:
    if not _core.can_cast(result.dtype, out.dtype):
        raise RuntimeError(f"{name}(): result type {result.dtype} can't be cast to the desired output type {out.dtype}")


def _attach(entry: Composite) -> None:
    for name in entry.names:
        if entry.attribute:
            setter = _setter(entry) if entry.settable else None
            setattr(Tensor, name, property(entry.function, setter, doc=entry.function.__doc__))
        elif entry.method:
            setattr(Tensor, name, entry.function)
        if entry.inplace:
            setattr(Tensor, f"{name}_", _inplace_form(entry, f"{name}_"))


def _setter(entry: Composite) -> Callable[[Tensor, Any], None]:
    def write(input: Tensor, value: Any) -> None:
        entry.function(input)[...] = value

    return write


def _inplace_form(entry: Composite, name: str) -> Callable[..., Tensor]:
    function = entry.function

    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        # What was composed may be kept for backward as it was: the old value must outlive the store below.
        source = self.clone() if self.requires_grad else self
        result = function(source, *args, **kwargs)
        _check_cast(name, result, self)
        return self.copy_(result)

    in_place.__name__ = in_place.__qualname__ = name
    in_place.__doc__ = f"{entry.name}, in place."
    return in_place


def registered(namespace: str | None = None) -> tuple[Composite, ...]:
    """All composed operators, or those of one namespace."""
    return tuple(c for c in _COMPOSITES if namespace is None or c.namespace == namespace)
