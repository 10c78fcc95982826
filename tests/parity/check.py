"""Runs one OpInfo entry with torch and with weft and says where they differ.

What is looked at is called an aspect, each by a letter:

    v values, dtypes, shapes, requires_grad    s strides, and which results look into an input's storage
    g gradients      h second gradients        m the method of Tensor      i the in-place method
    o the out= form  e error inputs: the class of exception
"""

from __future__ import annotations

import itertools
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch

import weft
from tests.parity import spectral, ties
from tests.parity.bridge import (
    Converter,
    Missing,
    Unsupported,
    counterpart,
    function_of,
    is_sampler,
    resolve,
    storage_of,
    tensors_in,
    to_torch,
)

ASPECTS = "vsghmioe"
_VARIANT_SAMPLES = 4  # how many samples the method, in-place and out= forms are tried on, and second gradients
# Relative to each element and to the largest one: some units in the last place of sums of a few hundred terms.
_TOLERANCE = {
    torch.float64: 1e-9,
    torch.complex128: 1e-9,
    torch.float32: 1e-5,
    torch.complex64: 1e-5,
    torch.float16: 4e-3,
    torch.bfloat16: 3e-2,
}


class Differs(Exception):
    """What weft gives is not what torch gives."""


@dataclass
class Outcome:
    """Of one OpInfo entry in one dtype: samples run and passed, and why they failed, by aspect.

    Args:
        lenient: how often something other than agreement within the tolerance decided, by what it was.
    """

    run: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    lenient: Counter[str] = field(default_factory=Counter)

    def note(self, aspect: str, reason: str | None) -> bool:
        self.run[aspect] += 1
        if reason is None:
            self.passed[aspect] += 1
        else:
            self.reasons.setdefault(aspect, Counter())[reason[:300]] += 1
        return reason is None

    def complete(self) -> str:
        """The aspects of which every sample passed."""
        return "".join(a for a in ASPECTS if self.run[a] and self.run[a] == self.passed[a])


def select(iterator: Any, limit: int | None) -> list[Any]:
    """All samples, or `limit` spread evenly over the first 240."""
    if limit is None:
        return list(iterator)
    samples = list(itertools.islice(iterator, 240))
    step = max(1.0, len(samples) / limit)
    return [samples[int(i * step)] for i in range(min(limit, len(samples)))]


def samples_of(op: Any, dtype: torch.dtype, limit: int | None) -> list[Any]:
    torch.manual_seed(0)
    wants_grad = bool(op.supports_autograd and (dtype.is_floating_point or dtype.is_complex))
    wants_grad = wants_grad and dtype in op.supported_backward_dtypes("cpu")
    return select(op.sample_inputs("cpu", dtype, requires_grad=wants_grad), limit)


def check_op(op: Any, dtype: torch.dtype, limit: int | None = None) -> Outcome:
    """Runs the samples of an entry in one dtype through both libraries."""
    outcome = Outcome()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, sample in enumerate(samples_of(op, dtype, limit)):
            _check_sample(op, dtype, sample, index, outcome)
    return outcome


def check_errors(op: Any) -> Outcome:
    """Runs the error inputs of an entry."""
    outcome = Outcome()
    if op.error_inputs_func is None:
        return outcome
    function = function_of(op)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        try:
            inputs = list(op.error_inputs("cpu"))
        except Exception as error:  # torch's own generators fail here and there without a GPU
            warnings.warn(f"{op.name}: {error}", stacklevel=1)
            return outcome
        for item in inputs:
            sample = item.sample_input
            try:
                ours = Converter()((sample.input, list(sample.args), sample.kwargs))
            except Unsupported as error:
                outcome.note("e", f"unsupported: {error}")
                continue
            except RuntimeError:
                continue  # torch left this tensor larger than its storage in an earlier call that failed
            expected = raised(op.op, (sample.input, sample.args, sample.kwargs))
            if expected is None:
                continue
            got = raised(function, ours)
            if got is None:
                outcome.note("e", f"accepted what torch refuses with {type(expected).__name__}: {expected}")
            elif not isinstance(got, type(expected)) and type(got).__name__ != type(expected).__name__:
                outcome.note("e", f"{describe(got)} where torch raises {describe(expected)}")
            else:
                outcome.note("e", None if len(str(got)) > 10 else f"says only {str(got)!r}")
    return outcome


