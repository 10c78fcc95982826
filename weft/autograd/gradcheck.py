"""Derivatives checked against finite differences."""

from __future__ import annotations

import itertools
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from weft import _core
from weft._core import Tensor
from weft.autograd._engine import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Inputs: TypeAlias = Tensor | Sequence[Any]


class GradcheckError(RuntimeError):
    """Raised by gradcheck and gradgradcheck when a derivative is wrong."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Inputs,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compares the gradients that backward gives for func with central differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: its arguments; those that require gradients are checked, and should be float64 or complex128.
        eps: the step of the differences.
        atol, rtol: how far analytical and numerical derivatives may be apart.
        raise_exception: False returns False instead.
        nondet_tol: how far two runs of backward may be apart.
        check_undefined_grad: accepted; outputs are differentiated one by one, so undefined gradients always occur.
        check_grad_dtypes: gradients must have the dtypes of their inputs.
        fast_mode: one random direction instead of the whole Jacobian.
        check_batched_grad, check_batched_forward_grad, check_forward_ad, check_backward_ad, masked: as PyTorch's
            defaults; batched gradients and forward mode are not supported.
    Raises:
        GradcheckError: the derivatives differ.
        ValueError: no input requires a gradient.
    Source: PyTorch's torch.autograd.gradcheck.

    >>> x = weft.tensor([1.0, 2.0], dtype=weft.float64, requires_grad=True)
    >>> weft.autograd.gradcheck(lambda t: t * t * t, (x,))
    True
    """
    if check_batched_grad or check_batched_forward_grad or check_forward_ad or not check_backward_ad:
        raise NotImplementedError("gradcheck(): weft has neither batched gradients nor forward mode to check")
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    try:
        _check_inputs(arguments, eps)
        func, arguments = _of_real_parts(func, arguments)
        checker = _Checker(func, arguments, eps, atol, rtol, nondet_tol, check_grad_dtypes)
        checker.fast() if fast_mode else checker.slow()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Inputs,
    grad_outputs: Inputs | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Compares the second derivatives of func with central differences of its gradients.

    Args:
        grad_outputs: the gradients of the outputs that the first backward starts from; random when None.
        gen_non_contig_grad_outputs: makes the random ones non-contiguous.
        func, inputs, others: as in gradcheck.
    Raises:
        GradcheckError: the derivatives differ.

    >>> x = weft.tensor([1.0, 2.0], dtype=weft.float64, requires_grad=True)
    >>> weft.autograd.gradgradcheck(lambda t: t * t * t, (x,))
    True
    """
    if check_fwd_over_rev or not check_rev_over_rev:
        raise NotImplementedError("gradgradcheck(): weft has no forward mode to check")
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*arguments))
        starts = tuple(_random_like(o, gen_non_contig_grad_outputs).requires_grad_() for o in outputs)
    else:
        starts = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
    count = len(starts)

    def first_gradients(*values: Any) -> tuple[Tensor, ...]:
        own, weights = values[: len(values) - count], values[len(values) - count :]
        wanted = tuple(v for v in own if isinstance(v, Tensor) and v.requires_grad)
        gradients = grad(_differentiable(func(*own)), wanted, weights, create_graph=True, allow_unused=True)
        return tuple(g for g in gradients if g is not None)

    return gradcheck(
        first_gradients, arguments + starts, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode, masked=masked,
    )  # fmt: skip


def _check_inputs(inputs: tuple[Any, ...], eps: float) -> None:
    wanted = False
    for i, value in enumerate(inputs):
        if not isinstance(value, Tensor) or not value.requires_grad:
            continue
        wanted = True
        if value.dtype not in (_core.float64, _core.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check will "
                "likely fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=3,
            )
        if any(stride == 0 and size > 1 for stride, size in zip(value.stride(), value.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping "
                "to be able to compute the numerical gradients correctly. You should call .contiguous on the input "
                "before passing it to gradcheck."
            )
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of the them have "
            "requires_grad=True."
        )


def _of_real_parts(func: Callable[..., Any], inputs: tuple[Any, ...]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The same function of real numbers: complex inputs and outputs become their parts.

    A complex gradient holds the derivatives by the real and by the imaginary part, so nothing is lost.
    """
    turned = [isinstance(x, Tensor) and x.requires_grad and x.dtype.is_complex for x in inputs]

    def parts(output: Any) -> Any:
        if isinstance(output, tuple | list):
            return tuple(parts(o) for o in output)
        return _core.view_as_real(output) if isinstance(output, Tensor) and output.dtype.is_complex else output

    def real_func(*values: Any) -> Any:
        own = (_core.view_as_complex(v) if turn else v for v, turn in zip(values, turned, strict=True))
        return parts(func(*own))

    real = (
        _core.view_as_real(x.detach()).clone().requires_grad_() if turn else x
        for x, turn in zip(inputs, turned, strict=True)
    )
    return real_func, tuple(real)


