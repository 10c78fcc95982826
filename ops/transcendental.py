"""Elementary and special functions, element by element. Integers become the default dtype first."""

from __future__ import annotations

from ops.table import FLOAT, PROMOTE, Op, pointwise

LN2 = 0.6931471805599453
LN10 = 2.302585092994046
TWO_OVER_SQRT_PI = 1.1283791670955126
SQRT_2_PI = 2.5066282746310002
HALF_SQRT_PI = 0.886226925452758


def _unary(name, line, nanoseconds, gradient, ref, domain=(-3.0, 3.0), ulps=4.0, **more):  # type: ignore[no-untyped-def]
    namespace = more.get("namespace", "")
    module = {"": "weft", "_": "weft._core.internal"}.get(namespace, f"weft.{namespace}")
    Op(
        f"{name}(self: Tensor) -> Tensor",
        f"""{line}

        >>> {module}.{name}(weft.tensor([0.5])).shape
        weft.Size([1])
        """,
        rule=FLOAT,
        cost=pointwise(nanoseconds),
        vjp={"self": gradient} if gradient else {},
        ref=ref,
        domain=domain,
        ulps=ulps,
        **more,
    )


_unary("exp", "e to the power self.", 0.25, lambda g, out: g * out, "numpy.exp", types="fdc")
_unary(
    "exp2",
    "2 to the power self.",
    0.25,
    lambda g, out: g * out * LN2,
    "numpy.exp2",
    types="fdc",
    also=("special.exp2",),
)
_unary(
    "expm1",
    "exp(self) - 1, accurate near 0.",
    0.3,
    lambda g, out: g * (out + 1),
    "numpy.expm1",
    types="fdc",
    also=("special.expm1",),
)
_unary("log", "Natural logarithm.", 0.3, lambda g, self: g / self, "numpy.log", (0.1, 5.0), types="fdc")
_unary("log2", "Base 2 logarithm.", 0.35, lambda g, self: g / (self * LN2), "numpy.log2", (0.1, 5.0), types="fdc")
_unary("log10", "Base 10 logarithm.", 0.35, lambda g, self: g / (self * LN10), "numpy.log10", (0.1, 5.0), types="fdc")
_unary(
    "log1p",
    "log(1 + self), accurate near 0.",
    0.35,
    lambda g, self: g / (self + 1),
    "numpy.log1p",
    (-0.9, 5.0),
    types="fdc",
    also=("special.log1p",),
)
_unary("sqrt", "Square root.", 0.2, lambda g, out: g / (out * 2), "numpy.sqrt", (0.1, 5.0), types="fdc")
_unary(
    "rsqrt",
    "1 / sqrt(self).",
    0.3,
    lambda g, out: g * (out * out * out) * -0.5,
    lambda x: x**-0.5,
    (0.1, 5.0),
    types="fdc",
)
_unary("sin", "Sine of radians.", 0.6, lambda g, self: g * cos(self), "numpy.sin", types="fdc")
_unary("cos", "Cosine of radians.", 0.6, lambda g, self: -(g * sin(self)), "numpy.cos", types="fdc")
_unary("tan", "Tangent of radians.", 0.6, lambda g, out: g * (out * out + 1), "numpy.tan", (-1.2, 1.2), types="fdc")
_unary(
    "asin",
    "Inverse sine.",
    0.4,
    lambda g, self: g * rsqrt(1 - self * self),
    "numpy.arcsin",
    (-0.9, 0.9),
    aliases=("arcsin",),
    types="fdc",
)
_unary(
    "acos",
    "Inverse cosine.",
    0.4,
    lambda g, self: -(g * rsqrt(1 - self * self)),
    "numpy.arccos",
    (-0.9, 0.9),
    aliases=("arccos",),
    types="fdc",
)
_unary(
    "atan",
    "Inverse tangent.",
    0.4,
    lambda g, self: g / (self * self + 1),
    "numpy.arctan",
    aliases=("arctan",),
    types="fdc",
)
_unary("sinh", "Hyperbolic sine.", 0.5, lambda g, self: g * cosh(self), "numpy.sinh", types="fdc")
_unary("cosh", "Hyperbolic cosine.", 0.5, lambda g, self: g * sinh(self), "numpy.cosh", types="fdc")
_unary(
    "asinh",
    "Inverse hyperbolic sine.",
    0.7,
    lambda g, self: g * rsqrt(self * self + 1),
    "numpy.arcsinh",
    aliases=("arcsinh",),
    types="fdc",
)
_unary(
    "acosh",
    "Inverse hyperbolic cosine.",
    0.7,
    lambda g, self: g * rsqrt(self - 1) * rsqrt(self + 1),
    "numpy.arccosh",
    (1.2, 5.0),
    aliases=("arccosh",),
    types="fdc",
)
_unary(
    "atanh",
    "Inverse hyperbolic tangent.",
    0.5,
    lambda g, self: g / (1 - self * self),
    "numpy.arctanh",
    (-0.9, 0.9),
    aliases=("arctanh",),
    types="fdc",
)
_unary(
    "erf",
    "Error function.",
    0.5,
    lambda g, self: g * exp(-(self * self)) * TWO_OVER_SQRT_PI,
    "scipy.special.erf",
    also=("special.erf",),
)
_unary(
    "erfc",
    "1 - erf(self), accurate in its tail.",
    1.0,
    lambda g, self: -(g * exp(-(self * self)) * TWO_OVER_SQRT_PI),
    "scipy.special.erfc",
    also=("special.erfc",),
)
_unary(
    "erfinv",
    "Inverse of erf.",
    80,
    lambda g, out: g * exp(out * out) * HALF_SQRT_PI,
    "scipy.special.erfinv",
    (-0.9, 0.9),
    also=("special.erfinv",),
    inplace_function=False,
)
_unary(
    "lgamma",
    "log |gamma(self)|.",
    20,
    lambda g, self: g * digamma(self),
    "scipy.special.gammaln",
    (0.3, 5.0),
    8.0,
    also=("special.gammaln",),
    inplace_function=False,
)
_unary(
    "digamma",
    "Derivative of lgamma.",
    30,
    lambda g, self: g * trigamma(self),
    "scipy.special.digamma",
    (0.3, 5.0),
    16.0,
    also=("special.digamma", "special.psi"),
    inplace_function=False,
)
_unary(
    "trigamma",
    "Derivative of digamma.",
    30,
    lambda g, self: g * polygamma(2, self),
    lambda x: __import__("scipy.special").special.polygamma(1, x),
    (0.3, 5.0),
    16.0,
    namespace="_",
)
_unary(
    "sinc",
    "sin(pi x) / (pi x), 1 at 0.",
    0.8,
    lambda g, self, out: g * where(eq(self, 0), 0, (cos(self * pi) - out) / self),
    "numpy.sinc",
    (0.1, 3.0),
    types="fdc",
    also=("special.sinc",),
)
_unary(
    "i0",
    "Modified Bessel function of the first kind, order 0.",
    60,
    lambda g, self: g * i1(self),
    "scipy.special.i0",
    double_error=1e-14,
    also=("special.i0", "special.modified_bessel_i0"),
)
_unary(
    "i0e",
    "exp(-|x|) i0(x).",
    60,
    lambda g, self, out: g * (i1e(self) - sign(self) * out),
    "scipy.special.i0e",
    (0.1, 3.0),
    namespace="special",
    double_error=1e-14,
)
_unary(
    "i1",
    "Modified Bessel function of the first kind, order 1.",
    60,
    lambda g, self, out: g * (i0(self) - where(eq(self, 0), 0.5, out / where(eq(self, 0), 1, self))),
    "scipy.special.i1",
    (0.1, 3.0),
    namespace="special",
    double_error=1e-14,
    aliases=("modified_bessel_i1",),
)
_unary(
    "i1e",
    "exp(-|x|) i1(x).",
    60,
    lambda g, self, out: (
        g * (i0e(self) - where(eq(self, 0), 0.5, out * (sign(self) + 1 / where(eq(self, 0), 1, self))))
    ),
    "scipy.special.i1e",
    (0.1, 3.0),
    namespace="special",
    double_error=1e-14,
)
_unary(
    "ndtr",
    "Standard normal distribution function.",
    1.0,
    lambda g, self: g * exp(self * self * -0.5) / SQRT_2_PI,
    "scipy.special.ndtr",
    namespace="special",
)
_unary(
    "entr",
    "-x log(x), 0 at 0, -inf below.",
    0.5,
    lambda g, self: -(g * (log(self) + 1)),
    "scipy.special.entr",
    (0.1, 3.0),
    namespace="special",
)

