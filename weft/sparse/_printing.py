"""How sparse tensors are written out: PyTorch's `repr`, letter for letter."""

from __future__ import annotations

from typing import Any

import weft
from weft import _printing
from weft.sparse._tensor import CooTensor

__all__ = ["sparse_str"]


def _part(name: str, tensor: weft.Tensor, indent: int) -> str:
    inner = indent + len(name) + len("=tensor(")
    plain = tensor.detach()
    body = _printing._body(plain, inner) if plain.numel() else "[]"
    return f"{name}=tensor({body}{'' if plain.numel() else f', size={tuple(plain.shape)}'})"


def sparse_str(tensor: Any) -> str:
    """What `repr(tensor)` answers."""
    prefix = "tensor("
    indent = len(prefix)
    separator = ",\n" + " " * indent
    is_coo = isinstance(tensor, CooTensor)
    if is_coo:
        parts = [_part("indices", tensor._i, indent)]
    else:
        parts = [_part("crow_indices", tensor._crow, indent), _part("col_indices", tensor._col, indent)]
    parts.append(_part("values", tensor._v, indent))
    suffixes = [f"size={tuple(tensor.shape)}", f"nnz={tensor._nnz()}"]
    default_complex = weft.complex128 if weft.get_default_dtype() == weft.float64 else weft.complex64
    if tensor.dtype not in (weft.get_default_dtype(), default_complex, weft.int64, weft.bool):
        suffixes.append(f"dtype={tensor.dtype}")
    suffixes.append(f"layout={tensor.layout}")
    if tensor.grad_fn is not None:
        suffixes.append(f"grad_fn=<{tensor.grad_fn.name().rsplit('::', 1)[-1]}>")
    elif tensor.requires_grad:
        suffixes.append("requires_grad=True")
    if is_coo:  # the sizes begin a line of their own
        return _printing._with_suffixes(prefix + separator.join([*parts, suffixes[0]]), suffixes[1:], indent)
    return _printing._with_suffixes(prefix + separator.join(parts), suffixes, indent)
