"""How one call runs on a whole batch: a rule for each family that the operator table names (ops/table.py, `batch`).

A rule gets the call with its arguments by name and the level, and returns the result with the batch in front. What has no
rule, and what a rule cannot do, runs example by example (`_loop`), which is right for every operator.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import weft
from weft import _core
from weft._core import Tensor
from weft.func._batched import (
    BatchedTensor,
    Level,
    batch,
    current_levels,
    innermost,
    is_batched,
    map_tensors,
    physical_of,
)
from weft.overrides import TorchFunctionMode

__all__ = ["RandomnessMode", "run"]


class _Decline(Exception):
    """A rule leaves the call to the loop."""


class Call:
    """A call bound to its parameters."""

    def __init__(self, func: Any, arguments: dict[str, Any], level: Level) -> None:
        self.func, self.arguments, self.level = func, dict(arguments), level
        self.name: str = func.__name__
        self.inplace = self.name.endswith("_") and not self.name.endswith("__")

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str, default: Any = None) -> Any:
        value = self.arguments.get(name, default)
        return default if value is None else value

    def tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in self.arguments.items() if isinstance(value, Tensor)}

    def is_batched(self, value: Any) -> bool:
        return is_batched(value, self.level)

    @property
    def first(self) -> str:
        return next(iter(self.arguments))

    def only(self) -> Tensor:
        """The first argument, when nothing else is batched."""
        for name, value in self.arguments.items():
            if (name == self.first) != (innermost([value]) is self.level):
                raise _Decline
        return self.arguments[self.first]

    def run(self, **changes: Any) -> Any:
        """The call with some arguments replaced, as a batch."""
        arguments = {**self.arguments, **changes}
        # Those that come first go by position: a method knows its receiver only so.
        receiver = arguments.pop(self.first)
        if "from_" in arguments:
            arguments["from"] = arguments.pop("from_")
        return self.func(receiver, **arguments)


Rule = Callable[[Call], Any]
_RULES: dict[str, Rule] = {}


def _rule(*families: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        _RULES.update(dict.fromkeys(families, rule))
        return rule

    return register


def run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call in which at least one tensor is batched."""
    level = innermost(args) or innermost(kwargs.values())
    if level is None:
        raise RuntimeError(f"vmap: {func} got a tensor of a vmap that has ended")
    if level not in current_levels():
        raise RuntimeError("vmap: a tensor made within vmap was used after it ended")
    name = getattr(func, "__name__", "")
    special = _SPECIAL.get(name)
    try:
        if special is not None:
            return special(func, level, *args, **kwargs)
        if "out" in kwargs and kwargs["out"] is not None:
            raise RuntimeError(f"vmap: {name}(out=...) cannot write a batch into one tensor")
        bound = _bind(func, name, args, kwargs)
        if bound is not None:
            family, arguments = bound
            rule = _RULES.get(family)
            if rule is not None:
                call = Call(func, arguments, level)
                if call.inplace:
                    _check_inplace(call)
                result = rule(call)
                return arguments[call.first] if call.inplace else _wrapped(result, level)
    except _Decline:
        pass
    return _loop(func, level, args, kwargs)


def _bind(func: Any, name: str, args: Any, kwargs: Any) -> Any:
    module = getattr(func, "__self__", None)
    if module is None:
        return _core._bind_call("weft", name, True, args, kwargs) if hasattr(func, "__objclass__") else None
    space = getattr(module, "__name__", "").rpartition(".")[2]
    return _core._bind_call("weft" if space == "_core" else space, name, False, args, kwargs)


def _wrapped(result: Any, level: Level) -> Any:
    return map_tensors(lambda t: batch(t, level), result)


def _check_inplace(call: Call) -> None:
    target = call[call.first]
    others = innermost([v for k, v in call.arguments.items() if k != call.first])
    if not call.is_batched(target) and others is call.level:
        raise RuntimeError(
            f"vmap: {call.name}(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
            "that has more elements than `self`. This happened due to `other` being vmapped over but `self` not being "
            "vmapped over. Please try to use out-of-place operators instead of in-place ones."
        )


# The loop -----------------------------------------------------------------------------------------------------------


