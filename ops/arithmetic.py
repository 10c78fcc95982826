"""Arithmetic, element by element: sums, products, quotients, powers, rounding, extremes, selection."""

from __future__ import annotations

import numpy as np

from ops.table import FLOAT, PROMOTE, SELECT, WIDEN, Op, pointwise

# Sums and products.

Op(
    "add(self: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor",
    """self + alpha * other.

    >>> weft.tensor([1, 2]).add(1)
    tensor([2, 3])
    """,
    rule=PROMOTE,
    types="fdlbcs",
    functor="AddScaled",
    cost=pointwise(0.15),
    operator=("add",),
    checks="alpha_fits",
    vjp={"self": lambda g: g, "other": lambda g, alpha: g * alpha},
    ref="numpy.add",
)
Op(
    "sub(self: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1) -> Tensor",
    """self - alpha * other.

    >>> weft.tensor([1, 2]).sub(1)
    tensor([0, 1])
    """,
    rule=PROMOTE,
    types="fdlcs",
    functor="SubScaled",
    cost=pointwise(0.15),
    operator=("sub",),
    aliases=("subtract",),
    checks="no_bool_subtraction alpha_fits",
    vjp={"self": lambda g: g, "other": lambda g, alpha: -(g * alpha)},
    ref="numpy.subtract",
)
Op(
    "mul(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """self * other.

    >>> weft.tensor([1, 2]).mul(3)
    tensor([3, 6])
    """,
    rule=PROMOTE,
    types="fdlbcs",
    cost=pointwise(0.15),
    operator=("mul",),
    aliases=("multiply",),
    vjp={"self": lambda g, other: g * other, "other": lambda g, self: g * self},
    ref="numpy.multiply",
)
Op(
    "addcmul(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor",
    """self + value * tensor1 * tensor2.

    >>> weft.addcmul(weft.ones(2), weft.ones(2), weft.ones(2), value=0.5)
    tensor([1.5000, 1.5000])
    """,
    rule=PROMOTE,
    types="fdlc",
    checks="value_fits",
    cost=pointwise(0.2),
    vjp={
        "self": lambda g: g,
        "tensor1": lambda g, tensor2, value: g * tensor2 * value,
        "tensor2": lambda g, tensor1, value: g * tensor1 * value,
    },
    ref=lambda x, y, z, value=1: x + value * y * z,
)
Op(
    "addcdiv(self: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor",
    """self + value * tensor1 / tensor2.

    >>> weft.addcdiv(weft.ones(2), weft.ones(2), weft.full((2,), 2.0))
    tensor([1.5000, 1.5000])
    """,
    rule=PROMOTE,
    types="fdc",
    checks="value_fits",
    cost=pointwise(0.25),
    vjp={
        "self": lambda g: g,
        "tensor1": lambda g, tensor2, value: g / tensor2 * value,
        "tensor2": lambda g, tensor1, tensor2, value: -(g * tensor1 / (tensor2 * tensor2)) * value,
    },
    ref=lambda x, y, z, value=1: x + value * y / z,
    domain=(0.5, 3.0),
)
Op(
    "lerp(self: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor",
    """self + weight * (end - self).

    >>> weft.lerp(weft.zeros(2), weft.ones(2), 0.25)
    tensor([0.2500, 0.2500])
    """,
    rule=PROMOTE,
    types="fdc",
    checks="same_dtype_interpolation",
    cost=pointwise(0.25),
    vjp={
        "self": lambda g, weight: g - g * weight,
        "end": lambda g, weight: g * weight,
        "weight": lambda g, self, end: g * (end - self),
    },
    ref=lambda x, end, weight: x + weight * (end - x),
)
Op(
    "square(self: Tensor) -> Tensor",
    """self * self.

    >>> weft.tensor([3.0]).square()
    tensor([9.])
    """,
    rule=WIDEN,
    types="fdlc",
    cost=pointwise(0.12),
    vjp={"self": lambda g, self: g * self * 2},
    ref="numpy.square",
)
Op(
    "neg(self: Tensor) -> Tensor",
    """-self.

    >>> weft.tensor([1, -2]).neg()
    tensor([-1,  2])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fdlcs",
    cost=pointwise(0.1),
    operator=("neg",),
    aliases=("negative",),
    checks="no_bool_negation",
    vjp={"self": lambda g: -g},
    ref="numpy.negative",
)

