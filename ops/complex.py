"""Complex tensors, and the real numbers they are made of."""

from __future__ import annotations

import numpy as np

from ops.table import FLOAT, PROMOTE, Op, pointwise

Op(
    "view_as_real(self: Tensor) -> Tensor",
    """The view of a complex tensor as real numbers: a last dimension of size two holds real and imaginary part.

    >>> weft.view_as_real(weft.tensor([1 + 2j]))
    tensor([[1., 2.]])
    """,
    view=True,
    method=False,
    vjp={"self": lambda g: view_as_complex(contiguous(g))},
)
Op(
    "view_as_complex(self: Tensor) -> Tensor",
    """The view of real numbers, whose last dimension has size two, as complex ones.

    >>> weft.view_as_complex(weft.tensor([[1.0, 2.0]])).tolist()
    [(1+2j)]
    """,
    view=True,
    method=False,
    vjp={"self": lambda g: view_as_real(g)},
)
Op(
    "real(self: Tensor) -> Tensor",
    """The view of the real parts; a real tensor as it is. Tensors have it as the attribute `real`.

    >>> weft.real(weft.tensor([1 + 2j])).tolist()
    [1.0]
    """,
    composite=True,
    method=False,
    samples=[((2, 3),)],
    ref="numpy.real",
    batch="pointwise",
)
Op(
    "imag(self: Tensor) -> Tensor",
    """The view of the imaginary parts of a complex tensor. Tensors have it as the attribute `imag`.

    >>> weft.imag(weft.tensor([1 + 2j])).tolist()
    [2.0]
    """,
    composite=True,
    method=False,
    batch="pointwise",
)
Op(
    "complex(real: Tensor, imag: Tensor) -> Tensor",
    """Complex numbers from real and imaginary parts of one dtype.

    >>> weft.complex(weft.ones(1), weft.zeros(1)).tolist()
    [(1+0j)]
    """,
    composite=True,
    cost=pointwise(1.0),
    samples=[((2, 3), (2, 3)), ((), ())],
    ref=lambda real, imag: real + 1j * imag,
    batch="pointwise",
    out=True,
)
Op(
    "conj(self: Tensor) -> Tensor",
    """The complex conjugate; a real tensor as it is.

    >>> weft.tensor([1 + 2j]).conj()
    tensor([1.-2.j])
    """,
    composite=True,
    cost=pointwise(1.0),
    samples=[((2, 3),)],
    ref=lambda x: np.conj(x),
    batch="pointwise",
)
Op(
    "conj_physical(self: Tensor) -> Tensor",
    """The same as conj.

    >>> weft.tensor([1 + 2j]).conj_physical()
    tensor([1.-2.j])
    """,
    composite=True,
    inplace=True,
    out=True,
    impl="conj",
    cost=pointwise(1.0),
    inplace_function=True,
)
Op(
    "conjugated(self: Tensor) -> Tensor",
    "The conjugate of a complex tensor.",
    rule=PROMOTE,
    types="c",
    functor="Conj",
    holomorphic=False,
    namespace="_",
    cost=pointwise(0.2),
    vjp={"self": lambda g: conj(g)},
)
Op(
    "angle(self: Tensor) -> Tensor",
    """The angle of each complex number in radians; of a real one 0 or pi.

    >>> weft.tensor([1j, -1 + 0j]).angle()
    tensor([1.5708, 3.1416])
    """,
    rule=FLOAT,
    types="fdc",
    real_valued=True,
    cost=pointwise(1.0),
    vjp={"self": lambda g, self: angle_backward(g, self)},
    ref="numpy.angle",
    inplace=False,
)
Op(
    "angle_backward(grad: Tensor, self: Tensor) -> Tensor",
    "grad * i self / |self|^2, 0 at 0 and for real numbers.",
    namespace="_",
    composite=True,
)
Op(
    "sgn_backward(grad: Tensor, self: Tensor, out: Tensor) -> Tensor",
    "The part of grad across the direction `out`, by |self|; 0 at 0 and for real numbers.",
    namespace="_",
    composite=True,
)
