"""Activation functions of neural networks, element by element."""

from __future__ import annotations

import re
from importlib import import_module

from ops.table import FLOAT, PROMOTE, Op, pointwise

INVERSE_SQRT_2_PI = 0.3989422804014327
GELU_SCALE = 0.7978845608028654  # sqrt(2 / pi)
GELU_CUBE = 0.044715

Op(
    "relu(self: Tensor) -> Tensor",
    """max(x, 0).

    >>> weft.relu(weft.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """,
    rule=PROMOTE,
    cost=pointwise(0.1),
    vjp={"self": lambda g, out: threshold_backward(g, out, 0)},
    ref=lambda x: x.clip(0),
)
Op(
    "threshold_backward(grad: Tensor, self: Tensor, threshold: Number) -> Tensor",
    "grad where self > threshold, else 0.",
    rule=FLOAT,
    namespace="_",
    cost=pointwise(0.12),
    vjp={"grad": lambda g, self, threshold: threshold_backward(g, self, threshold)},
)
Op(
    "threshold(self: Tensor, threshold: Number, value: Number) -> Tensor",
    """x where x > threshold, else value.

    >>> weft.threshold(weft.tensor([-1.0, 2.0]), 0, 9)
    tensor([9., 2.])
    """,
    rule=PROMOTE,
    method=False,
    cost=pointwise(0.12),
    vjp={"self": lambda g, self, threshold: threshold_backward(g, self, threshold)},
    samples=[((3, 4), 0.1, 20)],
    ref=lambda x, threshold, value: __import__("numpy").where(x > threshold, x, value),
)
Op(
    "relu6(self: Tensor) -> Tensor",
    """min(max(x, 0), 6).

    >>> weft._core.nn.relu6(weft.tensor([-1.0, 8.0]))
    tensor([0., 6.])
    """,
    composite=True,
    namespace="nn",
    method=False,
    cost=pointwise(0.12),
    samples=[((3, 4),)],
    ref=lambda x: x.clip(0, 6),
    batch="pointwise",
)
Op(
    "hardtanh(self: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor",
    """x clamped to [min_val, max_val].

    >>> weft._core.nn.hardtanh(weft.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """,
    rule=PROMOTE,
    functor="Clamp",
    namespace="nn",
    method=False,
    cost=pointwise(0.12),
    vjp={"self": lambda g, self, min_val, max_val: hardtanh_backward(g, self, min_val, max_val)},
    ref=lambda x, low=-1.0, high=1.0: x.clip(low, high),
)
Op(
    "hardtanh_backward(grad: Tensor, self: Tensor, min_val: float, max_val: float) -> Tensor",
    "grad where min_val < self < max_val, else 0.",
    rule=FLOAT,
    namespace="_",
    cost=pointwise(0.15),
    vjp={"grad": lambda g, self, min_val, max_val: hardtanh_backward(g, self, min_val, max_val)},
)
Op(
    "leaky_relu(self: Tensor, negative_slope: Number = 0.01) -> Tensor",
    """x where positive, negative_slope * x elsewhere.

    >>> weft._core.nn.leaky_relu(weft.tensor([-1.0, 2.0]), 0.5)
    tensor([-0.5000,  2.0000])
    """,
    rule=PROMOTE,
    types="fd",
    namespace="nn",
    method=False,
    cost=pointwise(0.12),
    vjp={"self": lambda g, self, negative_slope: leaky_relu_backward(g, self, negative_slope)},
    ref=lambda x, slope=0.01: __import__("numpy").where(x > 0, x, x * slope),
)
Op(
    "leaky_relu_backward(grad: Tensor, self: Tensor, negative_slope: Number) -> Tensor",
    "grad where positive, negative_slope * grad elsewhere.",
    rule=FLOAT,
    namespace="_",
    cost=pointwise(0.15),
    vjp={"grad": lambda g, self, negative_slope: leaky_relu_backward(g, self, negative_slope)},
)

# Smooth ones: each backward operator differentiates once more.


