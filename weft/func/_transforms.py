"""Derivatives of functions, as functions: reverse mode from the recorded graph, forward mode by differentiating twice."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import weft
from weft import _core
from weft._core import Tensor
from weft.autograd.grad_mode import enable_grad
from weft.func._batched import batched_everywhere, current_levels
from weft.func._rules import unwrapped
from weft.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

__all__ = ["grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp"]

Argnums = int | tuple[int, ...]


def _chosen(args: tuple[Any, ...], argnums: Argnums, name: str) -> tuple[tuple[int, ...], Any]:
    """The positions to differentiate by, and those arguments (in a tuple if argnums is one)."""
    if not isinstance(argnums, int | tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    listed = (argnums,) if isinstance(argnums, int) else argnums
    if not listed:
        raise RuntimeError("argnums must be non-empty")
    for i in listed:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"Got argnum={i}, but only {len(args)} positional inputs (weft.func.{name})")
    positions = tuple(i % len(args) for i in listed)
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return positions, args[positions[0]] if isinstance(argnums, int) else tuple(args[i] for i in positions)


def _own(tree: Any, name: str) -> Any:
    """The tensors of a tree as inputs of our own: gradients with respect to them see only what depends on them."""

    def own(x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(f"{name}: Expected all inputs to be Tensors, got {type(x)}")
        if current_levels():
            x = batched_everywhere(x)
        return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()

    return tree_map(own, tree)


def _replaced(args: tuple[Any, ...], positions: tuple[int, ...], argnums: Argnums, own: Any) -> list[Any]:
    values = list(args)
    for i, value in zip(positions, (own,) if isinstance(argnums, int) else own, strict=True):
        values[i] = value
    return values


def _is_wanted_further(outputs: list[Tensor], inputs: list[Tensor]) -> bool:
    """Whether the graph of the outputs leads to more than our own leaves: then derivatives stay differentiable."""
    roots = tuple(unwrapped(o) for o in outputs)
    own = [unwrapped(x) for x in inputs]
    if any(not x.is_leaf for x in own):
        return True
    return any(all(leaf is not x for x in own) for leaf in _core._graph_leaves(roots))


def _gradients(
    outputs: list[Tensor], inputs: list[Tensor], weights: list[Tensor] | None, create_graph: bool, keep: bool = False
) -> list[Tensor]:
    """Zeros where there is no dependence."""
    used = [i for i, o in enumerate(outputs) if o.requires_grad]
    if not used:
        return [weft.zeros_like(x) for x in inputs]
    results: Any = weft.autograd.grad(
        [outputs[i] for i in used],
        inputs,
        None if weights is None else [weights[i] for i in used],
        retain_graph=keep or create_graph,
        create_graph=create_graph,
        allow_unused=True,
    )
    return [weft.zeros_like(x) if r is None else r for r, x in zip(results, inputs, strict=True)]


def _finished(tree: Any, attached: bool) -> Any:
    return tree if attached else tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, tree)


def _split_aux(result: Any, has_aux: bool, name: str) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True")
    return result


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of func, and what func returned.

    Args:
        func: returns a tensor with one element, or with has_aux a tuple of that and anything.
        argnums: the argument, or arguments, to differentiate by; each a tensor or a nest of tensors.
        has_aux: func returns something else beside.

    >>> weft.func.grad_and_value(lambda x: x * x)(weft.tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        outer = _core.is_grad_enabled()
        with enable_grad():
            positions, chosen = _chosen(args, argnums, "grad")
            own = _own(chosen, "grad")
            output, aux = _split_aux(
                func(*_replaced(args, positions, argnums, own), **kwargs), has_aux, "grad_and_value"
            )
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    f"Expected the function passed to grad to return a Tensor, got {type(output).__name__}"
                )
            if output.dim() != 0:
                raise RuntimeError(
                    "Expected the function passed to grad to return a scalar tensor, got tensor with "
                    f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            leaves, spec = tree_flatten(own)
            further = outer and _is_wanted_further([output], leaves)
            gradient = tree_unflatten(_gradients([output], leaves, None, further), spec)
        result = (_finished(gradient, further), _finished(output, further))
        return (result[0], (result[1], _finished(aux, further))) if has_aux else result

    return wrapper


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that computes the gradient of func; arguments as in grad_and_value.

    >>> weft.func.grad(weft.sin)(weft.tensor(0.0))
    tensor(1.)
    >>> weft.func.grad(weft.func.grad(lambda x: x**3))(weft.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """func(*primals), and the function that takes weights of the outputs to the weighted sum of their gradients.

    Returns:
        (output, vjp_fn), with has_aux (output, vjp_fn, aux). vjp_fn returns one gradient, or a tuple of one for each
        primal.

    >>> output, vjp_fn = weft.func.vjp(lambda x: x * x, weft.tensor([1.0, 2.0]))
    >>> vjp_fn(weft.ones(2))
    (tensor([2., 4.]),)
    """
    outer = _core.is_grad_enabled()
    with enable_grad():
        own = _own(primals, "vjp")
        output, aux = _split_aux(func(*own), has_aux, "vjp")
    outputs, output_spec = tree_flatten(output)
    for o in outputs:
        if not isinstance(o, Tensor):
            raise RuntimeError(f"vjp(f, *primals): Expected f to return only Tensors, got {type(o)}")
    inputs, input_spec = tree_flatten(own)
    further = outer and _is_wanted_further(outputs, inputs)

    def vjp_fn(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        weights, spec = tree_flatten(given)
        if spec != output_spec:
            raise RuntimeError(
                f"Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. "
                f"cotangents: {spec}, primal output: {output_spec}"
            )
        for w, o in zip(weights, outputs, strict=True):
            if not isinstance(w, Tensor) or w.shape != o.shape:
                raise RuntimeError(
                    f"vjp_fn: expected cotangents of the outputs' shapes, got {getattr(w, 'shape', type(w))} for "
                    f"{o.shape}"
                )
        record = create_graph
        if record is None:
            record = _core.is_grad_enabled() and (further or any(w.requires_grad for w in weights))
        with enable_grad():
            gradients = _gradients(outputs, inputs, weights, record, keep=retain_graph)
        return _finished(tree_unflatten(gradients, input_spec), record)

    results = (_finished(output, further), vjp_fn)
    return (*results, _finished(aux, further)) if has_aux else results


def _pushforward(outputs: list[Tensor], inputs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """u and J^T u, recorded: linear in u, so its derivative by u along t is J t."""
    dummies = [weft.zeros_like(o).requires_grad_() for o in outputs]
    if current_levels():
        dummies = [batched_everywhere(d.detach()).detach().requires_grad_() for d in dummies]
    return dummies, _gradients(outputs, inputs, dummies, True)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """func(*primals), and how it moves along tangents.

    Args:
        primals, tangents: tuples of the same structure and shapes.
        strict: accepted; an output without dependence moves by zero.
        has_aux: func returns a tuple of its output and something else.
    Returns:
        (output, output's tangent), with has_aux also the other thing.

    >>> weft.func.jvp(weft.sin, (weft.tensor(0.0),), (weft.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to be tuples")
    directions, spec = tree_flatten(tangents)
    if spec != tree_flatten(primals)[1]:
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to have the same python structure")
    for t, p in zip(directions, tree_leaves(primals), strict=True):
        if t.shape != p.shape:
            raise RuntimeError(
                f"jvp(f, primals, tangents): Expected tangents of the primals' shapes, got {t.shape} for {p.shape}"
            )
    outer = _core.is_grad_enabled()
    with enable_grad():
        own = _own(primals, "jvp")
        output, aux = _split_aux(func(*own), has_aux, "jvp")
        outputs, output_spec = tree_flatten(output)
        inputs = tree_leaves(own)
        further = outer and (_is_wanted_further(outputs, inputs) or any(t.requires_grad for t in directions))
        dummies, rows = _pushforward(outputs, inputs)
        products = tree_unflatten(_gradients(rows, dummies, directions, further), output_spec)
    results = (_finished(output, further), _finished(products, further))
    return (*results, _finished(aux, further)) if has_aux else results


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """func(*primals), and the function that takes tangents of the primals to that of the output.

    >>> value, push = weft.func.linearize(lambda x: x * x, weft.tensor(3.0))
    >>> push(weft.tensor(1.0))
    tensor(6.)
    """
    with enable_grad():
        own = _own(primals, "linearize")
        output = func(*own)
        outputs, spec = tree_flatten(output)
        dummies, rows = _pushforward(outputs, tree_leaves(own))

    def push(*tangents: Any) -> Any:
        with enable_grad():
            products = _gradients(rows, dummies, tree_leaves(tangents), False, keep=True)
        return _finished(tree_unflatten(products, spec), False)

    return _finished(output, False), push


def _basis(tensor: Tensor, i: int) -> Tensor:
    """The i-th unit vector in the shape of tensor."""
    flat = weft.zeros(tensor.numel(), dtype=tensor.dtype)
    flat[i] = 1
    return flat.reshape(tensor.shape)


def _assembled(blocks: list[Any], output_spec: Any) -> Any:
    return tree_unflatten(blocks, output_spec)


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that computes the Jacobian of func, a row for each element of the output.

    Args:
        func: returns a tensor or a nest of tensors.
        argnums, has_aux: as in grad.
        chunk_size: accepted; rows are computed one after another.
    Returns:
        For each output, for each chosen argument, a tensor of shape (*output.shape, *argument.shape).

    >>> weft.func.jacrev(lambda x: x * x)(weft.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        outer = _core.is_grad_enabled()
        with enable_grad():
            positions, chosen = _chosen(args, argnums, "jacrev")
            own = _own(chosen, "jacrev")
            output, aux = _split_aux(func(*_replaced(args, positions, argnums, own), **kwargs), has_aux, "jacrev")
            outputs, output_spec = tree_flatten(output)
            inputs, input_spec = tree_flatten(own)
            further = outer and _is_wanted_further(outputs, inputs)
            blocks = []
            for o in outputs:
                flat = o.reshape(-1)
                rows = [_gradients([flat[i]], inputs, None, further, keep=True) for i in range(o.numel())]
                columns = [
                    weft.stack([row[k] for row in rows]).reshape(*o.shape, *x.shape)
                    if rows
                    else o.new_zeros((*o.shape, *x.shape))
                    for k, x in enumerate(inputs)
                ]
                blocks.append(tree_unflatten(columns, input_spec))
        jacobian = _finished(_assembled(blocks, output_spec), further)
        return (jacobian, _finished(aux, further)) if has_aux else jacobian

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """As jacrev, a column for each element of the input: cheaper where inputs are fewer than outputs.

    >>> weft.func.jacfwd(weft.sin)(weft.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        outer = _core.is_grad_enabled()
        with enable_grad():
            positions, chosen = _chosen(args, argnums, "jacfwd")
            own = _own(chosen, "jacfwd")
            output, aux = _split_aux(func(*_replaced(args, positions, argnums, own), **kwargs), has_aux, "jacfwd")
            outputs, output_spec = tree_flatten(output)
            inputs, input_spec = tree_flatten(own)
            further = outer and _is_wanted_further(outputs, inputs)
            dummies, rows = _pushforward(outputs, inputs)
            per_input = []
            for x, row in zip(inputs, rows, strict=True):
                columns = [_gradients([row], dummies, [_basis(x, i)], further, keep=True) for i in range(x.numel())]
                per_input.append(
                    [
                        weft.stack([c[k] for c in columns], -1).reshape(*o.shape, *x.shape)
                        if columns
                        else o.new_zeros((*o.shape, *x.shape))
                        for k, o in enumerate(outputs)
                    ]
                )
            blocks = [tree_unflatten([column[k] for column in per_input], input_spec) for k in range(len(outputs))]
        jacobian = _finished(_assembled(blocks, output_spec), further)
        return (jacobian, _finished(aux, further)) if has_aux else jacobian

    return wrapper


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that computes all second derivatives of func.

    >>> weft.func.hessian(lambda x: (x**3).sum())(weft.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)
