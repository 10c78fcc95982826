"""The discrete Fourier transforms that weft.fft is made of; weft/_compose/fourier.py has the names PyTorch gives them.

`dims` are transformed, the last of them first; `scale` multiplies the result. The library is what NumPy ships:
docs/notes/fft.md.
"""

from __future__ import annotations

import numpy as np

from ops.table import Op, estimated

_COST = estimated("fourier")


Op(
    "fft_c2c(self: Tensor, dims: list[int], scale: float, forward: bool) -> Tensor",
    "Sums of self times e to -2 pi i k n / N when forward, with +2 pi i when not. Real numbers are taken as complex.",
    namespace="_",
    cost=_COST,
    vjp={"self": lambda g, dims, scale, forward: fft_c2c_backward(g, dims, scale, forward)},
    samples=[((3, 5), [1], 1.0, True), ((4, 2, 3), [0, 2], 0.5, False), ((1,), [0], 2.0, True)],
    big=[((64, 600), [0, 1], 1.0, True)],
    ref=lambda x, dims, scale, forward: (
        (np.fft.fftn(x, axes=dims) if forward else np.fft.ifftn(x, axes=dims, norm="forward")) * scale
    ),
    batch="dims",
)
Op(
    "fft_r2c(self: Tensor, dims: list[int], scale: float) -> Tensor",
    "The forward transform of real numbers: of the last dimension just the n // 2 + 1 points that tell all.",
    namespace="_",
    cost=_COST,
    vjp={"self": lambda g, self, dims, scale: fft_r2c_backward(g, self.sizes, dims, scale)},
    samples=[((3, 5), [1], 1.0), ((4, 2, 4), [0, 2], 0.5), ((3, 2), [0], 0.5), ((1,), [0], 2.0)],
    big=[((64, 1200), [0, 1], 1.0)],
    ref=lambda x, dims, scale: np.fft.rfftn(x, axes=dims) * scale,
    batch="dims",
)
Op(
    "fft_c2r(self: Tensor, dims: list[int], scale: float, last_size: int) -> Tensor",
    "The inverse of fft_r2c but for the scale; the imaginary parts of points that are their own mirror image are not read.",
    namespace="_",
    cost=_COST,
    vjp={"self": lambda g, dims, scale, last_size: fft_c2r_backward(g, dims, scale, last_size)},
    batch="dims",
)
Op(
    "fft_c2c_backward(grad: Tensor, dims: list[int], scale: float, forward: bool) -> Tensor",
    "The gradient of fft_c2c: the transform the other way.",
    namespace="_",
    composite=True,
)
Op(
    "fft_r2c_backward(grad: Tensor, sizes: list[int], dims: list[int], scale: float) -> Tensor",
    "The gradient of fft_r2c: inner points count half, as fft_c2r takes them twice.",
    namespace="_",
    composite=True,
)
Op(
    "fft_c2r_backward(grad: Tensor, dims: list[int], scale: float, last_size: int) -> Tensor",
    "The gradient of fft_c2r: inner points count twice.",
    namespace="_",
    composite=True,
)