def _smooth(name, line, gradient, second, nanoseconds, ref, parameters="", arguments=(), types="fd", **more):  # type: ignore[no-untyped-def]
    """An activation f and its backward operator; `second` is f''."""
    head = f", {parameters}" if parameters else ""
    Op(
        f"{name}(self: Tensor{head}) -> Tensor",
        f"""{line}

        >>> weft._core.{more["namespace"] + "." if more.get("namespace") else ""}{name}(weft.zeros(1){"".join(f", {a}" for a in arguments)}).shape
        weft.Size([1])
        """.replace("_core._.", "_core.internal."),
        rule=PROMOTE,
        types=types,
        method=not more.get("namespace"),
        cost=pointwise(nanoseconds),
        vjp={"self": gradient},
        ref=ref,
        **more,
        out=True,
    )
    plain = re.sub(r" = [^,]+", "", head)
    Op(
        f"{name}_backward(grad: Tensor, self: Tensor{plain}) -> Tensor",
        f"grad times the derivative of {name}.",
        rule=FLOAT,
        types=types,
        functor=f"{more['functor']}Backward" if "functor" in more else "",
        namespace="_",
        cost=pointwise(nanoseconds * 1.5),
        vjp=second,
    )


def _sigmoid(x):  # type: ignore[no-untyped-def]
    return scipy_special("expit")(x)


def scipy_special(name):  # type: ignore[no-untyped-def]
    """A reference from SciPy, which is imported only when a test asks for it."""
    return lambda *args: getattr(import_module("scipy.special"), name)(*args)


_smooth(
    "elu_scaled",
    "scale x where positive, else scale alpha (exp(input_scale x) - 1): elu, selu and celu.",
    lambda g, self, alpha, scale, input_scale: elu_scaled_backward(g, self, alpha, scale, input_scale),
    {
        "grad": lambda g, self, alpha, scale, input_scale: elu_scaled_backward(g, self, alpha, scale, input_scale),
        "self": lambda g, grad, self, alpha, scale, input_scale: (
            g * where(le(self, 0), elu_scaled_backward(grad, self, alpha, scale, input_scale) * input_scale, 0)
        ),
    },
    0.3,
    None,
    "alpha: Number = 1, scale: Number = 1, input_scale: Number = 1",
    functor="Elu",
    namespace="_",
)
_smooth(
    "silu",
    "x sigmoid(x).",
    lambda g, self: silu_backward(g, self),
    {
        "grad": lambda g, self: silu_backward(g, self),
        "self": lambda g, grad, self: (lambda s: g * grad * (s * (1 - s) * (self * (1 - s * 2) + 2)))(sigmoid(self)),
    },
    0.35,
    lambda x: x * _sigmoid(x),
    namespace="nn",
    types="fdc",
)
_smooth(
    "gelu_erf",
    "x Phi(x), Phi the normal distribution function.",
    lambda g, self: gelu_erf_backward(g, self),
    {
        "grad": lambda g, self: gelu_erf_backward(g, self),
        "self": lambda g, grad, self: g * grad * exp(self * self * -0.5) * (2 - self * self) * INVERSE_SQRT_2_PI,
    },
    0.5,
    lambda x: x * scipy_special("ndtr")(x),
    functor="Gelu",
    namespace="_",
)
_smooth(
    "gelu_tanh",
    "x Phi(x), with tanh for the error function.",
    lambda g, self: gelu_tanh_backward(g, self),
    {
        "grad": lambda g, self: gelu_tanh_backward(g, self),
        "self": lambda g, grad, self: (
            lambda t, slope: (
                g
                * grad
                * ((1 - t * t) * (slope + self * (self * (6 * GELU_SCALE * GELU_CUBE) - t * slope * slope * 2) * 0.5))
            )
        )(
            tanh((self + self * self * self * GELU_CUBE) * GELU_SCALE),
            (self * self * (3 * GELU_CUBE) + 1) * GELU_SCALE,
        ),
    },
    0.5,
    None,
    namespace="_",
)
_smooth(
    "softplus",
    "log(1 + exp(beta x)) / beta, x itself where beta x > threshold.",
    lambda g, self, beta, threshold: softplus_backward(g, self, beta, threshold),
    {
        "grad": lambda g, self, beta, threshold: softplus_backward(g, self, beta, threshold),
        "self": lambda g, grad, self, beta, threshold: (
            lambda s: g * grad * where(gt(self * beta, threshold), 0, s * (1 - s) * beta)
        )(sigmoid(self * beta)),
    },
    0.6,
    lambda x, beta=1.0, threshold=20.0: __import__("numpy").logaddexp(0, beta * x) / beta,
    "beta: Number = 1.0, threshold: Number = 20.0",
    namespace="nn",
)
_smooth(
    "logsigmoid",
    "log(sigmoid(x)).",
    lambda g, self: logsigmoid_backward(g, self),
    {
        "grad": lambda g, self: logsigmoid_backward(g, self),
        "self": lambda g, grad, self: (lambda s: g * grad * (s * (s - 1)))(sigmoid(self)),
    },
    0.6,
    lambda x: -__import__("numpy").logaddexp(0, -x),
    namespace="nn",
)
_smooth(
    "mish",
    "x tanh(softplus(x)).",
    lambda g, self: mish_backward(g, self),
    {
        "grad": lambda g, self: mish_backward(g, self),
        "self": lambda g, grad, self: (
            lambda s, t: g * grad * ((1 - t * t) * s * (self * (1 - s) - self * t * s * 2 + 2))
        )(sigmoid(self), tanh(softplus(self))),
    },
    0.5,
    lambda x: x * __import__("numpy").tanh(__import__("numpy").logaddexp(0, x)),
    namespace="nn",
)
_smooth(
    "hardswish",
    "x clamp(x / 6 + 1/2, 0, 1).",
    lambda g, self: hardswish_backward(g, self),
    {
        "grad": lambda g, self: hardswish_backward(g, self),
        "self": lambda g, grad, self: where(lt(abs(self), 3), g * grad / 3, 0),
    },
    0.15,
    lambda x: x * (x / 6 + 0.5).clip(0, 1),
    namespace="nn",
)
_smooth(
    "hardsigmoid",
    "clamp(x / 6 + 1/2, 0, 1).",
    lambda g, self: hardsigmoid_backward(g, self),
    {"grad": lambda g, self: hardsigmoid_backward(g, self)},
    0.12,
    lambda x: (x / 6 + 0.5).clip(0, 1),
    namespace="nn",
)