def _loop(func: Any, level: Level, args: Any, kwargs: Any) -> Any:
    """Example by example."""
    name = getattr(func, "__name__", "")
    inplace = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__"
    if inplace and not is_batched(args[0], level):
        _check_inplace(Call(func, dict(enumerate(args)), level))  # type: ignore[arg-type]  # positions for names
    if level.size == 0:
        raise ValueError(f"vmap: {name} has no rule for a batch of no examples")
    results = []
    for i in range(level.size):

        def example(tensor: Tensor, i: int = i) -> Tensor:
            return tensor.physical.select(0, i) if is_batched(tensor, level) else tensor

        results.append(func(*map_tensors(example, args), **map_tensors(example, kwargs)))
    return args[0] if inplace else _stacked(name, results, level)


def _stacked(name: str, results: list[Any], level: Level) -> Any:
    """The results of all examples as one."""
    first = results[0]
    if isinstance(first, Tensor):
        if any(r.shape != first.shape for r in results):
            raise RuntimeError(
                f"vmap: the shape of {name}'s result depends on the data: examples gave {tuple(first.shape)} and "
                f"{next(tuple(r.shape) for r in results if r.shape != first.shape)}"
            )
        return batch(weft.stack(results), level)
    if isinstance(first, tuple | list):
        items = [_stacked(name, [r[k] for r in results], level) for k in range(len(first))]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    if any(r != first for r in results):
        raise RuntimeError(f"vmap: {name} gives values that differ between examples, which cannot be one value")
    return first


# Families -----------------------------------------------------------------------------------------------------------


def _aligned(call: Call, tensor: Tensor, dims: int) -> Tensor:
    """The batch of a tensor with dimensions of size one between the batch and its own, so that it broadcasts."""
    if not call.is_batched(tensor):
        return tensor
    physical: Tensor = tensor.physical
    missing = dims - tensor.dim()
    return physical if missing == 0 else physical.reshape(physical.shape[0], *(1,) * missing, *tensor.shape)


@_rule("pointwise")
def _pointwise(call: Call) -> Any:
    tensors = call.tensors()
    dims = max(t.dim() for t in tensors.values())
    if len({t.dtype for t in tensors.values()}) > 1 and any(t.dim() == 0 for t in tensors.values()):
        raise _Decline  # 0-dim tensors are weak in type promotion
    return call.run(**{name: _aligned(call, t, dims) for name, t in tensors.items()})


@_rule("leading")
def _leading(call: Call) -> Any:
    return call.run(**{call.first: call.only().physical})


@_rule("total")
def _total(call: Call) -> Any:
    """The losses of all elements, then the sum of each example."""
    arguments = dict(call.arguments)
    divisor = arguments.pop("divisor")
    losses = getattr(_core.internal, call.name.removesuffix("_total"))(*arguments.values())
    return physical_of(losses.sum() / divisor, call.level)


_DIMENSIONS = ("dim", "dims", "dim0", "dim1", "dim2", "start_dim", "end_dim", "dimension", "source", "destination")
_FLATTENING = {
    "max",
    "min",
    "median",
    "nanmedian",
    "argmax",
    "argmin",
    "prod",
    "all",
    "any",
    "roll",
    "repeat_interleave",
}


def _shifted(value: Any, ndim: int) -> Any:
    if isinstance(value, tuple | list):
        return [_shifted(v, ndim) for v in value]
    if not -max(ndim, 1) <= value < max(ndim, 1):
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-max(ndim, 1)}, {max(ndim, 1) - 1}], but got {value})"
        )
    return value + 1 if value >= 0 else value + ndim + 1


@_rule("dims")
def _dims(call: Call) -> Any:
    tensor = call.only()
    ndim = tensor.dim()
    if ndim == 0:
        raise _Decline
    physical: Tensor = tensor.physical
    extra = 1 if call.name in ("unsqueeze", "unsqueeze_", "diag_embed") else 0
    given = {name: call[name] for name in _DIMENSIONS if call.arguments.get(name) is not None}
    if any(isinstance(value, Tensor) for value in given.values()):
        raise _Decline
    if given and not (len(given) == 1 and given.get("dim", given.get("dims")) in ((), [])):
        changes: dict[str, Any] = {name: _shifted(value, ndim + extra) for name, value in given.items()}
        return call.run(**{call.first: physical}, **changes)
    return _over_all_dims(call, physical)


