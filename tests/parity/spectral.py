"""Singular and eigenvectors, which a matrix determines up to a sign or phase each.

PyTorch's are those of the LAPACK it was built with (MKL on x86), ours those of OpenBLAS, and these choose other signs for
wide or symmetric matrices. Where the values differ, vectors pass when they do what defines them, in the precision of the
dtype: they are orthonormal, and with the singular or eigenvalues, which must be PyTorch's, they give the matrix back.
"""

from __future__ import annotations

from typing import Any

import torch

#: Relative to the largest number of the matrix; a few units in the last place of a sum over its order.
_TOLERANCE = {torch.float32: 1e-5, torch.complex64: 1e-5, torch.float64: 1e-12, torch.complex128: 1e-12}


def _hermitian(matrix: torch.Tensor, lower: bool) -> torch.Tensor:
    strict = matrix.tril(-1) if lower else matrix.triu(1)
    diagonal = matrix.diagonal(dim1=-2, dim2=-1).real.to(matrix.dtype)
    return strict + strict.mH + torch.diag_embed(diagonal)


def agrees(name: str, arguments: Any, expected: list[torch.Tensor], got: list[torch.Tensor]) -> bool:
    """Whether results of an operator stand for the same decomposition as PyTorch's.

    Args:
        name: the operator; False for all but those of which this is known.
        arguments: the first argument, the others, and the keyword arguments it was called with.
    """
    matrix, args, kwargs = arguments
    if name in ("svd", "linalg.svd"):
        u, values, v = got
        v = v.mH if name == "svd" else v
        k = values.shape[-1]
        made = (u[..., :k] * values.unsqueeze(-2)) @ v[..., :k, :]
        bases = (u, v.mH)
        theirs = expected[1]
    elif name == "linalg.eigh":
        values, vectors = got
        uplo = args[0] if args else kwargs.get("UPLO", "L")
        matrix = _hermitian(matrix, uplo.upper() == "L")
        made = (vectors * values.unsqueeze(-2)) @ vectors.mH
        bases = (vectors,)
        theirs = expected[0]
    elif name == "linalg.eig":
        values, vectors = got
        matrix = matrix.to(vectors.dtype) @ vectors
        made = vectors * values.unsqueeze(-2)
        bases = ()
        theirs = expected[0]
    else:
        return False
    tolerance = _TOLERANCE.get(matrix.dtype, 0.0)
    scale = max(1.0, float(matrix.abs().max())) if matrix.numel() else 1.0

    def near(a: torch.Tensor, b: torch.Tensor) -> bool:
        return a.shape == b.shape and bool(((a - b).abs() <= tolerance * scale).all())

    orthonormal = all(near(b.mH @ b, torch.eye(b.shape[-1], dtype=b.dtype).expand_as(b.mH @ b)) for b in bases)
    if name == "linalg.eig":
        orthonormal = near(vectors.norm(dim=-2), torch.ones_like(values.real))
    return near(values, theirs.detach()) and near(made, matrix.detach()) and orthonormal
