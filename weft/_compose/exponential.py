"""The exponential of matrices."""

from __future__ import annotations

import math

import weft
from weft import Tensor
from weft._compose._registry import composite

#: Up to these 1-norms the Padé approximants are exact to rounding: of degree 13 in double and 7 in single precision.
_LIMITS = {13: 5.371920351148152, 7: 3.925724783138660}


def _coefficients(degree: int) -> list[float]:
    """Of the numerator of the diagonal Padé approximant to exp."""
    f = math.factorial
    return [f(2 * degree - j) * f(degree) / (f(2 * degree) * f(j) * f(degree - j)) for j in range(degree + 1)]


@composite(namespace="linalg", method=False)
def matrix_exp(A: Tensor) -> Tensor:
    """The exponential of square matrices: the sum of A^k / k!.

    Args:
        A: shape (..., n, n).

    Higham (2005), The scaling and squaring method for the matrix exponential revisited.

    >>> weft.linalg.matrix_exp(weft.zeros(2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if A.dim() < 2:
        raise RuntimeError("linalg.matrix_exp: The input tensor A must have at least 2 dimensions.")
    if A.size(-1) != A.size(-2):
        raise RuntimeError(
            f"linalg.matrix_exp: A must be batches of square matrices, but they are {A.size(-2)} by {A.size(-1)} matrices"
        )
    if not (A.is_floating_point() or A.is_complex()):
        raise RuntimeError(f"linalg.matrix_exp: Expected a floating point or complex tensor as input. Got {A.dtype}")
    half = A.dtype if A.dtype in (weft.float16, weft.bfloat16) else None
    if A.numel() == 0:
        return A.clone()
    if half is not None:
        return matrix_exp(A.float()).to(half)
    degree = 13 if A.dtype.to_real() == weft.float64 else 7
    norms = A.detach().abs().sum(-2).amax(-1)
    halvings = (norms / _LIMITS[degree]).log2().ceil().nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    result = _pade(A * weft.exp2(-halvings).unsqueeze(-1).unsqueeze(-1), degree)
    for done in range(int(halvings.max())):
        squared = result @ result
        more = (halvings > done).unsqueeze(-1).unsqueeze(-1)
        result = squared if bool(more.all()) else weft.where(more, squared, result)
    return result


def _pade(a: Tensor, degree: int) -> Tensor:
    b = _coefficients(degree)
    one = weft.eye(a.size(-1), dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 * b[7] + a4 * b[5] + a2 * b[3] + one * b[1]
    even = a6 * b[6] + a4 * b[4] + a2 * b[2] + one * b[0]
    if degree == 13:
        odd = odd + a6 @ (a6 * b[13] + a4 * b[11] + a2 * b[9])
        even = even + a6 @ (a6 * b[12] + a4 * b[10] + a2 * b[8])
    odd = a @ odd
    return weft.linalg.solve(even - odd, even + odd)
