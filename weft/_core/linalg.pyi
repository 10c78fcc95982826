# Generated from the operator table by `python -m gen --docs`. Do not edit.
from collections.abc import Sequence
from typing import overload

from weft._core import Generator, Number, Tensor, dtype, memory_format