Op(
    "atan2(self: Tensor, other: Tensor) -> Tensor",
    """The angle of the points (other, self).

    >>> weft.atan2(weft.tensor([0.0]), weft.tensor([1.0]))
    tensor([0.])
    """,
    rule=FLOAT,
    cost=pointwise(0.6),
    aliases=("arctan2",),
    vjp={
        "self": lambda g, self, other: g * (other / (self * self + other * other)),
        "other": lambda g, self, other: -(g * (self / (self * self + other * other))),
    },
    ref="numpy.arctan2",
    domain=(0.5, 3.0),
)
Op(
    "logaddexp(self: Tensor, other: Tensor) -> Tensor",
    """log(exp(self) + exp(other)).

    >>> weft.logaddexp(weft.tensor([0.0]), weft.tensor([0.0]))
    tensor([0.6931])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fdc",
    cost=pointwise(0.7),
    vjp={"self": lambda g, self, out: g * exp(self - out), "other": lambda g, other, out: g * exp(other - out)},
    ref="numpy.logaddexp",
)
Op(
    "logaddexp2(self: Tensor, other: Tensor) -> Tensor",
    """log2(2**self + 2**other).

    >>> weft.logaddexp2(weft.tensor([0.0]), weft.tensor([0.0]))
    tensor([1.])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fd",
    cost=pointwise(0.7),
    vjp={"self": lambda g, self, out: g * exp2(self - out), "other": lambda g, other, out: g * exp2(other - out)},
    ref="numpy.logaddexp2",
)
Op(
    "xlogy(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """self * log(other), 0 where self is 0.

    >>> weft.xlogy(weft.tensor([0.0]), weft.tensor([0.0]))
    tensor([0.])
    """,
    rule=FLOAT,
    checks="not_only_numbers",
    also=("special.xlogy",),
    cost=pointwise(0.5),
    inplace_function=True,
    vjp={
        "self": lambda g, self, other: g * where(eq(self, 0), 0, log(other)),
        "other": lambda g, self, other: g * self / other,
    },
    ref="scipy.special.xlogy",
    domain=(0.5, 3.0),
)
Op(
    "xlog1py(self: Tensor | Number, other: Tensor | Number) -> Tensor",
    """self * log(1 + other), 0 where self is 0.

    >>> weft.special.xlog1py(weft.tensor([0.0]), weft.tensor([0.0]))
    tensor([0.])
    """,
    rule=FLOAT,
    checks="not_only_numbers",
    namespace="special",
    cost=pointwise(0.6),
    vjp={
        "self": lambda g, self, other: g * where(eq(self, 0), 0, log1p(other)),
        "other": lambda g, self, other: g * self / (other + 1),
    },
    ref="scipy.special.xlog1py",
    domain=(0.5, 3.0),
)
Op(
    "logit(self: Tensor, eps: float | None = None) -> Tensor",
    """log(x / (1 - x)), of x clamped to [eps, 1 - eps] when eps is given.

    >>> weft.logit(weft.tensor([0.5]))
    tensor([0.])
    """,
    cost=pointwise(0.5),
    inplace_function=True,
    also=("special.logit",),
    inplace=True,
    out=True,
    out_casts=True,
    vjp={"self": lambda g, self, eps: logit_backward(g, self, eps)},
    samples=[((3, 4),), ((4,), 0.2), ((),), ((0,), 0.1)],
    domain=(0.1, 0.9),
    ref=lambda x, eps=None: __import__("scipy.special").special.logit(x if eps is None else x.clip(eps, 1 - eps)),
    batch="pointwise",
)
Op(
    "logit_backward(grad: Tensor, self: Tensor, eps: float | None) -> Tensor",
    "grad / (x (1 - x)), 0 where x was clamped.",
    namespace="_",
    composite=True,
)
Op(
    "logit_plain(self: Tensor) -> Tensor",
    "log(x / (1 - x)).",
    rule=FLOAT,
    functor="Logit",
    cost=pointwise(0.5),
    namespace="_",
)
Op(
    "logit_clamped(self: Tensor, eps: float) -> Tensor",
    "logit of x clamped to [eps, 1 - eps].",
    rule=FLOAT,
    cost=pointwise(0.5),
    namespace="_",
)
Op(
    "nextafter(self: Tensor, other: Tensor) -> Tensor",
    """The next representable number in the direction of other.

    >>> bool(weft.nextafter(weft.tensor([1.0]), weft.tensor([2.0])) > 1)
    True
    """,
    rule=PROMOTE,
    types="fd",
    cost=pointwise(4),
    vjp={"self": lambda g, self, other: where(eq(self, other), 0, g), "other": lambda g: zeros_like(g)},
)