def raised(function: Any, arguments: Any) -> Exception | None:
    first, args, kwargs = arguments
    try:
        function(first, *args, **kwargs)
    except Exception as error:
        return error
    return None


def describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"


def _check_sample(op: Any, dtype: torch.dtype, sample: Any, index: int, outcome: Outcome) -> None:
    theirs = (sample.input, list(sample.args), sample.kwargs)
    convert = Converter()
    try:
        ours = convert(theirs)
    except Unsupported as error:
        outcome.note("v", f"unsupported: {error}")
        return
    try:
        torch.manual_seed(1)
        expected = op.op(theirs[0], *theirs[1], **theirs[2])
    except Exception:
        return  # not an input torch takes
    function = function_of(op)
    try:
        got = function(ours[0], *ours[1], **ours[2])
    except Exception as error:
        outcome.note("v", describe(error))
        return
    truth = _Truth(op, theirs)
    problem = _difference(expected, got, truth)
    if problem and truth.is_random():
        problem = _difference(expected, got, truth, values=False)
        outcome.lenient["v: random"] += problem is None
    outcome.lenient.update(truth.lenient)
    truth.lenient.clear()
    if not outcome.note("v", problem):
        return
    outcome.note("s", _layout_difference(theirs, expected, ours, got))
    if index < _VARIANT_SAMPLES:
        _check_variants(op, theirs, expected, truth, outcome)
    if any(t.requires_grad for t in tensors_in(expected)):
        second = bool(dtype is torch.float64 and op.supports_gradgrad and index < _VARIANT_SAMPLES)
        try:
            problem = _gradient_difference(op, sample, theirs, expected, ours, got, second, outcome)
        except Exception as error:
            problem = describe(error)
        if problem and truth.is_random():
            problem = None
            outcome.lenient["g: random"] += 1
        outcome.note("g", problem)


class _Truth:
    """What torch says in double precision, asked for only when results are not close."""

    def __init__(self, op: Any, arguments: Any) -> None:
        self._op, self._arguments = op, arguments
        self.lenient: Counter[str] = Counter()

    def double(self) -> list[torch.Tensor] | None:
        def up(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                wide = {torch.complex64: torch.complex128}.get(value.dtype, torch.float64)
                inexact = value.is_floating_point() or value.is_complex()
                return value.detach().to(wide) if inexact else value
            if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
                return type(value)([up(item) for item in value])
            if isinstance(value, dict):
                return {key: up(item) for key, item in value.items() if key != "dtype"}
            return value

        first, args, kwargs = up(self._arguments)
        try:
            return list(tensors_in(self._op.op(first, *args, **kwargs)))
        except Exception:
            return None

    def is_met_by(self, expected: Any, got: Any) -> bool:
        """Whether results that differ are as good: signs of vectors are free, and so are places of equal elements."""
        try:
            _compare(expected, got, False, None, [0])
        except Differs:
            return False
        mine = [to_torch(t) for t in tensors_in(got)]
        theirs = list(tensors_in(expected))
        for judge, what in ((spectral, "vectors up to their sign"), (ties, "other ones of equal elements")):
            if judge.agrees(self._op.name, self._arguments, theirs, mine):
                self.lenient[f"v: {what}"] += 1
                return True
        return False

    def is_random(self) -> bool:
        """Whether torch itself gives something else with another seed, or memory as it was found."""
        if "empty" in self._op.name or is_sampler(self._op.op):
            return True
        first, args, kwargs = self._arguments
        results = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            results.append([t.detach().to_dense().clone() for t in tensors_in(self._op.op(first, *args, **kwargs))])
        return any(
            not torch.equal(torch.nan_to_num(a.float()), torch.nan_to_num(b.float()))
            for a, b in zip(*results, strict=True)
        )


def _difference(expected: Any, got: Any, truth: _Truth | None, *, values: bool = True) -> str | None:
    """In words, or None."""
    try:
        _compare(expected, got, values, truth, [0])
    except Differs as error:
        if values and truth is not None and truth.is_met_by(expected, got):
            return None
        return str(error)
    except Exception as error:
        return f"result cannot be read: {describe(error)}"
    return None


def _compare(expected: Any, got: Any, values: bool, truth: _Truth | None, position: list[int]) -> None:
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, weft.Tensor):
            raise Differs(f"gives {type(got).__name__} where torch gives a Tensor")
        _compare_tensors(expected, got, values, truth, position)
        position[0] += 1
    elif isinstance(expected, list | tuple):
        if not isinstance(got, list | tuple) or len(expected) != len(got):
            count = len(got) if isinstance(got, list | tuple) else type(got).__name__
            raise Differs(f"gives {count} where torch gives {len(expected)} results")
        names = getattr(type(expected), "__match_args__", ())
        if names and type(expected).__module__ == "torch.return_types":
            missing = [name for name in names if not hasattr(got, name)]
            if missing:
                raise Differs(f"result has no field {missing}")
        for a, b in zip(expected, got, strict=True):
            _compare(a, b, values, truth, position)
    elif isinstance(expected, torch.dtype):
        if str(expected).removeprefix("torch.") != str(got).removeprefix("weft."):
            raise Differs(f"gives {got} where torch gives {expected}")
    elif isinstance(expected, torch.layout | torch.device | type(None)):
        if str(got).replace("weft.", "").replace("torch.", "") not in str(expected):
            raise Differs(f"gives {got} where torch gives {expected}")
    elif type(expected) is not type(got):
        raise Differs(f"gives {type(got).__name__} where torch gives {type(expected).__name__}")
    elif values:
        a, b = torch.tensor(expected), torch.tensor(got)
        if not torch.allclose(a.double(), b.double(), rtol=1e-5, atol=1e-7, equal_nan=True):
            raise Differs(f"gives {got} where torch gives {expected}")


