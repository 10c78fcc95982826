"""In-place writes, views, modes and leaves: what PyTorch does, to the class of the exception."""

import pytest
from oracle import agree

CASES = []


def case(function):
    CASES.append(function)
    return function


def leaf(m, v=(1.0, 2.0, 3.0), **k):
    return m.tensor(list(v), requires_grad=True, **k)


@case
def promote(m):
    x = leaf(m)
    y = leaf(m, dtype=m.float64)
    (x * y).sum().backward()
    return x.grad, y.grad


@case
def promote_half(m):
    x = leaf(m, dtype=m.float16)
    y = leaf(m)
    (x * y).sum().backward()
    return x.grad, y.grad


@case
def broadcast(m):
    x = leaf(m)
    y = m.ones(2, 1, requires_grad=True)
    s = m.tensor(2.0, requires_grad=True)
    (x * y * s).sum().backward()
    return x.grad, y.grad, s.grad


@case
def zero_dim_double(m):
    x = leaf(m)
    s = m.tensor(2.0, dtype=m.float64, requires_grad=True)
    (x * s).sum().backward()
    return x.grad, s.grad


@case
def grad_outputs_dtype(m):
    x = leaf(m)
    (x * 2).backward(m.ones(3, dtype=m.float64))
    return x.grad


@case
def grad_outputs_reqgrad(m):
    x = leaf(m)
    v = m.ones(3, requires_grad=True)
    (g,) = m.autograd.grad(x * x, x, v, create_graph=True)
    return m.autograd.grad(g.sum(), v)


@case
def two_roots(m):
    x = leaf(m)
    m.autograd.backward([(x * 2).sum(), (x * 3).sum()])
    return x.grad


@case
def two_roots_grads(m):
    x = leaf(m)
    m.autograd.backward([x * 2, (x * 3).sum()], [m.ones(3), None])
    return x.grad


@case
def roots_count(m):
    x = leaf(m)
    m.autograd.backward([x * 2, x * 3], [m.ones(3)])
    return x.grad


@case
def root_is_leaf(m):
    x = m.tensor(3.0, requires_grad=True)
    x.backward()
    return x.grad


@case
def grad_of_self(m):
    x = m.tensor(3.0, requires_grad=True)
    return m.autograd.grad(x, x)


@case
def grad_same_twice(m):
    x = leaf(m)
    return m.autograd.grad((x * x).sum(), (x, x))


@case
def grad_nonleaf_and_leaf(m):
    x = leaf(m)
    y = x * 2
    z = (y * y).sum()
    return m.autograd.grad(z, (x, y))


@case
def expand_grad(m):
    x = m.tensor([[1.0], [2.0]], requires_grad=True)
    y = x.expand(2, 3)
    (y * m.arange(6.0).view(2, 3)).sum().backward()
    return x.grad


@case
def expand_inplace(m):
    x = m.ones(2, 1)
    x.expand(2, 3).add_(1)


@case
def inference(m):
    with m.inference_mode():
        x = m.ones(2)
    return x.is_inference(), x.requires_grad


@case
def inference_save(m):
    with m.inference_mode():
        x = m.ones(2)
    y = leaf(m, (1, 2.0))
    return x * y


@case
def inference_inplace(m):
    with m.inference_mode():
        x = m.ones(2)
    x.add_(1)


@case
def inference_reqgrad(m):
    with m.inference_mode():
        x = m.ones(2)
    x.requires_grad_()


@case
def inference_view_normal(m):
    x = m.ones(2)
    with m.inference_mode():
        v = x[0]
    return v.is_inference()


@case
def inference_normal_inplace(m):
    x = m.ones(2)
    with m.inference_mode():
        x.add_(1)
    return x, x._version, x.is_inference()


@case
def inference_version(m):
    with m.inference_mode():
        x = m.ones(2)
    return x._version


@case
def inference_back(m):
    x = leaf(m)
    with m.inference_mode():
        y = (x * 2).sum()
    y.backward()


@case
def modes(m):
    out = []
    with m.no_grad():
        out.append(m.is_grad_enabled())
        with m.enable_grad():
            out.append(m.is_grad_enabled())
        with m.set_grad_enabled(True):
            out.append(m.is_grad_enabled())
        out.append(m.is_grad_enabled())
    m.set_grad_enabled(False)
    out.append(m.is_grad_enabled())
    m.set_grad_enabled(True)
    out.append(m.is_grad_enabled())
    with m.inference_mode():
        out.append((m.is_grad_enabled(), m.is_inference_mode_enabled()))
    with m.inference_mode():
        with m.inference_mode(False):
            out.append((m.is_grad_enabled(), m.is_inference_mode_enabled()))
        with m.enable_grad():
            out.append((m.is_grad_enabled(), m.is_inference_mode_enabled(), (m.ones(2)).is_inference()))
    return out


@case
def deco(m):
    @m.no_grad()
    def f():
        return m.is_grad_enabled()

    @m.no_grad
    def g():
        return m.is_grad_enabled()

    @m.set_grad_enabled(False)
    def h():
        return m.is_grad_enabled()

    @m.inference_mode()
    def i():
        return m.is_grad_enabled()

    return f(), g(), h(), i(), m.is_grad_enabled(), f.__name__


