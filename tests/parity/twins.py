"""From PyTorch's values to weft's, and how the two are compared."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

import weft

# Relative error, and absolute error as a part of the largest value (or of 0.01: what is left of terms that cancel), by
# the dtype that was computed in.
TOLERANCE = {"float64": 1e-9, "float32": 2e-4, "complex128": 1e-9, "complex64": 2e-4, "bfloat16": 3e-2, "float16": 4e-3}


def array(tensor: Any) -> np.ndarray[Any, Any]:
    """The values of a tensor of either library, in a type NumPy has."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if str(tensor.dtype).endswith("bfloat16"):
        tensor = tensor.float()
    return tensor.resolve_conj().numpy() if tensor.is_complex() else tensor.numpy()


def dtype_name(value: Any) -> str:
    return str(value).removeprefix("torch.").removeprefix("weft.")


def to_weft(value: Any) -> Any:
    """The same value made of weft's types: tensors, dtypes, modules, functions and containers of them."""
    import torch

    if isinstance(value, torch.nn.Parameter):
        return weft.nn.Parameter(to_weft(value.data), value.requires_grad)
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return weft.nn.utils.rnn.PackedSequence(*(to_weft(part) for part in value))
    if isinstance(value, torch.Tensor):
        if value.layout is torch.sparse_coo:
            indices, values = to_weft(value._indices()), to_weft(value._values())
            return weft.sparse_coo_tensor(indices, values, tuple(value.shape))
        made = weft.tensor(array(value)).to(getattr(weft, dtype_name(value.dtype)))
        return made.requires_grad_(value.requires_grad)
    if isinstance(value, torch.dtype):
        return getattr(weft, dtype_name(value))
    if isinstance(value, torch.device):
        return weft.device(str(value))
    if isinstance(value, torch.nn.Module):
        return _module(value)
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(to_weft(item) for item in value)
    if isinstance(value, dict):
        return {key: to_weft(item) for key, item in value.items()}
    if isinstance(value, functools.partial):
        return functools.partial(to_weft(value.func), *to_weft(value.args), **to_weft(value.keywords))
    if dataclasses.is_dataclass(value):  # records of options
        fields = {field.name: to_weft(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return getattr(weft.nn, type(value).__name__)(**fields)
    if callable(value) and (getattr(value, "__module__", None) or "").startswith(("torch", "_VF")):
        return getattr(weft.nn.functional, value.__name__, None) or getattr(weft, value.__name__)
    return value


def _module(module: Any) -> Any:
    """A module given as an argument: made from its numbers, or from the text of its repr."""
    if type(module).__name__.startswith("Transformer"):
        attention = module.self_attn
        made = getattr(weft.nn, type(module).__name__)(
            attention.embed_dim,
            attention.num_heads,
            module.linear1.out_features,
            module.dropout.p,
            to_weft(module.activation),
            module.norm1.eps,
            attention.batch_first,
            module.norm_first,
            module.linear1.bias is not None,
        )
        return made.to(to_weft(module.linear1.weight.dtype))
    return eval(f"nn.{module!r}", {"nn": weft.nn})


def same_tensor(ours: Any, theirs: Any, where: str, tolerance: float | None = None) -> None:
    """Asserts shape, dtype and values; integers and booleans must be equal."""
    assert tuple(ours.shape) == tuple(theirs.shape), f"{where}: shape {tuple(ours.shape)}, not {tuple(theirs.shape)}"
    name = dtype_name(theirs.dtype)
    assert dtype_name(ours.dtype) == name, f"{where}: {ours.dtype}, not {theirs.dtype}"
    if tolerance is None:
        tolerance = TOLERANCE.get(name, 0.0)
    actual, expected = array(ours), array(theirs)
    finite = np.abs(expected[np.isfinite(expected)]) if expected.dtype.kind in "fc" else np.zeros(0)
    largest = float(finite.max()) if finite.size else 0.0
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance * max(largest, 0.01), err_msg=where)


def same(ours: Any, theirs: Any, where: str, tolerance: float | None = None) -> None:
    """Asserts that two values, containers included, are the same."""
    import torch

    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, weft.Tensor), f"{where}: {type(ours).__name__}, not a tensor"
        same_tensor(ours, theirs, where, tolerance)
    elif isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs), f"{where}: {len(ours)} values, not {len(theirs)}"
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            same(our, their, f"{where}[{i}]", tolerance)
    elif isinstance(theirs, dict):
        assert set(ours) == set(theirs), f"{where}: keys {sorted(ours)}, not {sorted(theirs)}"
        for key in theirs:
            same(ours[key], theirs[key], f"{where}[{key!r}]", tolerance)
    elif isinstance(theirs, float):
        assert ours == theirs or abs(ours - theirs) <= (tolerance or 1e-12) * max(1.0, abs(theirs)), f"{where}: {ours}"
    else:
        assert dtype_name(ours) == dtype_name(theirs), f"{where}: {ours!r}, not {theirs!r}"


def tensors(value: Any) -> list[Any]:
    """The tensors of either library in nested tuples, lists and dictionaries, in order."""
    if hasattr(value, "requires_grad"):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in tensors(item)] if isinstance(value, tuple | list) else []
