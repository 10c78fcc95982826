# Generated from the operator table by `python -m gen --docs`. Do not edit.
from collections.abc import Sequence
from typing import overload

from weft._core import Generator, Number, Tensor, dtype, memory_format

def vector_norm(input: Tensor, ord: Number = ..., dim: int | Sequence[int] | None = ..., keepdim: bool = ..., *, dtype: dtype | None = ...) -> Tensor: ...
