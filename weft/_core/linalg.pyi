# Generated from the operator table by `python -m gen --docs`. Do not edit.
from collections.abc import Sequence

from weft._core import Number, Tensor, dtype

def vector_norm(input: Tensor, ord: Number = ..., dim: int | Sequence[int] | None = ..., keepdim: bool = ..., *, dtype: dtype | None = ...) -> Tensor: ...