def _over_all_dims(call: Call, physical: Tensor) -> Any:
    """A call without dimensions: over all of the example's, or by its own defaults."""
    defaults = {
        "flatten": (0, -1),
        "diagonal": (0, 1),
        "unbind": (0,),
        "split": (0,),
        "chunk": (0,),
        "diag_embed": (-2, -1),
    }
    if call.name in defaults:
        names = ("start_dim", "end_dim") if call.name == "flatten" else ("dim1", "dim2")
        ndim = physical.dim() - 1 + (call.name == "diag_embed")
        values = [_shifted(d, ndim) for d in defaults[call.name]]
        changes = dict(zip(names if len(values) == 2 else ("dim",), values, strict=True))
        if call.name == "flatten" and "end_dim" in call.arguments:
            raise _Decline
        return call.run(**{call.first: physical}, **changes)
    if call.name in ("sort", "argsort", "topk", "kthvalue", "mode", "glu"):  # the last dimension by default
        return call.run(**{call.first: physical})
    if call.name in _FLATTENING:
        if call.get("keepdim", False) or call.name in ("roll", "repeat_interleave"):
            raise _Decline
        result = call.run(**{call.first: physical.flatten(1)}, dim=1)
        return result[0] if isinstance(result, tuple) else result
    return call.run(**{call.first: physical}, dim=list(range(1, physical.dim())))


@_rule("permute")
def _permute(call: Call) -> Any:
    tensor = call.only()
    return call.run(**{call.first: tensor.physical}, dims=[0, *_shifted(call["dims"], tensor.dim())])


@_rule("squeeze")
def _squeeze(call: Call) -> Any:
    physical: Tensor = call.only().physical
    return physical.reshape(physical.shape[0], *(n for n in physical.shape[1:] if n != 1))


@_rule("sizes")
def _sizes(call: Call) -> Any:
    tensor = call.only()
    name = "shape" if "shape" in call.arguments else "size"
    if name not in call.arguments:
        raise _Decline
    size = call[name]
    listed = list(size) if isinstance(size, tuple | list) else [size]
    if -1 in listed:
        known = -weft.Size(listed).numel()
        listed[listed.index(-1)] = tensor.numel() // known if known > 0 else 0
        if weft.Size(listed).numel() != tensor.numel():
            raise RuntimeError(f"shape '{list(size)}' is invalid for input of size {tensor.numel()}")
    return call.run(**{call.first: tensor.physical, name: [call.level.size, *listed]})


@_rule("expand")
def _expand(call: Call) -> Any:
    tensor = call.only()
    name = next(n for n in ("size", "repeats", "dims") if n in call.arguments)
    size = call[name]
    listed = list(size) if isinstance(size, tuple | list) else [size]
    keep = 1 if name != "size" else call.level.size
    if call.name == "tile":
        listed = [1] * (tensor.dim() - len(listed)) + listed
    if len(listed) < tensor.dim():
        raise _Decline  # an error, which the loop words as it is
    return call.run(**{call.first: _aligned(call, tensor, len(listed)), name: [keep, *listed]})


@_rule("list")
def _list(call: Call) -> Any:
    tensors = [physical_of(t, call.level) for t in call["tensors"]]
    ndim = max(t.dim() - 1 for t in tensors) + (call.name == "stack")
    if ndim == 0:
        raise _Decline
    return call.run(tensors=tensors, dim=_shifted(call.get("dim", 0), ndim))


@_rule("indexed")
def _indexed(call: Call) -> Any:
    tensors = call.tensors()
    if call.arguments.get("dim") is None or any(t.dim() == 0 for t in tensors.values()):
        raise _Decline
    changes = {name: physical_of(t, call.level) for name, t in tensors.items()}
    return call.run(**changes, dim=_shifted(call["dim"], call[call.first].dim()))


