"""Jacobians, Hessians, and their products with vectors, of functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weft import _core
from weft._core import Tensor
from weft.autograd._engine import grad
from weft.autograd.grad_mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = Tensor | tuple[Tensor, ...]


def vjp(
    func: Callable[..., Tensors],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(inputs), and the product of the vector v with the Jacobian there.

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: its arguments.
        v: of the shape of the output; may be None for an output with one element.
        create_graph: lets the results be differentiated.
        strict: raises when an output does not depend on an input, which else counts as zero.

    >>> weft.autograd.functional.vjp(lambda x: x * 2, weft.ones(2), weft.ones(2))
    (tensor([2., 2.]), tensor([2., 2.]))
    """
    with enable_grad():
        single, own = _inputs(inputs, "vjp", create_graph)
        outputs, single_output = _outputs(func(*own), "vjp")
        _check_independent(outputs, "outputs", strict)
        weights = _vector(v, outputs, "v", "vjp")
        products = _grad(outputs, own, weights, create_graph, strict, "inputs")
    return _finish(outputs, single_output, create_graph), _finish(products, single, create_graph)


def jvp(
    func: Callable[..., Tensors],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensors, Tensors]:
    """func(inputs), and the product of the Jacobian there with the vector v, by differentiating twice.

    Args:
        v: of the shape of the inputs; may be None for an input with one element.
        func, inputs, create_graph, strict: as in vjp.

    >>> weft.autograd.functional.jvp(lambda x: x * x, weft.ones(2), weft.ones(2))
    (tensor([1., 1.]), tensor([2., 2.]))
    """
    with enable_grad():
        _, own = _inputs(inputs, "jvp", create_graph)
        weights = _vector(v, own, "v", "jvp")
        outputs, single_output = _outputs(func(*own), "jvp")
        _check_independent(outputs, "outputs", strict)
        # d/du of (u^T J) v is J v, and u^T J is linear in u.
        dummies = tuple(_core.zeros_like(o).requires_grad_() for o in outputs)
        rows = _grad(outputs, own, dummies, True, strict, "inputs")
        products = _grad(rows, dummies, weights, create_graph, strict, "outputs")
    return _finish(outputs, single_output, create_graph), _finish(products, single_output, create_graph)


def vhp(
    func: Callable[..., Tensor],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensor, Tensors]:
    """func(inputs), a single number, and the product of the vector v with the Hessian there.

    >>> weft.autograd.functional.vhp(lambda x: (x * x * x).sum(), weft.ones(2), weft.ones(2))
    (tensor(2.), tensor([6., 6.]))
    """
    with enable_grad():
        single, own = _inputs(inputs, "vhp", create_graph)
        weights = _vector(v, own, "v", "vhp")
        outputs, single_output = _outputs(func(*own), "vhp")
        _check_scalar(outputs, single_output, "vhp")
        slopes = _grad(outputs, own, None, True, strict, "inputs")
        products = _grad(slopes, own, weights, create_graph, strict, "double_back")
    value = _finish(outputs, True, create_graph)
    assert isinstance(value, Tensor)
    return value, _finish(products, single, create_graph)


def hvp(
    func: Callable[..., Tensor],
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Tensor, Tensors]:
    """As vhp: the Hessian is symmetric."""
    return vhp(func, inputs, v, create_graph, strict)


