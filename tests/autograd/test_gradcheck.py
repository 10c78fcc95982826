"""gradcheck finds wrong derivatives and passes right ones; the functional transforms agree with PyTorch."""

import pytest
from oracle import agree

import weft
from weft.autograd.gradcheck import GradcheckError


class WrongSquare(weft.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0] * 3


def doubles(*values):
    return weft.tensor(values, dtype=weft.float64, requires_grad=True)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_derivatives_pass(fast_mode):
    x, y = doubles(1.0, -2.0, 0.5), doubles(3.0, 0.25, -1.0)
    assert weft.autograd.gradcheck(lambda a, b: (a * b, a / b), (x, y), fast_mode=fast_mode)
    assert weft.autograd.gradgradcheck(lambda a, b: a * a * b, (x, y), fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_derivative_is_found(fast_mode):
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        weft.autograd.gradcheck(WrongSquare.apply, (doubles(1.0, 2.0),), fast_mode=fast_mode)
    assert not weft.autograd.gradcheck(WrongSquare.apply, (doubles(1.0),), raise_exception=False)


def test_a_value_that_only_seems_constant_is_found():
    with pytest.raises(GradcheckError):
        weft.autograd.gradcheck(lambda x: x.detach() * 2, (doubles(1.0),))


def test_something_must_require_a_gradient():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        weft.autograd.gradcheck(lambda x: x, (weft.ones(1),))


def test_inputs_keep_their_values():
    x = doubles(1.0, 2.0)
    weft.autograd.gradcheck(lambda t: t * t, (x,))
    assert x.tolist() == [1.0, 2.0]


CASES = {
    "vjp": lambda m, f, x, v: f.vjp(lambda a: a * a * 2, x, v),
    "vjp without v": lambda m, f, x, v: f.vjp(lambda a: (a * a).sum(), x),
    "vjp of two": lambda m, f, x, v: f.vjp(lambda a, b: (a * b, a + b), (x, v), (v, x)),
    "jvp": lambda m, f, x, v: f.jvp(lambda a: a * a * 2, x, v),
    "jvp of two": lambda m, f, x, v: f.jvp(lambda a, b: (a * b, a + b), (x, v), (v, x)),
    "vhp": lambda m, f, x, v: f.vhp(lambda a: (a * a * a).sum(), x, v),
    "hvp of two": lambda m, f, x, v: f.hvp(lambda a, b: (a * a * b).sum(), (x, v), (v, x)),
    "jacobian": lambda m, f, x, v: f.jacobian(lambda a: a * a, x),
    "jacobian of two": lambda m, f, x, v: f.jacobian(lambda a, b: (a * b, b.sum()), (x, v)),
    "jacobian unused": lambda m, f, x, v: f.jacobian(lambda a, b: a * 2, (x, v)),
    "jacobian strict": lambda m, f, x, v: f.jacobian(lambda a, b: a * 2, (x, v), strict=True),
    "hessian": lambda m, f, x, v: f.hessian(lambda a: (a * a * a).sum(), x),
    "hessian of two": lambda m, f, x, v: f.hessian(lambda a, b: (a * a * b).sum(), (x, v)),
    "hessian of a vector": lambda m, f, x, v: f.hessian(lambda a: a * a, x),
    "wrong size of v": lambda m, f, x, v: f.vjp(lambda a: a * a, x, v[:1]),
    "missing v": lambda m, f, x, v: f.vjp(lambda a: a * a, x),
    "no tensor": lambda m, f, x, v: f.vjp(lambda a: a * a, 3.0, v),
    "create_graph": lambda m, f, x, v: f.jacobian(lambda a: a * a * a, x.requires_grad_(), create_graph=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_functional_agrees_with_torch(case):
    agree(lambda m: case(m, m.autograd.functional, m.tensor([1.0, 2.0, 3.0]), m.tensor([0.5, -1.0, 2.0])))