@_rule("index_select")
def _index_select(call: Call) -> Any:
    if call.is_batched(call["index"]) or call[call.first].dim() == 0:
        raise _Decline
    physical = call[call.first].physical
    return call.run(**{call.first: physical}, dim=_shifted(call["dim"], call[call.first].dim()))


@_rule("matmul")
def _matmul(call: Call) -> Any:
    a, b = call.tensors().values()
    if a.dim() == 0 or b.dim() == 0:
        raise _Decline
    x = _aligned(call, a.unsqueeze(0) if a.dim() == 1 else a, max(a.dim(), b.dim(), 2))
    y = _aligned(call, b.unsqueeze(1) if b.dim() == 1 else b, max(a.dim(), b.dim(), 2))
    x, y = (t.physical if call.is_batched(t) else t for t in (x, y))
    result = weft.matmul(x, y)
    if a.dim() == 1:
        result = result.squeeze(-2)
    return result.squeeze(-1) if b.dim() == 1 else result


@_rule("linear")
def _linear(call: Call) -> Any:
    if not call.is_batched(call["weight"]) and not call.is_batched(call.get("bias")):
        return call.run(input=call["input"].physical)
    # Decomposed: the parts have rules of their own, so the result is an example already.
    result = weft.matmul(call["input"], call["weight"].mT)
    if call.get("bias") is not None:
        result = result + call["bias"]
    return physical_of(result, call.level)


