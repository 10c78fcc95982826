"""What every pair of dtypes gives or raises, as PyTorch has it: result type, values, class of error."""

import builtins
import itertools
import operator
import warnings

import pytest
from oracle import Raised, outcome, same

import weft

torch = pytest.importorskip("torch")

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "bfloat16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]
VALUES = {"bool": [True, False, True], "uint8": [3, 0, 250], "complex64": [1.5 - 2j, 0.25j, -0.5 + 1j]}
VALUES["complex128"] = VALUES["complex64"]
INTEGERS, REALS = [-3, 0, 100], [0.75, -1.5, 2.25]
NUMBERS = [True, 3, -2, 2.5, 1 + 2j]
TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 2e-5, "complex64": 2e-5}

UNARY = [
    "abs",
    "neg",
    "positive",
    "square",
    "sgn",
    "sign",
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "reciprocal",
    "sqrt",
    "exp",
    "log1p",
    "sin",
    "tanh",
    "sigmoid",
    "erf",
    "relu",
    "bitwise_not",
    "logical_not",
    "isnan",
    "isfinite",
    "signbit",
    "nan_to_num",
    "angle",
    "deg2rad",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "floor_divide",
    "remainder",
    "fmod",
    "pow",
    "maximum",
    "fmin",
    "atan2",
    "hypot",
    "copysign",
    "logaddexp",
    "xlogy",
    "nextafter",
    "heaviside",
    "eq",
    "lt",
    "logical_and",
    "bitwise_and",
    "bitwise_right_shift",
    "gcd",
]
OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "lshift", "rshift", "eq", "lt", "matmul"]
ACTIVATIONS = [
    "relu",
    "relu6",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "hardtanh",
    "leaky_relu",
    "elu",
    "hardswish",
    "hardsigmoid",
    "softshrink",
]
REDUCTIONS = ["sum", "mean", "prod", "amax", "argmax", "any", "all", "var", "norm", "count_nonzero"]


def tensor(m, dtype, *, reverse=False, zero_dim=False):
    default = REALS if "float" in dtype else INTEGERS
    values = VALUES.get(dtype, default)
    values = values[::-1] if reverse else values
    return m.tensor(values[0] if zero_dim else values, dtype=getattr(m, dtype))