class _Checker:
    def __init__(
        self, func: Callable[..., Any], inputs: tuple[Any, ...], eps: float, atol: float, rtol: float,
        nondet_tol: float, check_dtypes: bool,
    ) -> None:  # fmt: skip
        self.func, self.inputs = func, inputs
        self.wanted = [(i, x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol
        self.check_dtypes = check_dtypes

    def slow(self) -> None:
        """Compares the Jacobians, element by element."""
        outputs = self.func(*self.inputs)
        differentiable = _differentiable(outputs)
        analytical = [self._jacobian(output) for output in differentiable or _floating(outputs)]
        for k, (i, x) in enumerate(self.wanted):
            columns = [self._difference(x, {index: 1.0}) for index in _indices(x)]
            for o, jacobians in enumerate(analytical):
                numerical = [[column[o][row] for column in columns] for row in range(len(jacobians[k]))]
                self._compare(numerical, jacobians[k], o, i)

    def fast(self) -> None:
        """Compares v^T J u for one random u and v of each pair of output and input."""
        outputs = _differentiable(self.func(*self.inputs))
        source = random.Random(0)
        weights = [_random_like(o) for o in outputs]
        gradients = [self._gradients(o, w) for o, w in zip(outputs, weights, strict=True)]
        for k, (i, x) in enumerate(self.wanted):
            direction = {index: source.uniform(-1, 1) for index in _indices(x)}
            change = self._difference(x, direction)
            for o, weight in enumerate(weights):
                numerical = sum(w * c for w, c in zip(_flat(weight), change[o], strict=True))
                gradient = gradients[o][k]
                own = [0.0] * len(direction) if gradient is None else _flat(gradient)
                analytical = sum(d * g for d, g in zip(direction.values(), own, strict=True))
                self._compare([[numerical]], [[analytical]], o, i)

    def _gradients(self, output: Tensor, weight: Tensor) -> tuple[Tensor | None, ...]:
        variables = [x for _, x in self.wanted]
        if not output.requires_grad:  # then the differences must be zero
            return (None,) * len(variables)
        first = grad(output, variables, weight, retain_graph=True, allow_unused=True)
        again = grad(output, variables, weight, retain_graph=True, allow_unused=True)
        for (i, x), a, b in zip(self.wanted, first, again, strict=True):
            if a is None:
                continue
            if a.shape != x.shape:
                raise GradcheckError("Analytical gradient has incorrect size")
            if self.check_dtypes and a.dtype is not x.dtype:
                raise GradcheckError("Analytical gradient has dtype mismatch")
            if any(abs(p - q) > self.nondet_tol for p, q in zip(_flat(a), _flat(b), strict=True)):
                raise GradcheckError(
                    f"Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    f"gives different values, although analytical gradient matches numerical gradient. The tolerance for "
                    f"nondeterminism was {self.nondet_tol}. (input {i})"
                )
        return first

    def _jacobian(self, output: Tensor) -> list[list[list[float]]]:
        """For each input, the rows of the Jacobian, one per element of the output."""
        rows: list[list[list[float]]] = [[] for _ in self.wanted]
        for index in _indices(output):
            weight = _core.zeros(output.shape, dtype=output.dtype)
            weight[index] = 1
            for k, gradient in enumerate(self._gradients(output, weight)):
                rows[k].append([0.0] * self.wanted[k][1].numel() if gradient is None else _flat(gradient))
        return rows

    def _difference(self, x: Tensor, direction: dict[tuple[int, ...], float]) -> list[list[float]]:
        """How the elements of each output change along a direction in one input."""
        memory = x.data  # changes behind autograd's back
        before = {index: memory[index].item() for index in direction}
        values = []
        for sign in (1, -1):
            for index, d in direction.items():
                memory[index] = before[index] + sign * self.eps * d
            outputs = self.func(*self.inputs)
            values.append([_flat(o) for o in _differentiable(outputs) or _floating(outputs)])
        for index, old in before.items():
            memory[index] = old
        return [
            [(p - q) / (2 * self.eps) for p, q in zip(plus, minus, strict=True)]
            for plus, minus in zip(*values, strict=True)
        ]

    def _compare(self, numerical: list[list[float]], analytical: list[list[float]], output: int, index: int) -> None:
        close = all(
            abs(a - n) <= self.atol + self.rtol * abs(n)
            for row_a, row_n in zip(analytical, numerical, strict=True)
            for a, n in zip(row_a, row_n, strict=True)
        )
        if not close:
            shown = [
                _core._tensor([list(c) for c in zip(*rows, strict=True)], _core.float64)
                for rows in (numerical, analytical)
            ]
            raise GradcheckError(
                f"Jacobian mismatch for output {output} with respect to input {index},\n"
                f"numerical:{shown[0]}\nanalytical:{shown[1]}\n"
            )


def _floating(outputs: Any) -> tuple[Tensor, ...]:
    listed = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
    return tuple(o for o in listed if isinstance(o, Tensor) and o.is_floating_point())


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    return tuple(o for o in _floating(outputs) if o.requires_grad)


def _indices(x: Tensor) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(n) for n in x.shape))


def _flat(x: Tensor) -> list[float]:
    values: list[float] = x.detach().reshape(-1).tolist()
    return values


def _random_like(x: Tensor, spread: bool = False) -> Tensor:
    source = random.Random(x.numel())
    numbers = [source.uniform(-1, 1) for _ in range(x.numel())]
    flat = _core._tensor(numbers, x.dtype)
    if not spread or x.dim() == 0:
        return flat.reshape(x.shape)
    wide = _core.zeros((*x.shape, 2), dtype=x.dtype)
    wide[..., 0] = flat.reshape(x.shape)
    return wide[..., 0].detach()