@case
def deco_gen(m):
    @m.no_grad()
    def f():
        x = yield m.is_grad_enabled()
        try:
            yield (x, m.is_grad_enabled())
        except ValueError:
            yield ("caught", m.is_grad_enabled())
        return "ret"

    def outer():
        r = yield from f()
        yield r

    g = outer()
    a = next(g)
    o = [a, m.is_grad_enabled()]
    o.append(g.send(5))
    o.append(g.throw(ValueError("x")))
    o.append(next(g))
    return o


@case
def deco_gen_close(m):
    log = []

    @m.no_grad()
    def f():
        try:
            yield 1
        finally:
            log.append(m.is_grad_enabled())

    g = f()
    next(g)
    g.close()
    return log, m.is_grad_enabled()


@case
def deco_class(m):
    @m.no_grad()
    class A:
        def __init__(self):
            self.e = m.is_grad_enabled()

    return A().e


@case
def nested_same(m):
    ng = m.no_grad()
    with ng:
        pass
    with ng:
        a = m.is_grad_enabled()
    return a, m.is_grad_enabled()


@case
def node_hooks(m):
    x = leaf(m)
    y = x * 2
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.sum().backward()
    return seen, x.grad


@case
def node_meta(m):
    x = leaf(m)
    y = x * 2
    y.grad_fn.metadata["a"] = 1
    return y.grad_fn.metadata


@case
def node_hash(m):
    x = leaf(m)
    y = x * 2
    return len({y.grad_fn, y.grad_fn}), y.grad_fn is y.grad_fn


@case
def int_grad_none(m):
    x = leaf(m)
    y = x.long()
    return y.requires_grad, y.is_leaf


@case
def grad_of_unrelated_dtype(m):
    x = leaf(m)
    y = x.double().half().float()
    y.sum().backward()
    return x.grad


@case
def setitem_grad(m):
    x = leaf(m)
    y = m.zeros(3)
    y[1:] = x[:2] * 2
    y[m.tensor([0])] = x[2]
    (y * y).sum().backward()
    return x.grad


@case
def setitem_mask(m):
    x = leaf(m)
    y = x * 1
    y[m.tensor([True, False, True])] = x[:2]
    (y * y).sum().backward()
    return x.grad


@case
def mul_self_inplace(m):
    x = leaf(m)
    y = x * 1
    y.mul_(y)
    y.sum().backward()
    return x.grad


@case
def add_self_inplace(m):
    x = leaf(m)
    y = x * 1
    y.add_(y)
    y.sum().backward()
    return x.grad


@case
def out_grad(m):
    x = leaf(m)
    m.add(x, x, out=m.empty(3))


@case
def out_into_grad(m):
    x = leaf(m)
    m.add(m.ones(3), m.ones(3), out=x)


@case
def out_into_nonleaf(m):
    x = leaf(m)
    y = x * 1
    m.add(m.ones(3), m.ones(3), out=y)
    return y


@case
def deep(m):
    x = leaf(m)
    y = x
    for _ in range(2000):
        y = y + 1
    y.sum().backward()
    return x.grad


@case
def version_count(m):
    x = m.ones(3)
    a = [x._version]
    x.add_(1)
    a.append(x._version)
    x[0] = 2
    a.append(x._version)
    v = x[0]
    v.mul_(2)
    a.append((x._version, v._version))
    x.detach().add_(1)
    a.append(x._version)
    x.data.add_(1)
    a.append(x._version)
    x.zero_()
    x.fill_(2)
    a.append(x._version)
    x.copy_(m.ones(3))
    a.append(x._version)
    x.requires_grad_()
    a.append(x._version)
    return a


@case
def hook_on_multi_use(m):
    x = leaf(m)
    y = x * 1
    c = []
    y.register_hook(lambda g: c.append(g))
    (y + y * 2).sum().backward()
    return c


@case
def hook_inplace_after(m):
    x = leaf(m)
    y = x * 1
    c = []
    y.register_hook(lambda g: c.append(("a", g)))
    y.mul_(2)
    y.register_hook(lambda g: c.append(("b", g)))
    y.sum().backward()
    return c


@case
def reentrant(m):
    x = leaf(m)
    y = x * 1
    z = leaf(m)

    def h(g):
        (z * z).sum().backward()
        return g * 2

    y.register_hook(h)
    y.sum().backward()
    return x.grad, z.grad


@case
def grad_is_grad(m):
    x = leaf(m)
    (x * 2).sum().backward()
    return x.grad is x.grad


@case
def accum_inplace(m):
    x = leaf(m)
    (x * 2).sum().backward()
    g = x.grad
    (x * 2).sum().backward()
    return x.grad is g, g


@case
def accum_create_graph(m):
    x = leaf(m)
    (x * x).sum().backward(create_graph=True)
    g = x.grad
    (x * x).sum().backward(create_graph=True)
    return x.grad is g, g, x.grad


@case
def grad_layout(m):
    x = m.ones(2, 3).t().requires_grad_()
    (x * x).sum().backward()
    return x.grad.stride()


@case
def grad_not_alias(m):
    x = leaf(m)
    g = m.ones(3)
    (x * 1).backward(g)
    x.grad.add_(1)
    return g


@case
def grad_not_alias2(m):
    x = leaf(m)
    y = leaf(m)
    (x + y).backward(m.ones(3))
    x.grad.add_(1)
    return y.grad


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_agrees_with_torch(case):
    agree(case)