Op(
    "positive(self: Tensor) -> Tensor",
    """self. Raises RuntimeError for bools.

    >>> weft.tensor([1]).positive()
    tensor([1])
    """,
    composite=True,
    inplace=False,
    checks="no_bool_negation",
    samples=[((3, 4),)],
    ref="numpy.positive",
    batch="pointwise",
)

# Quotients.

Op(
    "div(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """self / other, in floating point.

    >>> weft.tensor([1, 2]).div(2)
    tensor([0.5000, 1.0000])
    """,
    rule=FLOAT,
    types="fdc",
    cost=pointwise(0.2),
    operator=("truediv",),
    aliases=("divide", "true_divide"),
    vjp={"self": lambda g, other: g / other, "other": lambda g, self, other: -(g * (self / other)) / other},
    ref="numpy.divide",
)
Op(
    "div.mode(self: Tensor, other: Tensor | Number, *, rounding_mode: str | None) -> Tensor",
    """The quotient rounded towards zero ("trunc"), down ("floor"), or not at all (None).

    >>> weft.div(weft.tensor([-7]), 2, rounding_mode="floor")
    tensor([-4])
    """,
    composite=True,
    inplace=True,
    cost=pointwise(1.0),
    aliases=("divide",),
    samples=[((3,), (3,), {"rounding_mode": None})],
    batch="pointwise",
    out=True,
    out_casts=True,
)
Op(
    "trunc_divide(self: Tensor, other: Tensor | Number) -> Tensor",
    "The quotient rounded towards zero.",
    rule=PROMOTE,
    functor="TruncDiv",
    cost=pointwise(1.0),
    namespace="_",
    checks="no_zero_divisor",
    vjp={"self": lambda g: zeros_like(g), "other": lambda g: zeros_like(g)},
)
Op(
    "floor_divide(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """The quotient rounded down, as Python's //. Integers divided by zero raise RuntimeError.

    >>> weft.tensor([7, -7]).floor_divide(2)
    tensor([ 3, -4])
    """,
    rule=PROMOTE,
    functor="FloorDiv",
    cost=pointwise(4.0),
    operator=("floordiv",),
    checks="no_zero_divisor",
    vjp={"self": lambda g: zeros_like(g), "other": lambda g: zeros_like(g)},
    ref="numpy.floor_divide",
    domain=(0.5, 3.0),
)
Op(
    "remainder(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """Python's %: the sign is the divisor's. Integers divided by zero raise RuntimeError.

    >>> weft.tensor([7, -7]).remainder(3)
    tensor([1, 2])
    """,
    rule=PROMOTE,
    cost=pointwise(4.0),
    operator=("mod",),
    checks="not_only_numbers no_zero_divisor",
    vjp={"self": lambda g: g, "other": lambda g, self, other: -(g * floor_divide(self, other))},
    ref="numpy.remainder",
    domain=(0.5, 3.0),
)
Op(
    "fmod(self: Tensor, other: Tensor | Number) -> Tensor",
    """C's remainder: the sign is the dividend's. Integers divided by zero raise RuntimeError.

    >>> weft.tensor([7, -7]).fmod(3)
    tensor([ 1, -1])
    """,
    rule=PROMOTE,
    cost=pointwise(4.0),
    checks="no_zero_divisor",
    vjp={"self": lambda g: g, "other": lambda g, self, other: -(g * trunc_divide(self, other))},
    ref="numpy.fmod",
    domain=(0.5, 3.0),
)
Op(
    "reciprocal(self: Tensor) -> Tensor",
    """1 / self.

    >>> weft.tensor([4.0]).reciprocal()
    tensor([0.2500])
    """,
    rule=FLOAT,
    types="fdc",
    cost=pointwise(0.2),
    vjp={"self": lambda g, out: -(g * out * out)},
    ref=lambda x: 1 / x,
    domain=(0.5, 3.0),
)

# Powers.

Op(
    "pow(self: Tensor | Number, exponent: Tensor | Number) -> Tensor",
    """self to the power exponent. Integers to a negative number raise RuntimeError.

    >>> weft.tensor([2.0, 3.0]) ** 2
    tensor([4., 9.])
    """,
    rule=PROMOTE,
    types="fdlc",
    cost=pointwise(1.0),
    operator=("pow",),
    checks="not_only_numbers no_negative_integer_power",
    vjp={
        "self": lambda g, self, exponent: pow_backward_self(g, self, exponent),
        "exponent": lambda g, self, exponent, out: pow_backward_exponent(g, self, exponent, out),
    },
    ref="numpy.power",
    domain=(0.5, 3.0),
)
Op(
    "pow_backward_self(grad: Tensor, self: Tensor, exponent: Tensor) -> Tensor",
    "grad * exponent * self ** (exponent - 1), 0 where the exponent is 0.",
    namespace="_",
    composite=True,
)
Op(
    "pow_backward_exponent(grad: Tensor, self: Tensor, exponent: Tensor, out: Tensor) -> Tensor",
    "grad * out * log(self), 0 where self is 0 and the exponent is not negative.",
    namespace="_",
    composite=True,
)
Op(
    "hypot(self: Tensor, other: Tensor) -> Tensor",
    """sqrt(self**2 + other**2), without overflow.

    >>> weft.hypot(weft.tensor([3.0]), weft.tensor([4.0]))
    tensor([5.])
    """,
    rule=PROMOTE,
    types="fd",
    cost=pointwise(0.5),
    vjp={"self": lambda g, self, out: g * (self / out), "other": lambda g, other, out: g * (other / out)},
    ref="numpy.hypot",
    domain=(0.5, 3.0),
)

# Signs and magnitudes.

Op(
    "abs(self: Tensor) -> Tensor",
    """The magnitude of each element.

    >>> weft.tensor([-1, 2]).abs()
    tensor([1, 2])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fdlcs",
    real_valued=True,
    cost=pointwise(0.1),
    operator=("abs",),
    aliases=("absolute",),
    vjp={"self": lambda g, self: g * sgn(self)},
    ref="numpy.abs",
    domain=(0.5, 3.0),
)
Op(
    "sign(self: Tensor) -> Tensor",
    """-1, 0 or 1.

    >>> weft.tensor([-2.0, 0.0, 5.0]).sign()
    tensor([-1.,  0.,  1.])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fdlb",
    cost=pointwise(0.12),
    inplace_function=False,
    vjp={"self": lambda g: zeros_like(g)},
    ref="numpy.sign",
    domain=(0.5, 3.0),
)
Op(
    "sgn(self: Tensor) -> Tensor",
    """The direction of each element: sign of a real number, x / |x| of a complex one, 0 at 0.

    >>> weft.tensor([3 + 4j, 0j]).sgn()
    tensor([0.6000+0.8000j, 0.0000+0.0000j])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fdlbc",
    holomorphic=False,
    cost=pointwise(0.12),
    inplace_function=False,
    vjp={"self": lambda g, self, out: sgn_backward(g, self, out)},
    ref="numpy.sign",
    domain=(0.5, 3.0),
)
Op(
    "copysign(self: Tensor, other: Tensor | Number) -> Tensor",
    """The magnitude of self with the sign of other.

    >>> weft.copysign(weft.tensor([1.0, 2.0]), -1)
    tensor([-1., -2.])
    """,
    rule=FLOAT,
    cost=pointwise(0.15),
    vjp={"self": lambda g, self, out: g * sign(self) * sign(out), "other": lambda g: zeros_like(g)},
    ref="numpy.copysign",
    domain=(0.5, 3.0),
)
Op(
    "heaviside(self: Tensor, values: Tensor) -> Tensor",
    """0 below zero, 1 above, `values` at zero.

    >>> weft.heaviside(weft.tensor([-1.0, 0.0, 1.0]), weft.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fdlb",
    checks="same_dtype_step",
    cost=pointwise(0.2),
    ref="numpy.heaviside",
)

# Rounding.

for _name, _numpy, _line in (
    ("floor", "numpy.floor", "The largest integers not above."),
    ("ceil", "numpy.ceil", "The smallest integers not below."),
    ("trunc", "numpy.trunc", "The integer parts."),
):
    Op(
        f"{_name}(self: Tensor) -> Tensor",
        f"""{_line} Integers stay.

        >>> weft.tensor([1.0]).{_name}()
        tensor([1.])
        """,
        rule=PROMOTE,
        out_casts=False,
        cost=pointwise(0.1),
        aliases=("fix",) if _name == "trunc" else (),
        vjp={"self": lambda g: zeros_like(g)},
        ref=_numpy,
    )
Op(
    "round(self: Tensor, *, decimals: int = 0) -> Tensor",
    """The nearest integers, halves to the even one; or the nearest with so many decimals.

    >>> weft.tensor([0.5, 1.5]).round()
    tensor([0., 2.])
    """,
    rule=PROMOTE,
    out_casts=False,
    functor="RoundDecimals",
    also=("special.round",),
    cost=pointwise(0.2),
    vjp={"self": lambda g: zeros_like(g)},
    ref=lambda x, decimals=0: x.round(decimals),
)
Op(
    "frac(self: Tensor) -> Tensor",
    """What trunc takes away.

    >>> weft.tensor([1.5, -2.25]).frac()
    tensor([ 0.5000, -0.2500])
    """,
    rule=PROMOTE,
    out_casts=False,
    types="fd",
    cost=pointwise(0.15),
    vjp={"self": lambda g: g},
    ref=lambda x: x - __import__("numpy").trunc(x),
)

# Extremes.

Op(
    "maximum(self: Tensor, other: Tensor) -> Tensor",
    """The larger of two elements; NaN when one is. Equal elements share the gradient.

    >>> weft.maximum(weft.tensor([1, 5]), weft.tensor([3, 2]))
    tensor([3, 5])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fdlbs",
    cost=pointwise(0.15),
    vjp={
        "self": lambda g, self, other: masked_fill(where(eq(self, other), g / 2, g), lt(self, other), 0),
        "other": lambda g, self, other: masked_fill(where(eq(self, other), g / 2, g), gt(self, other), 0),
    },
    ref="numpy.maximum",
)
Op(
    "minimum(self: Tensor, other: Tensor) -> Tensor",
    """The smaller of two elements; NaN when one is. Equal elements share the gradient.

    >>> weft.minimum(weft.tensor([1, 5]), weft.tensor([3, 2]))
    tensor([1, 2])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fdlbs",
    cost=pointwise(0.15),
    vjp={
        "self": lambda g, self, other: masked_fill(where(eq(self, other), g / 2, g), gt(self, other), 0),
        "other": lambda g, self, other: masked_fill(where(eq(self, other), g / 2, g), lt(self, other), 0),
    },
    ref="numpy.minimum",
)
Op(
    "fmax(self: Tensor, other: Tensor) -> Tensor",
    """The larger of two elements; a number wins against NaN.

    >>> weft.fmax(weft.tensor([1.0, float("nan")]), weft.tensor([3.0, 2.0]))
    tensor([3., 2.])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fdlb",
    cost=pointwise(0.15),
    vjp={
        "self": lambda g, self, other: where(logical_or(ge(self, other), isnan(other)), g, 0),
        "other": lambda g, self, other: where(logical_or(ge(self, other), isnan(other)), 0, g),
    },
    ref="numpy.fmax",
)
Op(
    "fmin(self: Tensor, other: Tensor) -> Tensor",
    """The smaller of two elements; a number wins against NaN.

    >>> weft.fmin(weft.tensor([1.0, float("nan")]), weft.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fdlb",
    cost=pointwise(0.15),
    vjp={
        "self": lambda g, self, other: where(logical_or(le(self, other), isnan(other)), g, 0),
        "other": lambda g, self, other: where(logical_or(le(self, other), isnan(other)), 0, g),
    },
    ref="numpy.fmin",
)
Op(
    "clamp(self: Tensor, min: Number | None = None, max: Number | None = None) -> Tensor",
    """Elements no smaller than min and no larger than max; one of them may be None.

    >>> weft.tensor([-2, 0, 5]).clamp(-1, 3)
    tensor([-1,  0,  3])
    """,
    cost=pointwise(0.12),
    inplace_function=True,
    inplace=True,
    out=True,
    aliases=("clip",),
    vjp={"self": lambda g, self, min, max: clamp_backward(g, self, min, max)},
    samples=[((3, 4), -1, 1), ((5,), None, 0.5), ((), -0.5, None), ((0, 2), 0, 1)],
    ref=lambda x, low, high: __import__("numpy").clip(x, low, high),
    batch="pointwise",
)
Op(
    "clamp.tensor(self: Tensor, min: Tensor | None = None, max: Tensor | None = None) -> Tensor",
    """The same with bounds that broadcast.

    >>> weft.tensor([1.0, 5.0]).clamp(max=weft.tensor([2.0, 3.0]))
    tensor([1., 3.])
    """,
    composite=True,
    inplace=True,
    cost=pointwise(0.3),
    inplace_function=True,
    aliases=("clip",),
    samples=[((3, 4), (4,), (3, 1)), ((3,), (3,), None)],
    batch="pointwise",
    out=True,
    out_casts=True,
)
Op(
    "clamp_backward(grad: Tensor, self: Tensor, min: Number | None, max: Number | None) -> Tensor",
    "grad where min <= self <= max, else 0.",
    namespace="_",
    cost=pointwise(0.15),
    vjp={"grad": lambda g, self, min, max: clamp_backward(g, self, min, max)},
)
Op(
    "clamp_min(self: Tensor, min: Tensor | Number) -> Tensor",
    """Elements no smaller than min.

    >>> weft.tensor([-1.0, 2.0]).clamp_min(0)
    tensor([0., 2.])
    """,
    rule=PROMOTE,
    types="fdlb",
    functor="Maximum",
    cost=pointwise(0.12),
    inplace_function=True,
    vjp={
        "self": lambda g, self, min: where(ge(self, min), g, 0),
        "min": lambda g, self, min: where(ge(self, min), 0, g),
    },
    ref="numpy.maximum",
)
Op(
    "clamp_max(self: Tensor, max: Tensor | Number) -> Tensor",
    """Elements no larger than max.

    >>> weft.tensor([-1.0, 2.0]).clamp_max(0)
    tensor([-1.,  0.])
    """,
    rule=PROMOTE,
    types="fdlb",
    functor="Minimum",
    cost=pointwise(0.12),
    inplace_function=True,
    vjp={
        "self": lambda g, self, max: where(le(self, max), g, 0),
        "max": lambda g, self, max: where(le(self, max), 0, g),
    },
    ref="numpy.minimum",
)

# Selection.

Op(
    "where(condition: Tensor, self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """self where the condition holds, other elsewhere.

    >>> weft.where(weft.tensor([True, False]), 1.0, weft.tensor([5.0, 6.0]))
    tensor([1., 6.])
    """,
    rule=SELECT,
    out_casts=False,
    types="fdlbcs",
    cost=pointwise(0.2),
    vjp={"self": lambda g, condition: where(condition, g, 0), "other": lambda g, condition: where(condition, 0, g)},
)
Op(
    "masked_fill(self: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor",
    """A copy with `value` where the mask is set.

    >>> weft.zeros(2).masked_fill(weft.tensor([True, False]), 7)
    tensor([7., 0.])
    """,
    cost=pointwise(0.2),
    inplace=True,
    vjp={"self": lambda g, mask: masked_fill(g, mask, 0), "value": lambda g, mask: where(mask, g, 0)},
    samples=lambda: [((2, 3), np.array([[True, False, True]] * 2), 1.5), ((2, 3), np.array([False, True, True]), ())],
    big=lambda: [((300, 401), np.arange(401) % 3 == 0, ())],
    ref=lambda x, mask, value: np.where(mask, value, x),
    batch="pointwise",
)
Op(
    "nan_to_num(self: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None)"
    " -> Tensor",
    """NaN replaced by nan (0), infinities by posinf and neginf (the largest finite numbers of the dtype).

    >>> weft.tensor([float("nan"), 1.0]).nan_to_num()
    tensor([0., 1.])
    """,
    cost=pointwise(0.2),
    inplace_function=True,
    inplace=True,
    out=True,
    vjp={"self": lambda g, self: where(isfinite(self), g, 0)},
    samples=[((3, 4),), ((), 1.0), ((0,),)],
    ref="numpy.nan_to_num",
    batch="pointwise",
)
Op(
    "replace_nonfinite(self: Tensor, nan: float, posinf: float, neginf: float) -> Tensor",
    "NaN and the infinities replaced.",
    rule=FLOAT,
    functor="NanToNum",
    cost=pointwise(0.2),
    namespace="_",
)
Op(
    "clamp_between(self: Tensor, min: Number, max: Number) -> Tensor",
    "Elements no smaller than min and no larger than max.",
    rule=PROMOTE,
    functor="Clamp",
    cost=pointwise(0.12),
    namespace="_",
)
Op(
    "clamp_gradient(grad: Tensor, self: Tensor, min: Number, max: Number) -> Tensor",
    "grad where min <= self <= max, else 0.",
    rule=FLOAT,
    functor="ClampBackward",
    cost=pointwise(0.15),
    namespace="_",
)
Op(
    "deg2rad(self: Tensor) -> Tensor",
    """Degrees to radians.

    >>> weft.tensor([180.0]).deg2rad()
    tensor([3.1416])
    """,
    rule=FLOAT,
    cost=pointwise(0.1),
    vjp={"self": lambda g: g * (pi / 180)},
    ref="numpy.deg2rad",
)
Op(
    "rad2deg(self: Tensor) -> Tensor",
    """Radians to degrees.

    >>> weft.tensor([0.0]).rad2deg()
    tensor([0.])
    """,
    rule=FLOAT,
    cost=pointwise(0.1),
    vjp={"self": lambda g: g * (180 / pi)},
    ref="numpy.rad2deg",
)
