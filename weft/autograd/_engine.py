"""The two ways to run the backward pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, overload

from weft import _core
from weft._core import Tensor

Tensors: TypeAlias = Tensor | Sequence[Tensor]
OptionalTensors: TypeAlias = Tensor | Sequence[Tensor | None] | None


@overload
def _as_tuple(tensors: Tensors) -> tuple[Tensor, ...]: ...
@overload
def _as_tuple(tensors: OptionalTensors) -> tuple[Tensor | None, ...]: ...
def _as_tuple(tensors: OptionalTensors) -> tuple[Tensor | None, ...]:
    if tensors is None:
        return ()
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def backward(
    tensors: Tensors,
    grad_tensors: OptionalTensors = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: OptionalTensors = None,
    inputs: Tensors | None = None,
) -> None:
    """Adds the gradients of tensors to the ``.grad`` of the leaves they depend on.

    Args:
        tensors: the roots.
        grad_tensors: the gradient of each root, of its shape; None for roots with one element.
        retain_graph: keep saved values for another backward; defaults to create_graph.
        create_graph: record the pass itself, for gradients of gradients.
        grad_variables: old name of grad_tensors.
        inputs: accumulate only into these.
    Raises:
        RuntimeError: a root without history, or one with several elements and no gradient.

    >>> x = weft.tensor(3.0, requires_grad=True)
    >>> weft.autograd.backward(x * x)
    >>> x.grad
    tensor(6.)
    """
    if grad_variables is not None:
        grad_tensors = grad_variables
    if _core._has_override(tensors):
        args = (tensors, grad_tensors, retain_graph, create_graph, None, inputs)
        _core._ask_overrides(backward, args, {})
        return
    _core._run_backward(tensors, grad_tensors, retain_graph, create_graph, inputs, True)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: OptionalTensors = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of the sum of outputs with respect to inputs; no ``.grad`` changes.

    Args:
        outputs, inputs: tensors.
        grad_outputs: the gradient of each output; None for outputs with one element.
        retain_graph, create_graph: as in backward.
        only_inputs: always true, as in PyTorch.
        allow_unused: give None for an input that no output depends on, instead of raising.
        is_grads_batched: grad_outputs have one more dimension in front, for several products at once; so have the results.
        materialize_grads: give zeros instead of None.
    Returns:
        One gradient per input.

    >>> x = weft.tensor(2.0, requires_grad=True)
    >>> weft.autograd.grad(x**3, x)
    (tensor(12.),)
    """
    if _core._has_override(*_as_tuple(outputs), *_as_tuple(inputs), *_as_tuple(grad_outputs)):
        flags = (retain_graph, create_graph, only_inputs, allow_unused, is_grads_batched, materialize_grads)
        return _core._ask_overrides(grad, (outputs, inputs, grad_outputs, *flags), {})
    if is_grads_batched:
        options = (create_graph, only_inputs, allow_unused, False, materialize_grads)
        return _grad_rows(_as_tuple(outputs), inputs, _as_tuple(grad_outputs), retain_graph, options)
    if materialize_grads:
        if allow_unused is False:
            raise ValueError(
                "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
            )
        allow_unused = True
    wanted = _as_tuple(inputs)
    results = _core._run_backward(
        _as_tuple(outputs), _as_tuple(grad_outputs), retain_graph, create_graph, wanted, False
    )
    if materialize_grads:
        return tuple(_core.zeros_like(x) if g is None else g for x, g in zip(wanted, results, strict=True))
    if not allow_unused:
        for i, result in enumerate(results):
            if result is None:
                raise RuntimeError(
                    f"The differentiated Tensor at index {i} appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
    return results


def _grad_rows(
    outputs: tuple[Tensor, ...],
    inputs: Tensors,
    rows: tuple[Tensor | None, ...],
    retain_graph: bool | None,
    options: tuple[bool, bool, bool | None, bool, bool],
) -> tuple[Tensor, ...]:
    """One backward pass for each row of the gradients; the same numbers as one pass over all of them."""
    if not rows or any(r is None or r.dim() == 0 for r in rows):
        raise RuntimeError("grad(): is_grads_batched=True expects grad_outputs with a dimension in front")
    count = max(len(r) for r in rows if r is not None)
    keep = options[0] if retain_graph is None else retain_graph
    results = [
        grad(outputs, inputs, [None if r is None else r[i] for r in rows], keep or i + 1 < count, *options)
        for i in range(count)
    ]
    return tuple(None if column[0] is None else _core.stack(column) for column in zip(*results, strict=True))  # type: ignore[misc]  # None as allow_unused gives it
