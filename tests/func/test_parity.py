"""vmap and the derivatives of weft.func compute what torch.func computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch")

_SHAPES = ((3, 4), (3, 4), (3, 2, 4), (4,), (3, 5, 4))

# name: the computation, and which of the shapes above it takes.
CASES: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "sinmul": (
        lambda m, x, y: m.vmap(lambda a, b: a.sin() * b)(x, y),
        (
            0,
            1,
        ),
    ),
    "bcast": (
        lambda m, x, v: m.vmap(lambda a, b: a + b, in_dims=(0, None))(x, v),
        (
            0,
            3,
        ),
    ),
    "outer": (
        lambda m, x, v: m.vmap(m.vmap(lambda a, b: a * b, in_dims=(None, 0)), in_dims=(0, None))(v, v) + x.sum(),
        (
            0,
            3,
        ),
    ),
    "dot": (
        lambda m, x, y: m.vmap(m.dot)(x, y),
        (
            0,
            1,
        ),
    ),
    "mv": (
        lambda m, x, y: m.vmap(m.mv)(x, y),
        (
            2,
            1,
        ),
    ),
    "mm": (
        lambda m, x, y: m.vmap(lambda a, b: a @ b.T)(x, y),
        (
            2,
            4,
        ),
    ),
    "mmun": (
        lambda m, x, y: m.vmap(lambda a: a @ y.T)(x),
        (
            2,
            0,
        ),
    ),
    "sum": (lambda m, x: m.vmap(lambda a: a.sum())(x), (2,)),
    "sum0": (lambda m, x: m.vmap(lambda a: a.sum(0))(x), (2,)),
    "summ1": (lambda m, x: m.vmap(lambda a: a.mean(-1, keepdim=True))(x), (2,)),
    "max": (lambda m, x: m.vmap(lambda a: a.max())(x), (2,)),
    "maxd": (lambda m, x: m.vmap(lambda a: a.max(1).values)(x), (2,)),
    "softmax": (lambda m, x: m.vmap(lambda a: m.softmax(a, -1))(x), (2,)),
    "reshape": (lambda m, x: m.vmap(lambda a: a.reshape(-1))(x), (2,)),
    "view": (lambda m, x: m.vmap(lambda a: a.view(4, 2))(x), (2,)),
    "perm": (lambda m, x: m.vmap(lambda a: a.permute(1, 0))(x), (2,)),
    "T": (lambda m, x: m.vmap(lambda a: a.T)(x), (2,)),
    "tr": (lambda m, x: m.vmap(lambda a: a.transpose(0, 1))(x), (2,)),
    "idx": (lambda m, x: m.vmap(lambda a: a[0])(x), (2,)),
    "idx2": (lambda m, x: m.vmap(lambda a: a[:, 1:3])(x), (2,)),
    "idxt": (lambda m, x: m.vmap(lambda a: a[m.tensor([1, 0])])(x), (2,)),
    "cat": (lambda m, x: m.vmap(lambda a: m.cat([a, a], 0))(x), (2,)),
    "stack": (lambda m, x: m.vmap(lambda a: m.stack([a, a], -1))(x), (2,)),
    "unsq": (lambda m, x: m.vmap(lambda a: a.unsqueeze(-1) + a.unsqueeze(1))(x), (2,)),
    "flat": (lambda m, x: m.vmap(lambda a: a.flatten())(x), (2,)),
    "expand": (lambda m, x: m.vmap(lambda a: a.expand(5, 2, 4))(x), (2,)),
    "repeat": (lambda m, x: m.vmap(lambda a: a.repeat(2, 3))(x), (2,)),
    "indims": (lambda m, x: m.vmap(lambda a: a.sum(-1), in_dims=1, out_dims=1)(x), (2,)),
    "where": (
        lambda m, x, y: m.vmap(lambda a, b: m.where(a > 0, a, b))(x, y),
        (
            0,
            1,
        ),
    ),
    "cumsum": (lambda m, x: m.vmap(lambda a: a.cumsum(0))(x), (2,)),
    "sort": (lambda m, x: m.vmap(lambda a: a.sort(-1).values)(x), (2,)),
    "topk": (lambda m, x: m.vmap(lambda a: a.topk(2).values)(x), (2,)),
    "gather": (lambda m, x: m.vmap(lambda a: a.gather(1, m.zeros(2, 1, dtype=m.int64)))(x), (2,)),
    "std": (lambda m, x: m.vmap(lambda a: m.std(a))(x), (2,)),
    "var": (lambda m, x: m.vmap(lambda a: m.var(a, 0))(x), (2,)),
    "lin": (
        lambda m, x, w: m.vmap(lambda a: m.nn.functional.linear(a, w))(x),
        (
            2,
            0,
        ),
    ),
    "linb": (
        lambda m, x, w: m.vmap(lambda a, w: m.nn.functional.linear(a, w))(x, w),
        (
            2,
            4,
        ),
    ),
    "einsum": (
        lambda m, x, w: m.vmap(lambda a, w: m.einsum("ij,kj->ik", a, w))(x, w),
        (
            2,
            4,
        ),
    ),
    "norm": (lambda m, x: m.vmap(lambda a: m.linalg.vector_norm(a))(x), (2,)),
    "ln": (lambda m, x: m.vmap(lambda a: m.nn.functional.layer_norm(a, (4,)))(x), (2,)),
    "inplace": (lambda m, x: m.vmap(lambda a: a.clone().add_(1).mul_(a))(x), (2,)),
    "setitem": (lambda m, x: m.vmap(lambda a: (lambda b: (b.__setitem__(0, a[1]), b)[1])(a.clone()))(x), (2,)),
    "loopop": (lambda m, x: m.vmap(lambda a: m.diag(a[0]))(x), (2,)),
    "gradv": (lambda m, x: m.vmap(m.func.grad(lambda a: (a.sin() * a).sum()))(x), (2,)),
    "persample": (
        lambda m, x, w: m.vmap(m.func.grad(lambda w, a: ((a @ w.T).tanh()).sum()), in_dims=(None, 0))(w, x),
        (
            2,
            0,
        ),
    ),
    "jacrev": (lambda m, x: m.func.jacrev(lambda a: a.sin() @ a)(x), (3,)),
    "jacrev2": (lambda m, x: m.func.jacrev(lambda a: a.sin())(x), (0,)),
    "jacfwd": (lambda m, x: m.func.jacfwd(lambda a: a.sin() * a.sum())(x), (0,)),
    "hess": (lambda m, x: m.func.hessian(lambda a: (a.sin() * a.sum()).sum())(x), (3,)),
    "vmaphess": (lambda m, x: m.vmap(m.func.hessian(lambda a: (a.sin() * a.sum()).sum()))(x), (0,)),
    "vmapjvp": (
        lambda m, x, y: m.vmap(lambda a, b: m.func.jvp(lambda a: a.sin() * a[0], (a,), (b,)))(x, y),
        (
            0,
            1,
        ),
    ),
    "jvp": (
        lambda m, x, y: m.func.jvp(lambda a: a.sin() * a[0], (x,), (y,)),
        (
            0,
            1,
        ),
    ),
    "gradvmap": (
        lambda m, x, y: m.func.grad(lambda w: m.vmap(lambda a: (a * w).sin().sum())(x).sum())(y[0]),
        (
            0,
            1,
        ),
    ),
    "gradgrad": (lambda m, x: m.func.grad(lambda a: m.func.grad(lambda b: (b**3).sum())(a).sum())(x), (0,)),
    "vjpv": (
        lambda m, x, y: m.vmap(lambda v: m.func.vjp(lambda a: a.sin(), x)[1](v)[0])(m.stack([y, y])),
        (
            0,
            1,
        ),
    ),
    "jacvmapx": (lambda m, x: m.func.jacrev(m.vmap(lambda a: a.sum() * a))(x), (0,)),
    "ce": (lambda m, x: m.vmap(m.func.grad(lambda a: m.nn.functional.cross_entropy(a, m.tensor([1, 2]))))(x), (2,)),
    "emb": (lambda m, x: m.vmap(lambda i: m.nn.functional.embedding(i, x))(m.tensor([[0, 1], [2, 0]])), (0,)),
    "bmmchunk": (lambda m, x: m.vmap(lambda a: a.sum(), chunk_size=2)(x), (2,)),
    "split": (lambda m, x: m.vmap(lambda a: a.split(2, 1)[1])(x), (2,)),
    "unbind": (lambda m, x: m.vmap(lambda a: a.unbind(0)[1])(x), (2,)),
    "iter": (lambda m, x: m.vmap(lambda a: sum(r for r in a))(x), (2,)),
    "rsub": (lambda m, x: m.vmap(lambda a: 1 - a)(x), (2,)),
    "pow": (lambda m, x: m.vmap(lambda a: 2**a + a**2)(x), (2,)),
    "tri": (lambda m, x: m.vmap(lambda a: a.tril())(x), (2,)),
    "logsumexp": (lambda m, x: m.vmap(lambda a: a.logsumexp(0))(x), (2,)),
    "argmax": (lambda m, x: m.vmap(lambda a: a.argmax())(x), (2,)),
    "squeeze": (lambda m, x: m.vmap(lambda a: a[:1].squeeze(0))(x), (2,)),
    "cdist": (lambda m, x: m.vmap(lambda a: m.cdist(a, a + 1))(x), (2,)),
    "zeros_like": (lambda m, x: m.vmap(lambda a: m.zeros_like(a).copy_(a))(x), (2,)),
    "type": (lambda m, x: m.vmap(lambda a: a.double().float() + a.to(m.float64))(x), (2,)),
}


def _inputs(which: tuple[int, ...]) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in _SHAPES]
    return [arrays[i] for i in which]


def _arrays(result: Any) -> list[np.ndarray]:
    if isinstance(result, tuple | list):
        return [array for item in result for array in _arrays(item)]
    assert not result.requires_grad  # no transform leaves its graph behind
    return [result.numpy()]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's forward mode uses it
@pytest.mark.parametrize("name", CASES)
def test_func_computes_what_torch_computes(name: str) -> None:
    case, which = CASES[name]
    ours = _arrays(case(weft, *(weft.from_numpy(a) for a in _inputs(which))))
    theirs = _arrays(case(torch, *(torch.from_numpy(a) for a in _inputs(which))))
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        # A few hundred rounded operations in float32.
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