# From the output.

Op(
    "sigmoid(self: Tensor) -> Tensor",
    """1 / (1 + exp(-x)).

    >>> weft.sigmoid(weft.tensor([0.0]))
    tensor([0.5000])
    """,
    rule=FLOAT,
    types="fdc",
    also=("special.expit",),
    cost=pointwise(0.3),
    vjp={"self": lambda g, out: sigmoid_backward(g, out)},
    ref="scipy.special.expit",
)
Op(
    "sigmoid_backward(grad: Tensor, self: Tensor) -> Tensor",
    "grad (1 - y) y, of the output y.",
    rule=FLOAT,
    types="fdc",
    namespace="_",
    cost=pointwise(0.15),
    vjp={
        "grad": lambda g, self: sigmoid_backward(g, self),
        "self": lambda g, grad, self: g * grad * (1 - self * 2),
    },
)
Op(
    "tanh(self: Tensor) -> Tensor",
    """Hyperbolic tangent.

    >>> weft.tanh(weft.tensor([0.0]))
    tensor([0.])
    """,
    rule=FLOAT,
    types="fdc",
    cost=pointwise(0.35),
    vjp={"self": lambda g, out: tanh_backward(g, out)},
    ref="numpy.tanh",
)
Op(
    "tanh_backward(grad: Tensor, self: Tensor) -> Tensor",
    "grad (1 - y^2), of the output y.",
    rule=FLOAT,
    types="fdc",
    namespace="_",
    cost=pointwise(0.15),
    vjp={
        "grad": lambda g, self: tanh_backward(g, self),
        "self": lambda g, grad, self: g * grad * self * -2,
    },
)

# Piecewise linear ones with a dead zone, and the rational one.