@_rule("convolution")
def _convolution(call: Call) -> Any:
    """Other weights for every example are groups of one convolution."""
    x, weight, bias = call["input"], call["weight"], call.get("bias")
    spatial = weight.dim() - 2
    size = call.level.size
    lone = x.dim() == spatial + 1
    if lone:
        x = x.unsqueeze(0)
    inner = x.shape[0]
    if not call.is_batched(weight) and not call.is_batched(bias):
        flat = call.run(input=x.physical.flatten(0, 1))
        result = flat.reshape(size, inner, *flat.shape[1:])
    else:
        groups = call.get("groups", 1)
        images = physical_of(x, call.level).transpose(0, 1).flatten(1, 2)
        filters = physical_of(weight, call.level).flatten(0, 1)
        biases = None if bias is None else physical_of(bias, call.level).flatten()
        flat = call.run(input=images, weight=filters, bias=biases, groups=groups * size)
        result = flat.reshape(inner, size, flat.shape[1] // size, *flat.shape[2:]).transpose(0, 1)
    return result.squeeze(1) if lone else result


@_rule("images")
def _images(call: Call) -> Any:
    """The batch of images takes the vmapped dimension in."""
    tensor = call.only()
    physical: Tensor = tensor.physical
    digits = [int(c) for c in call.name if c.isdigit()]
    if digits and tensor.dim() == digits[0] + 1:
        return call.run(**{call.first: physical})
    flat = call.run(**{call.first: physical.flatten(0, 1)})
    return map_tensors(lambda t: t.reshape(*physical.shape[:2], *t.shape[1:]), flat)


@_rule("embedding")
def _embedding(call: Call) -> Any:
    indices, weight = call["indices"], call["weight"]
    if not call.is_batched(weight):
        return call.run(indices=indices.physical)
    if call.get("padding_idx", -1) >= 0 or call.get("scale_grad_by_freq", False):
        raise _Decline
    table = physical_of(weight, call.level)
    rows = physical_of(indices, call.level)
    offsets = weft.arange(call.level.size).reshape(-1, *(1,) * indices.dim()) * weight.shape[0]
    return call.run(indices=rows + offsets, weight=table.flatten(0, 1))


@_rule("normalized")
def _normalized(call: Call) -> Any:
    weight, bias = call.get("weight"), call.get("bias")
    if not call.is_batched(weight) and not call.is_batched(bias):
        return call.run(input=call["input"].physical)
    plain = {"weight": None, "bias": None} if "bias" in call.arguments else {"weight": None}
    shape = list(call["normalized_shape"])
    result = call.func(call["input"], shape, **plain, **({"eps": call["eps"]} if "eps" in call.arguments else {}))
    if weight is not None:
        result = result * weight
    if bias is not None:
        result = result + bias
    return physical_of(result, call.level)


@_rule("random")
def _random(call: Call) -> Any:
    raise _Decline  # RandomnessMode has decided already: the loop draws for every example


# Calls that are no operators of the table ------------------------------------------------------------------------------

_Special = Callable[..., Any]
_SPECIAL: dict[str, _Special] = {}


def _special(*names: str) -> Callable[[_Special], _Special]:
    def register(rule: _Special) -> _Special:
        _SPECIAL.update(dict.fromkeys(names, rule))
        return rule

    return register


def _plain_key(key: Any, level: Level) -> tuple[Any, ...] | None:
    """An index without batched tensors, whose advanced parts stand together; None otherwise."""
    items = key if isinstance(key, tuple) else (key,)
    if innermost(items) is level:
        return None
    advanced = [isinstance(item, list | Tensor) for item in items]
    integers = any(isinstance(item, int) and not isinstance(item, bool) for item in items)
    if sum(advanced) > 1 or (sum(advanced) == 1 and integers):
        return None
    return items


@_special("__getitem__")
def _getitem(func: Any, level: Level, tensor: Tensor, key: Any) -> Any:
    if is_batched(tensor, level):
        items = _plain_key(key, level)
        if items is not None:
            return batch(tensor.physical[(slice(None), *items)], level)
        if is_batched(key, level) and key.dtype not in (weft.bool, weft.uint8):
            rows = weft.arange(level.size).reshape(-1, *(1,) * key.dim())
            return batch(tensor.physical[rows, key.physical], level)
    elif is_batched(key, level) and key.dtype not in (weft.bool, weft.uint8):
        return batch(tensor[key.physical], level)
    raise _Decline


@_special("__setitem__")
def _setitem(func: Any, level: Level, tensor: Tensor, key: Any, value: Any) -> Any:
    items = _plain_key(key, level)
    if not is_batched(tensor, level) or items is None:
        raise _Decline
    physical: Tensor = tensor.physical
    if is_batched(value, level):
        missing = tensor[key].dim() - value.dim()
        value = value.physical
        if missing > 0:
            value = value.reshape(value.shape[0], *(1,) * missing, *value.shape[1:])
    physical[(slice(None), *items)] = value


@_special("backward")
def _backward(func: Any, level: Level, *args: Any, **kwargs: Any) -> Any:
    raise RuntimeError("backward() called inside a functorch transform: use weft.func.grad within vmap")


@_special("grad")
def _grad(
    func: Any, level: Level, outputs: Any, inputs: Any, grad_outputs: Any = None, *args: Any, **kwargs: Any
) -> Any:
    """autograd.grad. Examples do not depend on each other, so one pass gives the gradients of all."""
    outs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    ins = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    weights = (
        [grad_outputs] * len(outs) if grad_outputs is None or isinstance(grad_outputs, Tensor) else list(grad_outputs)
    )
    weights = [weft.ones_like(o) if w is None and o.dim() == 0 else w for o, w in zip(outs, weights, strict=True)]
    if all(is_batched(x, level) for x in ins):
        used = [(o, w) for o, w in zip(outs, weights, strict=True) if is_batched(o, level)]
        roots = [o.physical for o, _ in used]
        seeds = [None if w is None else physical_of(w, level) for _, w in used]
        results = weft.autograd.grad(roots, [x.physical for x in ins], seeds, *args, **kwargs)
        return tuple(None if r is None else batch(r, level) for r in results)
    return _grad_by_example(level, outs, ins, weights, args, kwargs)


def _grad_by_example(level: Level, outs: list[Any], ins: list[Any], weights: list[Any], args: Any, kwargs: Any) -> Any:
    """An input that all examples share needs a pass for each."""
    keep = {**kwargs, "retain_graph": True}
    rows = []
    for i in range(level.size):
        roots, seeds = [], []
        for out, weight in zip(outs, weights, strict=True):
            seed = None if weight is None else (weight.physical[i] if is_batched(weight, level) else weight)
            if is_batched(out, level):
                chosen = weft.zeros_like(out.physical[0]) if seed is None else seed
                mask = weft.arange(level.size).reshape(-1, *(1,) * out.dim()) == i
                seed = weft.where(mask, chosen.unsqueeze(0), 0.0)
                out = out.physical
            roots.append(out)
            seeds.append(seed)
        results = weft.autograd.grad(
            roots, [x.physical if is_batched(x, level) else x for x in ins], seeds, *args[1:], **keep
        )
        rows.append([r[i] if r is not None and is_batched(x, level) else r for r, x in zip(results, ins, strict=True)])
    return tuple(
        None if rows[0][k] is None else batch(weft.stack([r[k] for r in rows]), level) for k in range(len(ins))
    )


@_special("apply")
def _apply(func: Any, level: Level, *args: Any, **kwargs: Any) -> Any:
    """A Function written in Python: by its own vmap method, or example by example when it allows."""
    function = func.__self__
    if (
        "vmap" in function.__dict__
        or getattr(function.vmap, "__func__", function.vmap) is not weft.autograd.Function.vmap
    ):
        info = _VmapInfo(level.size, level.randomness)
        in_dims = tuple(0 if is_batched(a, level) else None for a in args)
        plain = tuple(a.physical if is_batched(a, level) else a for a in args)
        result, out_dims = function.vmap(info, in_dims, *plain)
        return _outputs_of_vmap(result, out_dims, level)
    if not function.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {function.__name__}, but it does not have vmap support. Please override and "
            "implement the vmap staticmethod or set generate_vmap_rule=True."
        )
    return _loop(func, level, args, kwargs)


