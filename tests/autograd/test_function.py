"""Operations with a derivative written in Python: the whole protocol of the context."""

import pytest
from oracle import agree

CASES = []


def case(function):
    CASES.append(function)
    return function


def leaf(m, v=(1.0, 2.0, 3.0), **k):
    return m.tensor(list(v), requires_grad=True, **k)


def mk(m, fwd, bwd=None, **extra):
    d = {"forward": staticmethod(fwd)}
    if bwd:
        d["backward"] = staticmethod(bwd)
    d.update({k: staticmethod(v) for k, v in extra.items()})
    return type("Fn", (m.autograd.Function,), d)


@case
def basic(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    x = leaf(m)
    y = F.apply(x)
    y.sum().backward()
    return y, x.grad, y.grad_fn.name()


@case
def saved(m):
    def f(ctx, x, y):
        ctx.save_for_backward(x, y)
        ctx.k = 3
        return x * y

    def b(ctx, g):
        x, y = ctx.saved_tensors
        return g * y * ctx.k, g * x

    F = mk(m, f, b)
    x = leaf(m)
    y = leaf(m)
    F.apply(x, y).sum().backward()
    return x.grad, y.grad


@case
def nongrads(m):
    F = mk(m, lambda ctx, x, k, s: x * k, lambda ctx, g: (g * 5, None, None))
    x = leaf(m)
    F.apply(x, 2, "s").sum().backward()
    return x.grad


@case
def wrongcount(m):
    F = mk(m, lambda ctx, x, k: x * k, lambda ctx, g: g)
    x = leaf(m)
    F.apply(x, 2).sum().backward()


@case
def toomany_none(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: (g, None, None))
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def needs(m):
    s = []
    F = mk(
        m,
        lambda ctx, x, y, k: (s.append(ctx.needs_input_grad), x * y)[1],
        lambda ctx, g: (s.append(ctx.needs_input_grad), (g, None, None))[1],
    )
    x = leaf(m)
    F.apply(x, m.ones(3), 2).sum().backward()
    with m.no_grad():
        F.apply(x, m.ones(3), 2)
    return s


@case
def dirty(m):
    def f(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    F = mk(m, f, lambda ctx, g: g * 2)
    x = leaf(m)
    y = x * 1
    z = F.apply(y)
    z.sum().backward()
    return z is y, x.grad, y._version


@case
def dirty_leaf(m):
    def f(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    F = mk(m, f, lambda ctx, g: g * 2)
    x = leaf(m)
    F.apply(x)


@case
def dirty_notreturned(m):
    def f(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x + 1

    F = mk(m, f, lambda ctx, g: g * 2)
    x = leaf(m)
    y = x * 1
    F.apply(y)


@case
def dirty_second(m):
    def f(ctx, a, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return a * 1, x

    F = mk(m, f, lambda ctx, g, h: (g, h * 2))
    x = leaf(m)
    y = x * 1
    _a, z = F.apply(leaf(m), y)
    z.sum().backward()
    return z is y, x.grad


@case
def dirty_view(m):
    def f(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    F = mk(m, f, lambda ctx, g: g * 2)
    x = leaf(m)
    y = x * 1
    F.apply(y[:2])
    (y * y).sum().backward()
    return y, x.grad


@case
def dirty_nograd_input(m):
    def f(ctx, x, w):
        x.mul_(w)
        ctx.mark_dirty(x)
        ctx.save_for_backward(w)
        return x

    F = mk(m, f, lambda ctx, g: (g, g))
    x = m.ones(3)
    w = leaf(m)
    z = F.apply(x, w)
    z.sum().backward()
    return z is x, w.grad, x.requires_grad


@case
def nondiff(m):
    def f(ctx, x):
        a = x * 2
        b = x * 3
        ctx.mark_non_differentiable(b)
        return a, b

    F = mk(m, f, lambda ctx, g, h: g * 2 + h)
    x = leaf(m)
    a, b = F.apply(x)
    a.sum().backward()
    return a, b, x.grad


@case
def int_out(m):
    def f(ctx, x):
        return x * 2, x.long()

    F = mk(m, f, lambda ctx, g, h: g * 2)
    x = leaf(m)
    a, b = F.apply(x)
    a.sum().backward()
    return a, b, x.grad


@case
def matgrads(m):
    s = []
    F = mk(m, lambda ctx, x: (x * 2, x * 3), lambda ctx, g, h: (s.append((g, h)), g)[1])
    x = leaf(m)
    a, _b = F.apply(x)
    a.sum().backward()
    return s


@case
def nomatgrads(m):
    s = []

    def f(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    F = mk(m, f, lambda ctx, g, h: (s.append((g, h)), g)[1])
    x = leaf(m)
    a, _b = F.apply(x)
    a.sum().backward()
    return s


@case
def setup(m):
    def f(x, k):
        return x * k

    def s(ctx, inputs, output):
        x, k = inputs
        ctx.k = k
        ctx.save_for_backward(x, output)

    F = mk(m, f, lambda ctx, g: (g * ctx.k, None), setup_context=s)
    x = leaf(m)
    F.apply(x, 4).sum().backward()
    return x.grad


@case
def nonten_out(m):
    F = mk(m, lambda ctx, x: (x * 2, 5, None), lambda ctx, *g: g[0])
    x = leaf(m)
    return F.apply(x)


@case
def list_out(m):
    F = mk(m, lambda ctx, x: [x * 2, x], lambda ctx, *g: g[0])
    x = leaf(m)
    r = F.apply(x)
    return type(r).__name__


@case
def int_only(m):
    F = mk(m, lambda ctx, x: 5, lambda ctx, *g: g[0])
    x = leaf(m)
    return F.apply(x)


@case
def kwargs(m):
    F = mk(m, lambda ctx, x, k=1: x * k, lambda ctx, *g: g[0])
    x = leaf(m)
    return F.apply(x, k=2)


@case
def exc_fwd(m):
    def f(ctx, x):
        raise KeyError("k")

    F = mk(m, f)
    F.apply(leaf(m))


@case
def exc_bwd(m):
    def b(ctx, g):
        raise KeyError("k")

    F = mk(m, lambda ctx, x: x * 2, b)
    F.apply(leaf(m)).sum().backward()


@case
def nobwd(m):
    F = mk(m, lambda ctx, x: x * 2)
    F.apply(leaf(m)).sum().backward()


@case
def badgrad(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: 3)
    F.apply(leaf(m)).sum().backward()


@case
def badshape(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: m.ones(5))
    F.apply(leaf(m)).sum().backward()


@case
def bcastgrad(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: m.ones(2, 3))
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def scalargrad(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: m.tensor(1.0))
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def nonefornone(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: None)
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def double(m):
    def f(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    def b(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x * 2

    F = mk(m, f, b)
    x = leaf(m)
    (g,) = m.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    return m.autograd.grad(g.sum(), x)


@case
def double_out(m):
    def f(ctx, x):
        y = x * x * x
        ctx.save_for_backward(x, y)
        return y

    def b(ctx, g):
        x, y = ctx.saved_tensors
        return g * y * 3 / x

    F = mk(m, f, b)
    x = leaf(m)
    (g,) = m.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    return g, m.autograd.grad(g.sum(), x)


@case
def once(m):
    @m.autograd.function.once_differentiable
    def b(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x * 2

    def f(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    F = mk(m, f, b)
    x = leaf(m)
    (g,) = m.autograd.grad(F.apply(x).sum(), x, create_graph=True)
    return m.autograd.grad(g.sum(), x)


@case
def twice(m):
    def f(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    def b(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x * 2

    F = mk(m, f, b)
    x = leaf(m)
    y = F.apply(x).sum()
    y.backward()
    y.backward()


@case
def twice_nosave(m):
    F = mk(m, lambda ctx, x: x * 2, lambda ctx, g: g * 2)
    x = leaf(m)
    y = F.apply(x).sum()
    y.backward()
    y.backward()
    return x.grad


@case
def version(m):
    def f(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    def b(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x * 2

    F = mk(m, f, b)
    x = leaf(m)
    y = x * 1
    z = F.apply(y)
    y.add_(1)
    z.sum().backward()


@case
def version_noaccess(m):
    def f(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    def b(ctx, g):
        return g

    F = mk(m, f, b)
    x = leaf(m)
    y = x * 1
    z = F.apply(y)
    y.add_(1)
    z.sum().backward()
    return x.grad


@case
def inner_grad(m):
    def f(ctx, x):
        return x * 2

    def b(ctx, g):
        with m.enable_grad():
            t = m.ones(3, requires_grad=True)
            (t * t).sum().backward()
        return g * t.grad

    F = mk(m, f, b)
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def gradmode_in_bodies(m):
    s = []
    F = mk(
        m,
        lambda ctx, x: (s.append(m.is_grad_enabled()), x * 2)[1],
        lambda ctx, g: (s.append(m.is_grad_enabled()), g)[1],
    )
    x = leaf(m)
    y = F.apply(x)
    m.autograd.grad(y.sum(), x, retain_graph=True)
    m.autograd.grad(y.sum(), x, create_graph=True)
    return s


@case
def instantiate(m):
    F = mk(m, lambda ctx, x: x)
    F()


@case
def save_notensor(m):
    def f(ctx, x):
        ctx.save_for_backward(x, 3)
        return x * 1

    F = mk(m, f, lambda c, g: g)
    return F.apply(leaf(m))


@case
def grad_fn_attr(m):
    def f(ctx, x):
        ctx.save_for_backward(x)
        ctx.foo = 5
        return x * 1

    F = mk(m, f, lambda c, g: g)
    x = leaf(m)
    y = F.apply(x)
    return y.grad_fn.saved_tensors[0] is x, y.grad_fn.foo


@case
def nested_fn(m):
    G = mk(m, lambda ctx, x: x * 3, lambda ctx, g: g * 3)
    F = mk(m, lambda ctx, x: G.apply(x) * 2, lambda ctx, g: G.apply(g) * 2)
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def vjp_name(m):
    F = mk(m, lambda ctx, x: x * 3, vjp=lambda ctx, g: g * 3)
    x = leaf(m)
    F.apply(x).sum().backward()
    return x.grad


@case
def noten_inputs(m):
    F = mk(m, lambda ctx, k: m.ones(2) * k, lambda ctx, g: None)
    y = F.apply(3)
    return y, y.requires_grad


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_agrees_with_torch(case):
    agree(case)