def jacobian(
    func: Callable[..., Tensors],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All derivatives of the outputs with respect to the inputs.

    Args:
        func, inputs, create_graph, strict: as in vjp.
        vectorize: accepted; rows are computed one by one.
        strategy: "reverse-mode" only.
    Returns:
        For each output a tuple with a tensor of shape (*output.shape, *input.shape) for each input; without the tuples
        where func returns, or inputs is, a single tensor.

    >>> weft.autograd.functional.jacobian(lambda x: x * x, weft.tensor([1.0, 2.0])).tolist()
    [[2.0, 0.0], [0.0, 4.0]]
    """
    if strategy != "reverse-mode":
        raise NotImplementedError(f"jacobian(): strategy must be 'reverse-mode', got {strategy!r}")
    with enable_grad():
        single, own = _inputs(inputs, "jacobian", create_graph)
        outputs, single_output = _outputs(func(*own), "jacobian")
        _check_independent(outputs, "outputs", strict)
        blocks = []
        for output in outputs:
            flat = output.reshape(-1)
            rows = [
                _grad((flat[i],), own, None, create_graph, strict, "inputs", keep=True) for i in range(flat.numel())
            ]
            blocks.append(
                tuple(
                    _core.stack([row[k] for row in rows]).reshape((*output.shape, *x.shape))
                    if rows
                    else _core.zeros((*output.shape, *x.shape), dtype=output.dtype)
                    for k, x in enumerate(own)
                )
            )
    finished = tuple(_finish(block, single, create_graph) for block in blocks)
    return finished[0] if single_output else finished


def hessian(
    func: Callable[..., Tensor],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a function with one number as its value.

    Returns:
        For inputs of shapes A, B, ... a tuple of tuples of tensors of shapes (*A, *A), (*A, *B), ...; a single tensor
        where inputs is one.

    >>> weft.autograd.functional.hessian(lambda x: (x * x).sum(), weft.ones(2)).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    single = isinstance(inputs, Tensor)

    def slopes(*values: Tensor) -> Tensors:
        outputs, single_output = _outputs(func(*values), "hessian")
        _check_scalar(outputs, single_output, "hessian")
        return _finish(_grad(outputs, values, None, True, strict, "inputs"), single, True)

    return jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def _inputs(inputs: Tensors, name: str, create_graph: bool) -> tuple[bool, tuple[Tensor, ...]]:
    """The inputs as fresh leaves, or, to differentiate further, as views in the caller's graph."""
    listed = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for i, x in enumerate(listed):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"The inputs given to {name} must be either a Tensor or a tuple of Tensors but the value at index {i} has "
                f"type {type(x)}."
            )
    own = tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in listed)
    return isinstance(inputs, Tensor), own


def _outputs(outputs: Any, name: str) -> tuple[tuple[Tensor, ...], bool]:
    single = not isinstance(outputs, tuple)
    listed = (outputs,) if single else outputs
    for i, x in enumerate(listed):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"The outputs of the user-provided function given to {name} must be either a Tensor or a tuple of Tensors "
                f"but the value at index {i} has type {type(x)}."
            )
    return listed, single


def _vector(v: Tensors | None, like: tuple[Tensor, ...], what: str, name: str) -> tuple[Tensor, ...]:
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector {what} can only be None if the user-provided function given to {name} has a single element "
                "where the vector belongs."
            )
        return (_core.ones_like(like[0]),)
    listed = (v,) if isinstance(v, Tensor) else tuple(v)
    if len(listed) != len(like):
        raise RuntimeError(f"{what} is a tuple of invalid length: should be {len(like)} but got {len(listed)}.")
    for i, (x, wanted) in enumerate(zip(listed, like, strict=True)):
        if x.shape != wanted.shape:
            raise RuntimeError(
                f"{what} has invalid size: should be {wanted.shape} but got {x.shape}."
                if len(like) == 1
                else f"Entry {i} in {what} has invalid size: should be {wanted.shape} but got {x.shape}."
            )
    return listed


def _check_scalar(outputs: tuple[Tensor, ...], single: bool, name: str) -> None:
    if not single:
        raise RuntimeError(f"The function given to {name} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {name} should contain a single element")


def _check_independent(outputs: tuple[Tensor, ...], what: str, strict: bool) -> None:
    for i, output in enumerate(outputs):
        if strict and not output.requires_grad:
            raise RuntimeError(
                f"Output {i} of the user-provided function does not require gradients. The {what} must be computed in a "
                "differentiable manner from the input when running in strict mode."
            )


def _grad(
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
    weights: tuple[Tensor, ...] | None,
    create_graph: bool,
    strict: bool,
    what: str,
    keep: bool = False,
) -> tuple[Tensor, ...]:
    """Gradients, zeros where there is no dependence unless strict."""
    used = [i for i, o in enumerate(outputs) if o.requires_grad]
    if not used:
        return tuple(_core.zeros_like(x) for x in inputs)
    results = grad(
        [outputs[i] for i in used],
        inputs,
        None if weights is None else [weights[i] for i in used],
        retain_graph=True if keep or create_graph else None,
        create_graph=create_graph,
        allow_unused=True,
    )
    for i, result in enumerate(results):
        if strict and result is None:
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. This is not allowed in strict mode."
            )
        if strict and create_graph and not result.requires_grad:
            raise RuntimeError(
                f"The jacobian of the user-provided function with respect to input {i} is independent of the input. This "
                "is not allowed in strict mode when create_graph=True."
            )
    return tuple(_core.zeros_like(x) if r is None else r for x, r in zip(inputs, results, strict=True))


def _finish(tensors: tuple[Tensor, ...], single: bool, create_graph: bool) -> Tensors:
    done = tensors if create_graph else tuple(t.detach() for t in tensors)
    return done[0] if single else done