Op(
    "hardshrink(self: Tensor, lambd: Number = 0.5) -> Tensor",
    """x beyond lambd in magnitude, 0 within.

    >>> weft.hardshrink(weft.tensor([0.2, -2.0]))
    tensor([ 0., -2.])
    """,
    rule=PROMOTE,
    inplace=False,
    types="fd",
    cost=pointwise(0.12),
    vjp={"self": lambda g, self, lambd: shrink_backward(g, self, lambd)},
    ref=lambda x, lambd=0.5: x * (abs(x) > lambd),
)
Op(
    "softshrink(self: Tensor, lambd: Number = 0.5) -> Tensor",
    """x moved lambd towards 0, 0 within.

    >>> weft._core.nn.softshrink(weft.tensor([0.2, -2.0]))
    tensor([ 0.0000, -1.5000])
    """,
    rule=PROMOTE,
    types="fd",
    namespace="nn",
    method=False,
    cost=pointwise(0.15),
    vjp={"self": lambda g, self, lambd: shrink_backward(g, self, lambd)},
    ref=lambda x, lambd=0.5: (x - lambd) * (x > lambd) + (x + lambd) * (x < -lambd),
    out=True,
)
Op(
    "shrink_backward(grad: Tensor, self: Tensor, lambd: Number) -> Tensor",
    "grad where |x| > lambd, else 0.",
    rule=FLOAT,
    namespace="_",
    cost=pointwise(0.12),
    vjp={"grad": lambda g, self, lambd: shrink_backward(g, self, lambd)},
)
Op(
    "softsign(self: Tensor) -> Tensor",
    """x / (1 + |x|).

    >>> weft._core.nn.softsign(weft.tensor([1.0]))
    tensor([0.5000])
    """,
    rule=PROMOTE,
    types="fd",
    namespace="nn",
    method=False,
    cost=pointwise(0.2),
    vjp={"self": lambda g, self: g / square(abs(self) + 1)},
    ref=lambda x: x / (1 + abs(x)),
)

# Made of others.

Op(
    "gelu(self: Tensor, *, approximate: str = 'none') -> Tensor",
    """x Phi(x), Phi the normal distribution function; approximate="tanh" gives the tanh form.

    Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> weft._core.nn.gelu(weft.tensor([0.0]))
    tensor([0.])
    """,
    composite=True,
    namespace="nn",
    method=False,
    cost=pointwise(0.5),
    samples=[((3, 4),), ((5,), {"approximate": "tanh"})],
    batch="leading",
    out=True,
)
Op(
    "elu(self: Tensor, alpha: Number = 1.0) -> Tensor",
    """x where positive, alpha (exp(x) - 1) elsewhere.

    >>> weft._core.nn.elu(weft.tensor([1.0]))
    tensor([1.])
    """,
    composite=True,
    inplace=True,
    namespace="nn",
    method=False,
    cost=pointwise(0.3),
    samples=[((3, 4),), ((3,), 0.5)],
    ref=lambda x, alpha=1.0: __import__("numpy").where(x > 0, x, alpha * __import__("numpy").expm1(x)),
    batch="pointwise",
)
Op(
    "selu(self: Tensor) -> Tensor",
    """Scaled elu that keeps mean and variance. Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> weft.selu(weft.tensor([0.0]))
    tensor([0.])
    """,
    composite=True,
    inplace=True,
    method=False,
    cost=pointwise(0.3),
    inplace_function=True,
    samples=[((3, 4),)],
    batch="pointwise",
)
Op(
    "celu(self: Tensor, alpha: Number = 1.0) -> Tensor",
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0).

    >>> weft.celu(weft.tensor([0.0]))
    tensor([0.])
    """,
    composite=True,
    inplace=True,
    method=False,
    cost=pointwise(0.3),
    inplace_function=True,
    samples=[((3, 4),), ((3,), 0.5)],
    batch="pointwise",
)
Op(
    "prelu(self: Tensor, weight: Tensor) -> Tensor",
    """x where positive, weight * x elsewhere; one weight, or one for each channel (dimension 1).

    >>> weft.prelu(weft.tensor([-2.0, 1.0]), weft.tensor([0.5]))
    tensor([-1.,  1.])
    """,
    composite=True,
    cost=pointwise(0.3),
    samples=[((3, 4), (4,)), ((2, 3, 4), (1,)), ((5,), (1,))],
)
Op(
    "glu(self: Tensor, dim: int = -1) -> Tensor",
    """The first half along dim times the sigmoid of the second. Dauphin et al., 2016.

    >>> weft._core.nn.glu(weft.zeros(4)).shape
    weft.Size([2])
    """,
    composite=True,
    namespace="nn",
    method=False,
    cost=pointwise(0.5),
    samples=[((3, 4),), ((4, 3), 0)],
    batch="dims",
)