def _compare_tensors(expected: torch.Tensor, got: Any, values: bool, truth: _Truth | None, position: list[int]) -> None:
    if str(expected.dtype).removeprefix("torch.") != str(got.dtype).removeprefix("weft."):
        raise Differs(f"dtype {got.dtype}, torch {expected.dtype}")
    if tuple(expected.shape) != tuple(got.shape):
        raise Differs(f"shape {tuple(got.shape)}, torch {tuple(expected.shape)}")
    if expected.requires_grad != got.requires_grad:
        raise Differs(f"requires_grad {got.requires_grad}, torch {expected.requires_grad}")
    if str(expected.layout).rpartition(".")[2] != str(got.layout).rpartition(".")[2]:
        raise Differs(f"layout {got.layout}, torch {expected.layout}")
    if not values:
        return
    if expected.layout is not torch.strided:
        expected, got = expected.to_dense(), got.to_dense()
    theirs = expected.detach().resolve_conj().resolve_neg().contiguous()
    problem = close(theirs, to_torch(got))
    if problem and truth is not None and (theirs.is_floating_point() or theirs.is_complex()):
        exact = truth.double()
        if exact is not None and len(exact) > position[0] and exact[position[0]].shape == theirs.shape:
            true = exact[position[0]].detach().resolve_conj().to(torch.complex128)
            allowed = 4 * (theirs.to(torch.complex128) - true).abs().nan_to_num(0).max()
            if bool(((to_torch(got).to(torch.complex128) - true).abs() <= allowed).all()):
                truth.lenient["v: as near to double precision as torch"] += 1
                return
    if problem:
        raise Differs(problem)


def close(theirs: torch.Tensor, ours: torch.Tensor, floor: float = 0.0) -> str | None:
    """None when two tensors of one dtype and shape agree within rounding.

    Args:
        floor: size of what was added up; what is smaller may be its rounding error.
    """
    if not (theirs.is_floating_point() or theirs.is_complex()):
        wrong = theirs != ours
        if not bool(wrong.any()):
            return None
        at = wrong.nonzero()[0].tolist()
        return f"values differ: {ours[tuple(at)].item()} where torch gives {theirs[tuple(at)].item()}"
    tolerance = _TOLERANCE[theirs.dtype]
    wide = torch.complex128 if theirs.is_complex() else torch.float64
    a, b = theirs.to(wide), ours.to(wide)
    size = a.abs()
    finite = size[size.isfinite()]
    scale = float(finite.max()) if finite.numel() else 0.0
    near = (a - b).abs() <= tolerance * size + tolerance * max(floor, min(scale, 1.0), scale * 1e-1)
    agree = near | (a == b) | (a.isnan() & b.isnan())
    if bool(agree.all()):
        return None
    at = tuple((~agree).nonzero()[0].tolist())
    return f"values differ: {b[at].item():.9g} where torch gives {a[at].item():.9g}"


def _strides(t: Any) -> tuple[int, ...]:
    return tuple(s for s, n in zip(t.stride(), t.shape, strict=True) if n > 1) if t.numel() else ()


