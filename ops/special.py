"""Special functions whose loops go through double: Bessel, Airy, error, gamma and zeta functions, orthogonal polynomials."""

from __future__ import annotations

import numpy as np

from ops.table import FLOAT, Op, pointwise

SQRT_2 = 1.4142135623730951
SQRT_2_PI = 2.5066282746310002
SQRT_2_OVER_PI = 0.7978845608028654
TWO_OVER_SQRT_PI = 1.1283791670955126


def _of_one(name, line, nanoseconds, gradient, ref, domain=(0.1, 5.0), **more):  # type: ignore[no-untyped-def]
    Op(
        f"{name}(self: Tensor) -> Tensor",
        f"""{line}

        >>> weft.special.{name}(weft.tensor([0.5])).shape
        weft.Size([1])
        """,
        rule=FLOAT,
        cost=pointwise(nanoseconds),
        namespace="special",
        method=False,
        inplace=False,
        vjp={"self": gradient} if gradient else {},
        ref=ref,
        domain=domain,
        double_error=1e-14,
        **more,
    )


_of_one(
    "bessel_j0",
    "Bessel function of the first kind, order 0.",
    30,
    lambda g, self: -(g * bessel_j1(self)),
    "scipy.special.j0",
    (-5.0, 5.0),
)
_of_one(
    "bessel_j1",
    "Bessel function of the first kind, order 1.",
    30,
    lambda g, self, out: g * (bessel_j0(self) - where(eq(self, 0), 0.5, out / where(eq(self, 0), 1, self))),
    "scipy.special.j1",
)
_of_one(
    "bessel_y0",
    "Bessel function of the second kind, order 0.",
    50,
    lambda g, self: -(g * bessel_y1(self)),
    "scipy.special.y0",
)
_of_one(
    "bessel_y1",
    "Bessel function of the second kind, order 1.",
    50,
    lambda g, self, out: g * (bessel_y0(self) - out / self),
    "scipy.special.y1",
)
_of_one(
    "modified_bessel_k0",
    "Modified Bessel function of the second kind, order 0.",
    60,
    lambda g, self: -(g * modified_bessel_k1(self)),
    "scipy.special.k0",
)
_of_one(
    "modified_bessel_k1",
    "Modified Bessel function of the second kind, order 1.",
    60,
    lambda g, self, out: -(g * (modified_bessel_k0(self) + out / self)),
    "scipy.special.k1",
)
_of_one(
    "scaled_modified_bessel_k0",
    "exp(x) modified_bessel_k0(x).",
    60,
    lambda g, self, out: g * (out - scaled_modified_bessel_k1(self)),
    "scipy.special.k0e",
)
_of_one(
    "scaled_modified_bessel_k1",
    "exp(x) modified_bessel_k1(x).",
    60,
    lambda g, self, out: g * (out - scaled_modified_bessel_k0(self) - out / self),
    "scipy.special.k1e",
)
_of_one(
    "spherical_bessel_j0",
    "Spherical Bessel function of the first kind, order 0: sin(x) / x.",
    15,
    lambda g, self, out: g * (cos(self) - out) / where(eq(self, 0), 1, self),
    lambda x: np.sinc(x / np.pi),
)
_of_one(
    "airy_ai", "The Airy function Ai.", 200, None, lambda x: __import__("scipy.special").special.airy(x)[0], (-5.0, 5.0)
)
_of_one(
    "erfcx",
    "exp(x^2) erfc(x), which does not vanish for large x.",
    30,
    lambda g, self, out: g * (self * out * 2 - TWO_OVER_SQRT_PI),
    "scipy.special.erfcx",
    (-3.0, 10.0),
)
_of_one(
    "log_ndtr",
    "The logarithm of the standard normal distribution function, accurate in its tail.",
    40,
    lambda g, self: g * SQRT_2_OVER_PI / erfcx(self / -SQRT_2),
    "scipy.special.log_ndtr",
    (-20.0, 3.0),
)
_of_one(
    "ndtri",
    "The inverse of ndtr.",
    100,
    lambda g, out: g * exp(out * out * 0.5) * SQRT_2_PI,
    "scipy.special.ndtri",
    (0.1, 0.9),
)