def check(case, dtypes, label):
    """One comparison. Half complex numbers are PyTorch's alone, and NotImplementedError is a RuntimeError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = outcome(case, torch)
        if "complex32" in str(theirs) or "ComplexHalf" in str(theirs):
            return
        ours = outcome(case, weft)
    if isinstance(ours, Raised) and isinstance(theirs, Raised):
        agrees = issubclass(getattr(builtins, ours.kind), getattr(builtins, theirs.kind))
    else:
        agrees = same(ours, theirs, max(TOLERANCE.get(d, 1e-10) for d in dtypes))
    assert agrees, f"{label}\nweft: {ours}\ntorch: {theirs}"


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    for dtype in DTYPES:
        check(lambda m, d=dtype: getattr(m, name)(tensor(m, d)), [dtype, "float32"], dtype)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    for a, b in itertools.product(DTYPES, repeat=2):
        if name == "logaddexp" and "complex" in a + b:
            continue  # exp overflows in PyTorch; test_complex.py has it
        for zero_dim in (False, True):

            def case(m, a=a, b=b, zero_dim=zero_dim):
                return getattr(m, name)(tensor(m, a), tensor(m, b, reverse=True, zero_dim=zero_dim))

            check(case, [a, b, "float32"], (a, b, zero_dim))


@pytest.mark.parametrize("name", ["add_", "mul_", "div_", "sub_", "square_", "eq_", "copy_"])
def test_inplace(name):
    if not hasattr(torch.Tensor, name):
        assert not hasattr(weft.Tensor, name)
        return
    for a, b in itertools.product(DTYPES, repeat=2):
        others = [] if name == "square_" else [b]
        check(lambda m, a=a, o=others: getattr(tensor(m, a), name)(*(tensor(m, x) for x in o)), [a, b], (a, b))


@pytest.mark.parametrize("name", OPERATORS)
def test_numbers_on_either_side(name):
    apply = getattr(operator, name)
    for dtype, number in itertools.product(DTYPES, NUMBERS):
        if (name == "pow" and dtype == "bool") or (dtype == "bfloat16" and isinstance(number, complex)):
            continue  # True ** True is True in PyTorch for one exponent only; 1j / bfloat16 is rounded twice there
        check(lambda m, d=dtype, n=number: apply(tensor(m, d), n), [dtype, "float32"], (dtype, number))
        check(lambda m, d=dtype, n=number: apply(n, tensor(m, d)), [dtype, "float32"], (number, dtype))


@pytest.mark.parametrize("name", ["add", "sub", "addcmul", "addcdiv", "lerp", "fill_", "masked_fill", "full", "clamp"])
def test_number_arguments(name):
    calls = {
        "add": lambda m, x, n: m.add(x, x, alpha=n),
        "sub": lambda m, x, n: m.sub(x, x, alpha=n),
        "addcmul": lambda m, x, n: m.addcmul(x, x, x, value=n),
        "addcdiv": lambda m, x, n: m.addcdiv(x, x, x, value=n),
        "lerp": lambda m, x, n: m.lerp(x, x, n),
        "fill_": lambda m, x, n: x.fill_(n),
        "masked_fill": lambda m, x, n: x.masked_fill(m.tensor([True, False, True]), n),
        "full": lambda m, x, n: m.full((2,), n, dtype=x.dtype),
        "clamp": lambda m, x, n: m.clamp(x, n, 4),
    }
    for dtype, number in itertools.product(DTYPES, NUMBERS):
        check(lambda m, d=dtype, n=number: calls[name](m, tensor(m, d), n), [dtype, "float32"], (dtype, number))


@pytest.mark.parametrize("name", ["add", "mul", "remainder", "xlogy", "bitwise_and", "pow"])
def test_two_numbers(name):
    check(lambda m: getattr(m, name)(3, 2), ["float32"], name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    for dtype in DTYPES:
        if name == "hardtanh" and dtype == "uint8":
            continue  # PyTorch refuses negative limits there
        check(lambda m, d=dtype: getattr(m.nn.functional, name)(tensor(m, d)), [dtype, "float32"], dtype)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    for dtype in DTYPES:
        check(lambda m, d=dtype: getattr(m, name)(tensor(m, d)), [dtype, "float32"], dtype)


@pytest.mark.parametrize("name", ["add", "div", "sin", "sum", "prod", "cumsum", "mean"])
def test_out_decides_as_in_pytorch(name):
    arguments = {"add": 2, "div": 2}.get(name, 1)
    extra = (0,) if name in ("sum", "prod", "cumsum", "mean") else ()
    for a, b in itertools.product(DTYPES, repeat=2):
        if name == "mean" and not ("float" in a or "complex" in a):
            continue  # weft takes the dtype from out there; PyTorch asks for it to be given

        def case(m, a=a, b=b):
            inputs = [tensor(m, a) for _ in range(arguments)]
            return getattr(m, name)(*inputs, *extra, out=m.empty(0, dtype=getattr(m, b)))

        check(case, [a, b, "float32"], (a, b))


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "norm", "cumsum"])
def test_reductions_into_a_dtype(name):
    arguments = (0,) if name == "cumsum" else ()
    for a, b in itertools.product(DTYPES, repeat=2):
        if name == "norm" and torch.promote_types(getattr(torch, a), getattr(torch, b)) != getattr(torch, b):
            continue  # PyTorch refuses to narrow
        check(
            lambda m, a=a, b=b: getattr(m, name)(tensor(m, a), *arguments, dtype=getattr(m, b)),
            [a, b, "float32"],
            (a, b),
        )


@pytest.mark.parametrize("name", ["int", "float", "complex", "bool"])
def test_conversion_to_python(name):
    for dtype in DTYPES:
        check(lambda m, d=dtype: getattr(builtins, name)(tensor(m, d, zero_dim=True)), [dtype, "float32"], dtype)


@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_dtypes_there_are_not_say_so(name):
    with pytest.raises(AttributeError, match=f"no dtype {name}"):
        getattr(weft, name)


@pytest.mark.parametrize("zeros", [[], [0], [1], [0, 1], [0, 1, 2]])
def test_gradient_of_a_scattered_product_holds_at_zeros(zeros):
    def case(m):
        x = m.tensor([2.0, 0.0 if zeros == [1] else 3.0], requires_grad=True)
        source = [0.0 if i in zeros else i + 1.5 for i in range(3)]
        y = m.tensor(source, requires_grad=True)
        x.scatter_reduce(0, m.tensor([0, 0, 1]), y, "prod").sum().backward()
        return x.grad, y.grad

    check(case, ["float32"], zeros)


def test_parts_of_complex_tensors_can_be_assigned():
    def case(m):
        x = m.zeros(2, dtype=m.complex64)
        x.imag = m.ones(2)
        x.real = 3
        return x, m.isreal(x), m.is_complex(x)

    check(case, ["complex64"], "parts")
