"""Gradients, hooks, modes, views and in-place writes: what PyTorch does, to the class of the exception."""

import pytest
from oracle import agree

CASES = []


def case(function):
    CASES.append(function)
    return function


def leaf(m, v=(1.0, 2.0, 3.0), **k):
    return m.tensor(list(v), requires_grad=True, **k)


@case
def simple(m):
    x = leaf(m)
    (x * x).sum().backward()
    return x.grad


@case
def nonscalar(m):
    x = leaf(m)
    (x * 2).backward()


@case
def nograd_root(m):
    m.ones(2).sum().backward()


@case
def mismatch(m):
    x = leaf(m)
    (x * 2).backward(m.ones(2))


@case
def twice(m):
    x = leaf(m)
    y = (x * x).sum()
    y.backward()
    y.backward()


@case
def twice_linear(m):
    x = leaf(m)
    y = (x + x).sum()
    y.backward()
    y.backward()
    return x.grad


@case
def retain(m):
    x = leaf(m)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    return x.grad


@case
def version(m):
    x = leaf(m)
    y = x * 2
    z = y * y
    y.add_(1)
    z.sum().backward()


@case
def version_exp(m):
    x = leaf(m)
    y = x.exp()
    y.add_(1)
    y.sum().backward()


@case
def leaf_inplace(m):
    x = leaf(m)
    x.add_(1)


@case
def leafview_inplace(m):
    x = leaf(m)
    x[0] = 1


@case
def leafview_inplace2(m):
    x = leaf(m)
    x.view(-1).mul_(2)


@case
def unused(m):
    x = leaf(m)
    y = leaf(m)
    return m.autograd.grad((x * 2).sum(), (x, y))


@case
def unused_ok(m):
    x = leaf(m)
    y = leaf(m)
    return m.autograd.grad((x * 2).sum(), (x, y), allow_unused=True)


@case
def unused_mat(m):
    x = leaf(m)
    y = leaf(m)
    return m.autograd.grad((x * 2).sum(), (x, y), materialize_grads=True)


@case
def mat_conflict(m):
    x = leaf(m)
    y = leaf(m)
    return m.autograd.grad((x * 2).sum(), (x, y), allow_unused=False, materialize_grads=True)


@case
def grad_notreq(m):
    x = leaf(m)
    return m.autograd.grad((x * 2).sum(), m.ones(3))


@case
def grad_empty(m):
    x = leaf(m)
    return m.autograd.grad((x * 2).sum(), [])


@case
def backward_inputs(m):
    x = leaf(m)
    y = leaf(m)
    (x * y).sum().backward(inputs=[x])
    return x.grad, y.grad


@case
def backward_inputs_empty(m):
    x = leaf(m)
    (x * x).sum().backward(inputs=[])


@case
def backward_inputs_nonleaf(m):
    x = leaf(m)
    y = x * 2
    (y * y).sum().backward(inputs=[y])
    return x.grad, y.grad


@case
def create_graph(m):
    x = leaf(m)
    y = (x * x * x).sum()
    (g,) = m.autograd.grad(y, x, create_graph=True)
    (h,) = m.autograd.grad(g.sum(), x)
    return g, h


@case
def hook_replaces(m):
    x = leaf(m)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    return x.grad


@case
def hook_leaf(m):
    x = leaf(m)
    x.register_hook(lambda g: g * 10)
    (x * 1).sum().backward()
    return x.grad


@case
def hook_leaf_grad(m):
    x = leaf(m)
    x.register_hook(lambda g: g * 10)
    return m.autograd.grad((x * 1).sum(), x)


@case
def hook_order_two(m):
    x = leaf(m)
    y = x * 1
    y.register_hook(lambda g: g + 1)
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    return x.grad


@case
def hook_bad_return(m):
    x = leaf(m)
    y = x * 1
    y.register_hook(lambda g: 3)
    y.sum().backward()


@case
def hook_exc(m):
    x = leaf(m)
    y = x * 1

    def h(g):
        raise KeyError("boo")

    y.register_hook(h)
    y.sum().backward()


@case
def hook_wrongshape(m):
    x = leaf(m)
    y = x * 1
    y.register_hook(lambda g: m.ones(5))
    y.sum().backward()


@case
def hook_noreq(m):
    m.ones(2).register_hook(lambda g: None)


@case
def hook_remove(m):
    x = leaf(m)
    h = x.register_hook(lambda g: g * 10)
    h.remove()
    (x * 1).sum().backward()
    return x.grad


@case
def post_acc(m):
    x = leaf(m)
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    return seen


@case
def post_acc_nonleaf(m):
    x = leaf(m)
    y = x * 2
    y.register_post_accumulate_grad_hook(lambda p: None)


@case
def post_acc_identity(m):
    x = leaf(m)
    seen = []
    x.register_post_accumulate_grad_hook(lambda p: seen.append(p is x))
    (x * 2).sum().backward()
    return seen


@case
def retain_grad_(m):
    x = leaf(m)
    y = x * 2
    y.retain_grad()
    y.retain_grad()
    (y * y).sum().backward()
    return y.grad, y.retains_grad, x.retains_grad


@case
def retain_grad_inplace(m):
    x = leaf(m)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * y).sum().backward()
    return y.grad, x.grad


@case
def retain_grad_hook_order(m):
    x = leaf(m)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    (y * y).sum().backward()
    return y.grad, x.grad