def _layout_difference(theirs: Any, expected: Any, ours: Any, got: Any) -> str | None:
    their_inputs = [storage_of(t) for t in tensors_in(theirs)]
    our_inputs = [storage_of(t) for t in tensors_in(ours)]
    for a, b in zip(tensors_in(expected), tensors_in(got), strict=True):
        if a.layout is not torch.strided:
            continue
        if _strides(a) != _strides(b):
            return f"strides {_strides(b)} of shape {tuple(a.shape)}, torch {_strides(a)}"
        if not a.numel():
            continue
        a_views = next((i for i, at in enumerate(their_inputs) if at == storage_of(a)), None)
        b_views = next((i for i, at in enumerate(our_inputs) if at == storage_of(b)), None)
        if (a_views is None) != (b_views is None):
            return "a copy where torch gives a view" if b_views is None else "a view where torch gives a copy"
    return None


def _cotangents(outputs: list[torch.Tensor], seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in outputs]


def _gradient_difference(
    op: Any, sample: Any, theirs: Any, expected: Any, ours: Any, got: Any, second: bool, outcome: Outcome
) -> str | None:
    process = sample.output_process_fn_grad
    expected, got = process(expected), counterpart(process)(got)
    outs = [t for t in tensors_in(expected) if t.requires_grad]
    our_outs = [t for t in tensors_in(got) if t.requires_grad]
    if len(outs) != len(our_outs):
        return f"{len(our_outs)} differentiable results, torch {len(outs)}"
    seen: set[int] = set()
    pairs = [
        (a, b)
        for a, b in zip(tensors_in(theirs), tensors_in(ours), strict=True)
        if a.requires_grad and not (id(a) in seen or seen.add(id(a)))  # type: ignore[func-returns-value]
    ]
    weights = _cotangents(outs, 3)
    wanted = torch.autograd.grad(outs, [a for a, _ in pairs], weights, create_graph=second, allow_unused=True)
    found = weft.autograd.grad(
        our_outs, [b for _, b in pairs], [Converter()(w) for w in weights], create_graph=second, allow_unused=True
    )
    problem = _compare_gradients(wanted, found)
    if problem and _as_near_as(wanted, found, op, sample, weights):
        problem = None
        outcome.lenient["g: as near to double precision as torch"] += 1
    if problem or not second:
        return problem
    outs = [t for t in wanted if t is not None and t.requires_grad]
    our_outs = [b for a, b in zip(wanted, found, strict=True) if a is not None and a.requires_grad]
    if not outs:
        return None
    try:
        weights = _cotangents(outs, 4)
        try:
            wanted = torch.autograd.grad(outs, [a for a, _ in pairs], weights, allow_unused=True)
        except Exception:
            outcome.lenient["h: torch has no second derivative"] += 1
            return None
        usable = [(b, w) for b, w in zip(our_outs, weights, strict=True) if b is not None and b.requires_grad]
        if usable:
            found = weft.autograd.grad(
                [b for b, _ in usable], [b for _, b in pairs], [Converter()(w) for _, w in usable], allow_unused=True
            )
        else:
            found = tuple(None for _ in pairs)
        outcome.note("h", _compare_gradients(wanted, found))
    except Exception as error:
        outcome.note("h", describe(error))
    return None


