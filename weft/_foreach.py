"""weft._foreach_*: one operator over lists of tensors, each name made from one entry of the tables below.

An operator gives a tuple of new tensors; the form whose name ends in an underscore stores into its first list and gives
that list back. Each tensor of a list goes through the plain operator, so derivatives are the plain operator's.

>>> import weft
>>> weft._foreach_add([weft.ones(2), weft.zeros(1)], 1.5)
(tensor([2.5000, 2.5000]), tensor([1.5000]))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor

# Of one list: methods of Tensor that have an in-place form.
_UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma", "log",
    "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan",
    "tanh", "trunc",
)  # fmt: skip
# Of one list: functions that give new tensors only, or store only.
_REDUCTIONS: dict[str, Callable[..., Tensor]] = {
    "clone": lambda t, *, memory_format=None: t.clone(memory_format=memory_format or weft.preserve_format),
    "max": lambda t: t.max(),
    "norm": lambda t, ord=2, dtype=None: weft.linalg.vector_norm(t, ord, dtype=dtype),
    "powsum": lambda t, ord=2, dtype=None: t.abs().pow(ord).sum(dtype=dtype),
    "zero_": lambda t: t.zero_(),
}
# Of a list and an operand: the method, what PyTorch calls the operand, whether there is an alpha.
_BINARY = {
    "add": ("add", ("other", "scalar", "scalars"), True),
    "sub": ("sub", ("other", "scalar", "scalars"), True),
    "mul": ("mul", ("other", "scalar", "scalars"), False),
    "div": ("div", ("other", "scalar", "scalars"), False),
    "clamp_max": ("clamp_max", ("other", "scalar", "scalars"), False),
    "clamp_min": ("clamp_min", ("other", "scalar", "scalars"), False),
    "maximum": ("clamp_min", ("other", "scalar", "scalars"), False),
    "minimum": ("clamp_max", ("other", "scalar", "scalars"), False),
    "pow": ("pow", ("exponent",), False),
}
# Of several lists: their names, and those of the number, the list of numbers or the lists that follow.
_TERNARY = {
    "addcdiv": (("tensor1", "tensor2"), ("value", "scalars")),
    "addcmul": (("tensor1", "tensor2"), ("value", "scalars")),
    "lerp": (("tensors1",), ("weight", "weights")),
}


def _tensors(name: str, position: int, value: Any) -> list[Tensor]:
    """value, which has to be a list or tuple of tensors."""
    if not isinstance(value, list | tuple):
        raise TypeError(f"{name}(): argument {position} must be a list of Tensors, not {type(value).__name__}")
    for i, item in enumerate(value):
        if not isinstance(item, Tensor):
            raise TypeError(
                f"{name}(): expected Tensor as element {i} in argument {position}, but got {type(item).__name__}"
            )
    if position == 0 and not value:
        raise RuntimeError(f"{name}(): Tensor list must have at least one tensor.")
    return list(value)


def _beside(name: str, tensors: list[Tensor], position: int, value: Any) -> list[Tensor]:
    """A list of tensors as long as the first one."""
    others = _tensors(name, position, value)
    if len(others) != len(tensors):
        raise RuntimeError(
            f"{name}(): Tensor lists must have the same number of tensors, got {len(tensors)} and {len(others)}"
        )
    return others


def _operands(name: str, tensors: list[Tensor], position: int, value: Any) -> list[Any]:
    """An operand for each tensor: a number or a tensor without dimensions serves all, a list has one for each."""
    if isinstance(value, list | tuple):
        if any(isinstance(item, Tensor) for item in value):
            return list(_beside(name, tensors, position, value))
        if len(value) != len(tensors):
            raise RuntimeError(
                f"{name}(): Tensor list must have same number of elements as scalar list, got {len(tensors)} and {len(value)}"
            )
        values = list(value)
    elif isinstance(value, Tensor):
        if value.dim() != 0:
            raise RuntimeError(
                f"{name}(): scalar tensor expected to be 0 dim but it has {value.dim()} dimensions and {value.numel()} elements."
            )
        return [value] * len(tensors)
    else:
        values = [value] * len(tensors)
    for item in values:
        if not isinstance(item, int | float | complex):
            raise TypeError(
                f"{name}(): argument {position} must be a number, a list of them or of Tensors, not {type(item).__name__}"
            )
    return values


def _named(name: str, names: Sequence[str], kwargs: dict[str, Any], *default: Any) -> Any:
    """The one of the keyword arguments that PyTorch calls by any of these names."""
    given = [key for key in names if key in kwargs]
    if len(given) == 1:
        return kwargs.pop(given[0])
    if given or not default:
        raise TypeError(f"{name}() expected one argument out of {', '.join(names)}, got {', '.join(given) or 'none'}")
    return default[0]


def _no_more(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    if args:
        raise TypeError(f"{name}() takes {len(args)} positional arguments less than were given")
    if kwargs:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(kwargs))}'")


def _finish(name: str, given: Any, results: list[Tensor]) -> Any:
    return given if name.endswith("_") else tuple(results)


def _unary(name: str, method: str) -> Callable[..., Any]:
    apply = getattr(Tensor, method)

    def call(self: Sequence[Tensor]) -> Any:
        return _finish(name, self, [apply(t) for t in _tensors(name, 0, self)])

    return call


def _reduction(name: str, function: Callable[..., Tensor]) -> Callable[..., Any]:
    def call(self: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        return _finish(name, self, [function(t, *args, **kwargs) for t in _tensors(name, 0, self)])

    return call


def _binary(name: str, method: str, operand: Sequence[str], has_alpha: bool) -> Callable[..., Any]:
    apply = getattr(Tensor, method)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        alpha = {"alpha": kwargs.pop("alpha")} if has_alpha and "alpha" in kwargs else {}
        value = args[0] if args else _named(name, operand, kwargs)
        _no_more(name, args[1:], kwargs)
        if name == "_foreach_pow" and not isinstance(self, list | tuple):
            return tuple(weft.pow(self, t) for t in _tensors(name, 0, value))
        tensors = _tensors(name, 0, self)
        values = _operands(name, tensors, 1, value)
        return _finish(name, self, [apply(t, v, **alpha) for t, v in zip(tensors, values, strict=True)])

    return call


def _ternary(name: str, method: str, lists: Sequence[str], last: Sequence[str]) -> Callable[..., Any]:
    apply = getattr(Tensor, method)
    as_keyword = last[0] == "value"  # addcmul and addcdiv

    def call(self: Sequence[Tensor], *args: Any, **kwargs: Any) -> Any:
        tensors, rest = _tensors(name, 0, self), list(args)
        others = [
            _beside(name, tensors, i, rest.pop(0) if rest else _named(name, (key,), kwargs))
            for i, key in enumerate(lists, 1)
        ]
        value = rest.pop(0) if rest else _named(name, last, kwargs, *((1,) if as_keyword else ()))
        _no_more(name, rest, kwargs)
        if as_keyword and isinstance(value, Tensor):
            value = value.tolist()
        values = _operands(name, tensors, len(lists) + 1, value)
        rows = zip(tensors, *others, values, strict=True)
        results = [apply(*row[:-1], value=row[-1]) if as_keyword else apply(*row) for row in rows]
        return _finish(name, self, results)

    return call


def _mm(self: Sequence[Tensor], mat2: Sequence[Tensor]) -> Any:
    tensors = _tensors("_foreach_mm", 0, self)
    return tuple(a.mm(b) for a, b in zip(tensors, _beside("_foreach_mm", tensors, 1, mat2), strict=True))


def _copy_(self: Sequence[Tensor], src: Sequence[Tensor], non_blocking: bool = False) -> Any:
    tensors = _tensors("_foreach_copy_", 0, self)
    for target, source in zip(tensors, _beside("_foreach_copy_", tensors, 1, src), strict=True):
        target.copy_(source)
    return self


def _made() -> dict[str, Callable[..., Any]]:
    made: dict[str, Callable[..., Any]] = {"mm": _mm, "copy_": _copy_}
    made |= {name: _reduction(f"_foreach_{name}", f) for name, f in _REDUCTIONS.items()}
    for form in ("", "_"):
        made |= {name + form: _unary(f"_foreach_{name}{form}", name + form) for name in _UNARY}
        made |= {name + form: _binary(f"_foreach_{name}{form}", b[0] + form, *b[1:]) for name, b in _BINARY.items()}
        made |= {name + form: _ternary(f"_foreach_{name}{form}", name + form, *t) for name, t in _TERNARY.items()}
    for name, function in made.items():
        function.__name__ = function.__qualname__ = f"_foreach_{name}"
        function.__doc__ = f"{name} of each tensor of a list" + (", in place." if name.endswith("_") else ".")
    return {f"_foreach_{name}": function for name, function in made.items()}


_FUNCTIONS = _made()
globals().update(_FUNCTIONS)
__all__ = list(_FUNCTIONS)
