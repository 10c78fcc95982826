# Generated from weft/_compose by `python -m gen --docs`. Do not edit.
from collections.abc import Callable
from typing import Any

from weft._compose.calculus import cumulative_trapezoid as cumulative_trapezoid
from weft._compose.calculus import diff as diff
from weft._compose.calculus import gradient as gradient
from weft._compose.calculus import trapezoid as trapezoid
from weft._compose.comparison import allclose as allclose
from weft._compose.comparison import equal as equal
from weft._compose.comparison import isclose as isclose
from weft._compose.complex import is_conj as is_conj
from weft._compose.complex import polar as polar
from weft._compose.complex import resolve_conj as resolve_conj
from weft._compose.contraction import einsum as einsum
from weft._compose.copies import alias_copy as alias_copy
from weft._compose.copies import as_strided_copy as as_strided_copy
from weft._compose.copies import detach_copy as detach_copy
from weft._compose.copies import diagonal_copy as diagonal_copy
from weft._compose.copies import expand_copy as expand_copy
from weft._compose.copies import permute_copy as permute_copy
from weft._compose.copies import select_copy as select_copy
from weft._compose.copies import slice_copy as slice_copy
from weft._compose.copies import split_copy as split_copy
from weft._compose.copies import split_with_sizes_copy as split_with_sizes_copy
from weft._compose.copies import squeeze_copy as squeeze_copy
from weft._compose.copies import t_copy as t_copy
from weft._compose.copies import transpose_copy as transpose_copy
from weft._compose.copies import unbind_copy as unbind_copy
from weft._compose.copies import unfold_copy as unfold_copy
from weft._compose.copies import unsqueeze_copy as unsqueeze_copy
from weft._compose.copies import view_as_complex_copy as view_as_complex_copy
from weft._compose.copies import view_as_real_copy as view_as_real_copy
from weft._compose.copies import view_copy as view_copy
from weft._compose.distances import cdist as cdist
from weft._compose.distances import dist as dist
from weft._compose.distances import renorm as renorm
from weft._compose.joining import atleast_1d as atleast_1d
from weft._compose.joining import atleast_2d as atleast_2d
from weft._compose.joining import atleast_3d as atleast_3d
from weft._compose.joining import block_diag as block_diag
from weft._compose.joining import broadcast_shapes as broadcast_shapes
from weft._compose.joining import broadcast_tensors as broadcast_tensors
from weft._compose.joining import cartesian_prod as cartesian_prod
from weft._compose.joining import column_stack as column_stack
from weft._compose.joining import combinations as combinations
from weft._compose.joining import dstack as dstack
from weft._compose.joining import hstack as hstack
from weft._compose.joining import meshgrid as meshgrid
from weft._compose.joining import vstack as vstack
from weft._compose.products import chain_matmul as chain_matmul
from weft._compose.products import cross as cross
from weft._compose.products import kron as kron
from weft._compose.products import tensordot as tensordot
from weft._compose.quantiles import aminmax as aminmax
from weft._compose.quantiles import isin as isin
from weft._compose.quantiles import nanquantile as nanquantile
from weft._compose.quantiles import quantile as quantile
from weft._compose.selection import argwhere as argwhere
from weft._compose.selection import nonzero as nonzero
from weft._compose.selection import unique as unique
from weft._compose.selection import unique_consecutive as unique_consecutive
from weft._compose.shapes import adjoint as adjoint
from weft._compose.shapes import diagonal_scatter as diagonal_scatter
from weft._compose.shapes import fliplr as fliplr
from weft._compose.shapes import flipud as flipud
from weft._compose.shapes import narrow_copy as narrow_copy
from weft._compose.shapes import rot90 as rot90
from weft._compose.shapes import select_scatter as select_scatter
from weft._compose.shapes import slice_scatter as slice_scatter
from weft._compose.shapes import tril_indices as tril_indices
from weft._compose.shapes import triu_indices as triu_indices
from weft._compose.shapes import unravel_index as unravel_index
from weft._compose.shapes import vander as vander
from weft._compose.splitting import dsplit as dsplit
from weft._compose.splitting import hsplit as hsplit
from weft._compose.splitting import tensor_split as tensor_split
from weft._compose.splitting import vsplit as vsplit
from weft._compose.statistics import corrcoef as corrcoef
from weft._compose.statistics import cov as cov
from weft._compose.statistics import histc as histc
from weft._compose.statistics import nanmean as nanmean
from weft._compose.statistics import nansum as nansum

def exports(namespace: str) -> dict[str, Callable[..., Any]]: ...

trapz = trapezoid
row_stack = vstack