def _as_near_as(wanted: Any, found: Any, op: Any, sample: Any, weights: list[torch.Tensor]) -> bool:
    """Whether gradients in single precision are as near to those in double precision as torch's are.

    What should cancel to nothing leaves rounding errors of the terms' size, in torch as well.
    """
    memo: dict[int, Any] = {}

    def up(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            wide = {torch.float32: torch.float64, torch.complex64: torch.complex128}.get(value.dtype)
            if id(value) not in memo:
                memo[id(value)] = value if wide is None else value.detach().to(wide).requires_grad_(value.requires_grad)
            return memo[id(value)]
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return type(value)([up(item) for item in value])
        return {key: up(item) for key, item in value.items()} if isinstance(value, dict) else value

    if any(t.dtype not in (torch.float32, torch.complex64) for t in wanted if t is not None):
        return False
    first, args, kwargs = up((sample.input, list(sample.args), sample.kwargs))
    inputs = list(dict.fromkeys(t for t in tensors_in((first, args, kwargs)) if t.requires_grad))
    try:
        outs = [t for t in tensors_in(sample.output_process_fn_grad(op.op(first, *args, **kwargs))) if t.requires_grad]
        exact = torch.autograd.grad(
            outs, inputs, [w.to(t.dtype) for w, t in zip(weights, outs, strict=True)], allow_unused=True
        )
    except Exception:
        return False
    for theirs, ours, true in zip(wanted, found, exact, strict=True):
        if theirs is None or ours is None or true is None:
            if any(t is not None for t in (theirs, ours)):
                return False
            continue
        error = (theirs.to(true.dtype) - true).abs().nan_to_num(0)
        if bool(((to_torch(ours).to(true.dtype) - true).abs() > 4 * error.max()).any()):
            return False
    return True


def _compare_gradients(wanted: Any, found: Any) -> str | None:
    for a, b in zip(wanted, found, strict=True):
        if a is None or b is None:
            # No gradient and a gradient of zeros are the same to whoever adds it up.
            other = a if b is None else to_torch(b)
            if other is not None and bool((other != 0).any()):
                return "no gradient where torch gives one" if b is None else "a gradient where torch gives none"
            continue
        if tuple(a.shape) != tuple(b.shape) or str(a.dtype)[6:] != str(b.dtype)[5:]:
            return f"gradient {tuple(b.shape)} {b.dtype}, torch {tuple(a.shape)} {a.dtype}"
        problem = close(a.detach().resolve_conj().resolve_neg().contiguous(), to_torch(b), floor=1.0)
        if problem:
            return f"gradient: {problem}"
    return None


def _check_variants(op: Any, theirs: Any, expected: Any, truth: _Truth, outcome: Outcome) -> None:
    """The method, the in-place method and the out= form, on fresh copies without gradients."""
    if not isinstance(theirs[0], torch.Tensor):
        return
    plain = _detached(theirs)
    for aspect, variant in (("m", op.method_variant), ("i", op.inplace_variant)):
        if variant is None:
            continue
        ours = Converter()(plain)
        mine = counterpart(variant, f"Tensor.{op.name}")
        if isinstance(mine, Missing):
            mine = resolve(f"Tensor.{getattr(variant, '__name__', op.name)}") or mine
        arguments = _detached(theirs)
        wanted: Any = None
        refused: Exception | None = None
        try:
            torch.manual_seed(1)
            wanted = variant(arguments[0], *arguments[1], **arguments[2])
        except Exception as error:
            refused = error
        try:
            got = mine(ours[0], *ours[1], **ours[2])
        except Exception as error:
            if refused is None:
                outcome.note(aspect, describe(error))
            elif type(refused).__name__ != type(error).__name__:
                outcome.note(aspect, f"{describe(error)} where torch raises {describe(refused)}")
            else:
                outcome.note(aspect, None)
            continue
        if refused is not None:
            outcome.note(aspect, f"accepted what torch refuses: {describe(refused)}")
            continue
        problem = _difference(wanted, got, truth)
        if problem and truth.is_random():
            problem = _difference(wanted, got, truth, values=False)
        if aspect == "i" and got is not ours[0] and not problem:
            problem = "the in-place method does not return its tensor"
        outcome.note(aspect, problem)
    if op.supports_out and "out" not in theirs[2]:
        _check_out(op, plain, truth, outcome)


def _check_out(op: Any, plain: Any, truth: _Truth, outcome: Outcome) -> None:
    try:
        torch.manual_seed(1)
        expected = op.op(plain[0], *plain[1], **plain[2])
        many = not isinstance(expected, torch.Tensor)
        out = [torch.empty_like(t) for t in tensors_in(expected)]
        op.op(plain[0], *plain[1], **plain[2], out=tuple(out) if many else out[0])
    except Exception:
        return
    ours = Converter()(plain)
    try:
        fresh = [Converter()(t) for t in out]
        result = function_of(op)(ours[0], *ours[1], **ours[2], out=tuple(fresh) if many else fresh[0])
    except Exception as error:
        outcome.note("o", describe(error))
        return
    problem = _difference(tuple(out), tuple(fresh), truth)
    if problem and truth.is_random():
        problem = None
    if problem is None and list(map(id, tensors_in(result))) != list(map(id, fresh)):
        problem = "out= does not return its tensors"
    outcome.note("o", problem)


def _detached(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        if value.layout is not torch.strided or 0 in value.stride():
            return value.detach().clone()
        fresh = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        return fresh.copy_(value.detach())
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)([_detached(item) for item in value])
    if isinstance(value, dict):
        return {key: _detached(item) for key, item in value.items()}
    return value