def _of_two(name, line, nanoseconds, vjp, ref, **more):  # type: ignore[no-untyped-def]
    first, second = more.pop("names", ("self", "other"))
    space = more.get("namespace", "special")
    Op(
        f"{name}({first}: Tensor | Number, {second}: Tensor | Number) -> Tensor",
        f"""{line}

        >>> weft{"." + space if space else ""}.{name}(weft.tensor([1.5]), weft.tensor([2.0])).shape
        weft.Size([1])
        """,
        rule=FLOAT,
        checks="not_only_numbers",
        cost=pointwise(nanoseconds),
        vjp=vjp,
        ref=ref,
        **{"namespace": "special", "method": False, "inplace": False, "double_error": 1e-13, **more},
    )


_of_two(
    "zeta",
    "The Hurwitz zeta function: the sum of (other + k)^-self over k = 0, 1, ...; derivatives for other alone.",
    150,
    {
        "self": lambda g: _no_derivative(g, "zeta: self"),
        "other": lambda g, self, other: -(g * self * zeta(self + 1, other)),
    },
    "scipy.special.zeta",
    domain=(1.5, 6.0),
)
_density = lambda g, self, other: g * exp(log(other) * (self - 1) - other - lgamma(self))  # noqa: E731  # traced
_negated_density = lambda g, self, other: -(g * exp(log(other) * (self - 1) - other - lgamma(self)))  # noqa: E731
for _name, _line, _sign in (("igamma", "lower", 1), ("igammac", "upper", -1)):
    Op(
        f"{_name}(self: Tensor, other: Tensor) -> Tensor",
        f"""The regularised {_line} incomplete gamma function of the order self at other; derivatives for other alone.

        >>> weft.{_name}(weft.tensor([1.5]), weft.tensor([2.0])).shape
        weft.Size([1])
        """,
        rule=FLOAT,
        cost=pointwise(150),
        also=("special.gammainc" if _sign > 0 else "special.gammaincc",),
        vjp={
            "self": lambda g: _no_derivative(g, "igamma: self"),
            "other": _density if _sign > 0 else _negated_density,
        },
        ref="scipy.special.gammainc" if _sign > 0 else "scipy.special.gammaincc",
        domain=(0.3, 6.0),
        double_error=1e-13,
    )

Op(
    "polygamma(n: int, self: Tensor) -> Tensor",
    """The n-th derivative of digamma.

    Raises RuntimeError for a negative n.

    >>> weft.polygamma(1, weft.tensor([1.0]))
    tensor([1.6449])
    """,
    composite=True,
    inplace=True,
    out=True,
    out_casts=True,
    cost=pointwise(150),
    also=("special.polygamma",),
)

_POLYNOMIALS = {
    "chebyshev_polynomial_t": ("Chebyshev polynomial of the first kind", "eval_chebyt"),
    "chebyshev_polynomial_u": ("Chebyshev polynomial of the second kind", "eval_chebyu"),
    "chebyshev_polynomial_v": ("Chebyshev polynomial of the third kind", ""),
    "chebyshev_polynomial_w": ("Chebyshev polynomial of the fourth kind", ""),
    "shifted_chebyshev_polynomial_t": ("Chebyshev polynomial of the first kind, of 2 x - 1", "eval_sh_chebyt"),
    "shifted_chebyshev_polynomial_u": ("Chebyshev polynomial of the second kind, of 2 x - 1", "eval_sh_chebyu"),
    "shifted_chebyshev_polynomial_v": ("Chebyshev polynomial of the third kind, of 2 x - 1", ""),
    "shifted_chebyshev_polynomial_w": ("Chebyshev polynomial of the fourth kind, of 2 x - 1", ""),
    "hermite_polynomial_h": ("Hermite polynomial of the physicists", "eval_hermite"),
    "hermite_polynomial_he": ("Hermite polynomial of the probabilists", "eval_hermitenorm"),
    "laguerre_polynomial_l": ("Laguerre polynomial", "eval_laguerre"),
    "legendre_polynomial_p": ("Legendre polynomial", "eval_legendre"),
}


def _reference(name):  # type: ignore[no-untyped-def]
    """SciPy's polynomial at the degree cut off to an integer."""
    return lambda x, n: getattr(__import__("scipy.special").special, name)(np.trunc(n).astype(np.int64), x)


for _name, (_line, _scipy) in _POLYNOMIALS.items():
    _of_two(
        _name,
        f"{_line}, at x; the degree n is cut off to an integer. Not differentiable.",
        20,
        {},
        _reference(_scipy) if _scipy else None,
        names=("x", "n"),
        domain=(0.1, 4.0),
    )