@case
def retain_grad_leafless(m):
    m.ones(2).retain_grad()


@case
def retain_grad_leaf(m):
    x = leaf(m)
    x.retain_grad()
    (x * 2).sum().backward()
    return x.grad, x.retains_grad


@case
def retain_view_inplace(m):
    x = leaf(m, (1, 2, 3, 4.0))
    y = x * 2
    y.retain_grad()
    v = y[:2]
    v.mul_(5)
    (y * y).sum().backward()
    return y.grad, x.grad


@case
def inplace_view_of_view(m):
    x = leaf(m, (1, 2, 3, 4.0))
    y = x * 1
    v = y.view(2, 2)
    w = v[0]
    w.mul_(x[:2])
    (y * y).sum().backward()
    return x.grad


@case
def inplace_view_use_view(m):
    x = leaf(m, (1, 2, 3, 4.0))
    y = x * 1
    v = y.view(2, 2)
    w = v[0]
    y.mul_(3)
    (w * w).sum().backward()
    return x.grad, w.grad_fn is not None


@case
def inplace_view_t(m):
    x = leaf(m, (1, 2, 3, 4.0))
    y = x * 1
    v = y.view(2, 2).t()
    v[0].mul_(x[1:3])
    (v * v * m.arange(4.0).view(2, 2)).sum().backward()
    return x.grad


@case
def inplace_into_nongrad_base(m):
    x = leaf(m, (1, 2.0))
    b = m.zeros(2, 2)
    b[0] = x
    b[1] = x * x
    (b * b).sum().backward()
    return x.grad, b.requires_grad


@case
def inplace_view_nongrad_base(m):
    x = leaf(m, (1, 2.0))
    b = m.zeros(2, 2)
    v = b[0]
    v.add_(x)
    return b.requires_grad, v.requires_grad, b.is_leaf


@case
def copy_into(m):
    x = leaf(m, (1, 2.0))
    b = m.zeros(2)
    b.copy_(x * x)
    b.sum().backward()
    return x.grad


@case
def unbind_inplace(m):
    x = leaf(m, (1, 2.0))
    y = x * 1
    a, _b = y.unbind()
    a.mul_(2)
    y.sum().backward()
    return x.grad


@case
def nograd_view_inplace(m):
    x = leaf(m, (1, 2.0))
    y = x * 1
    with m.no_grad():
        v = y[0]
    v.mul_(2)
    y.sum().backward()
    return x.grad


@case
def nograd_view_inplace2(m):
    x = leaf(m, (1, 2.0))
    y = m.ones(2)
    with m.no_grad():
        v = y.view(2)
    v.mul_(x)
    return y.requires_grad, v.requires_grad


@case
def nograd_view_base_inplace(m):
    x = leaf(m, (1, 2.0))
    y = m.ones(2)
    with m.no_grad():
        v = y.view(2)
    y.mul_(x)
    return y.requires_grad, v.requires_grad


@case
def nograd_inplace_leaf(m):
    x = leaf(m, (1, 2.0))
    y = (x * x).sum()
    with m.no_grad():
        x.add_(1)
    y.backward()


@case
def nograd_inplace_leaf_ok(m):
    x = leaf(m, (1, 2.0))
    y = (x * 2).sum()
    with m.no_grad():
        x.add_(1)
    y.backward()
    return x.grad, x._version


@case
def data_write(m):
    x = leaf(m, (1, 2.0))
    y = (x * x).sum()
    x.data.add_(1)
    y.backward()
    return x.grad, x._version, x.data.requires_grad


@case
def data_assign(m):
    x = leaf(m, (1, 2.0))
    x.data = m.tensor([5.0, 6.0, 7.0])
    (x * x).sum().backward()
    return x.grad, x


@case
def grad_assign_shape(m):
    x = leaf(m)
    x.grad = m.ones(2)


@case
def grad_assign_dtype(m):
    x = leaf(m)
    x.grad = m.ones(3, dtype=m.float64)


@case
def grad_assign_type(m):
    x = leaf(m)
    x.grad = 3


@case
def grad_assign_self(m):
    x = leaf(m)
    x.grad = x


@case
def grad_assign_ok(m):
    x = leaf(m)
    g = m.ones(3)
    x.grad = g
    return x.grad is g, x.grad


@case
def grad_del(m):
    x = leaf(m)
    x.grad = m.ones(3)
    del x.grad
    return x.grad


@case
def reqgrad_int(m):
    m.ones(2, dtype=m.int64).requires_grad_()


@case
def reqgrad_int2(m):
    m.tensor([1, 2], requires_grad=True)


@case
def reqgrad_nonleaf(m):
    x = leaf(m)
    y = x * 2
    y.requires_grad = False


@case
def reqgrad_nonleaf_true(m):
    x = leaf(m)
    y = x * 2
    y.requires_grad = True
    return y


@case
def reqgrad_badtype(m):
    x = leaf(m)
    x.requires_grad = 1


@case
def detach__(m):
    x = leaf(m)
    y = x * 2
    y.detach_()
    return y, y.is_leaf


@case
def detach_view(m):
    x = leaf(m)
    y = (x * 2)[0]
    y.detach_()
    return y


@case
def detach_shares(m):
    x = leaf(m)
    y = x.detach()
    y[0] = 9
    return x, y, y.is_leaf, x._version, y._base is None, y._is_view() if hasattr(y, "_is_view") else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_agrees_with_torch(case):
    agree(case)