class _VmapInfo:
    """What a Function's vmap method is told."""

    def __init__(self, batch_size: int, randomness: str) -> None:
        self.batch_size, self.randomness = batch_size, randomness


def _outputs_of_vmap(result: Any, out_dims: Any, level: Level) -> Any:
    if isinstance(result, Tensor):
        return result if out_dims is None else batch(result.movedim(out_dims, 0), level)
    dims = out_dims if isinstance(out_dims, tuple | list) else [out_dims] * len(result)
    return type(result)(_outputs_of_vmap(r, d, level) for r, d in zip(result, dims, strict=True))


# Random numbers -------------------------------------------------------------------------------------------------------


class RandomnessMode(TorchFunctionMode):
    """Sees every call within a vmap, and decides those that draw random numbers."""

    def __init__(self, level: Level) -> None:
        self.level = level

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name.startswith("__") or not _is_random(func, name, args, kwargs):
            return func(*args, **kwargs)
        level = self.level
        if level.randomness == "error":
            raise RuntimeError(
                f"vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                f"'different' randomness flags on vmap or perform the randomness operation out of vmap ({name})"
            )
        inplace = name.endswith("_")
        if inplace and not is_batched(args[0], level) and level.randomness == "different":
            raise RuntimeError(
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will appear like same "
                "randomness. If you need it, draw outside of vmap."
            )
        if level.randomness == "same":
            return _drawn_same(func, level, args, kwargs)
        if innermost((*args, *kwargs.values())) is level:
            return _loop(func, level, args, kwargs)
        return _stacked(name, [func(*args, **kwargs) for _ in range(level.size)], level)


@functools.cache
def _random_names() -> frozenset[str]:
    return frozenset(_core._names_of_family("random"))


def _is_random(func: Any, name: str, args: Any, kwargs: Any) -> bool:
    if name not in _random_names():
        return False
    # Dropout outside training draws nothing.
    return not (name == "dropout" and (kwargs.get("train", True) is False or (len(args) > 2 and args[2] is False)))


def _drawn_same(func: Any, level: Level, args: Any, kwargs: Any) -> Any:
    """The same numbers for every example: each starts where the first did."""
    if innermost((*args, *kwargs.values())) is not level:
        return func(*args, **kwargs)
    generator = kwargs.get("generator") or weft.default_generator
    state = generator.get_state()

    def again(*args: Any, **kwargs: Any) -> Any:
        generator.set_state(state)
        return func(*args, **kwargs)

    again.__name__ = func.__name__
    return _loop(again, level, args, kwargs)


def unwrapped(value: Any) -> Any:
    """The innermost physical tensor."""
    while isinstance(value, BatchedTensor):
        value = value.physical
    return value
