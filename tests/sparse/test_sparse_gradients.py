"""Gradients through sparse tensors, and gradients that are sparse, against PyTorch's."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import weft
from tests.sparse.test_sparse_tensor import INDICES, VALUES, dense

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings("ignore:.*(nvariant|Sparse CSR|beta).*")

LOSSES = {
    "mm": lambda p, s, d: p.sparse.mm(s, d).square().sum(),
    "transposed": lambda p, s, d: p.sparse.mm(s.t(), d[:2]).square().sum(),
    "addmm": lambda p, s, d: p.sparse.addmm(d[:2], s, d, alpha=3).square().sum(),
    "to_dense": lambda p, s, d: (s.to_dense() * d.t()).square().sum(),
    "coalesce": lambda p, s, d: p.mm(s.coalesce().to_dense(), d).square().sum(),
    "sum": lambda p, s, d: p.sparse.sum(s).square(),
    "sum 0": lambda p, s, d: p.sparse.sum(s, 0).to_dense().square().sum(),
    "softmax": lambda p, s, d: p.sparse.softmax(s.coalesce(), 1).to_dense().square().sum(),
    "log_softmax": lambda p, s, d: p.sparse.log_softmax(s.coalesce(), 0).to_dense().square().sum(),
    "mul": lambda p, s, d: (s * 3).to_dense().square().sum(),
    "add": lambda p, s, d: (s + s * 2).to_dense().square().sum(),
    "sparse product": lambda p, s, d: p.sparse.mm(s, s.t()).to_dense().square().sum(),
}


def leaves(package: Any) -> tuple[Any, Any]:
    return package.tensor(VALUES, requires_grad=True), dense(package, 3, 2).requires_grad_()


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_values_and_dense_factor_are_pytorchs(loss: str) -> None:
    grads = []
    for package in (weft, torch):
        v, d = leaves(package)
        s = package.sparse_coo_tensor(package.tensor(INDICES), v, (2, 3))
        LOSSES[loss](package, s, d).backward()
        grads.append([None if x.grad is None else x.grad.to_dense().numpy() for x in (v, d)])
    for ours, theirs in zip(*grads, strict=True):
        if theirs is None:
            assert ours is None
        else:
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-5)


def test_gradient_of_a_sparse_leaf_is_sparse() -> None:
    grads = []
    for package in (weft, torch):
        s = package.sparse_coo_tensor(INDICES, VALUES, (2, 3)).coalesce().requires_grad_()
        package.sparse.mm(s, dense(package, 3, 2)).square().sum().backward()
        assert (s.grad.is_sparse, s.is_leaf, s.requires_grad) == (True, True, True)
        grads.append(s.grad.to_dense().numpy())
    np.testing.assert_allclose(*grads, rtol=2e-6)


def test_autograd_grad_takes_sparse_inputs() -> None:
    s = weft.eye(3).to_sparse().requires_grad_()
    (found,) = weft.autograd.grad((s @ weft.ones(3, 2)).sum(), s)
    assert found.to_dense().tolist() == (weft.eye(3) * 2).tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "complex64", "int64"])
def test_product_is_the_dense_one_in_every_dtype(dtype: str) -> None:
    kind = getattr(weft, dtype)
    a = (weft.arange(12).reshape(3, 4) % 5 - 1).to(kind)
    b = (weft.arange(8).reshape(4, 2) % 3).to(kind)
    for product in (a.to_sparse() @ b, a.to_sparse_csr() @ b, (b.t() @ a.t().to_sparse()).t()):
        assert product.dtype == kind
        assert product.tolist() == (a @ b).tolist()


def test_product_is_differentiable_twice() -> None:
    index = weft.tensor([[0, 0, 1], [1, 2, 0]])

    def product(v: weft.Tensor, d: weft.Tensor) -> weft.Tensor:
        return weft.sparse.mm(weft.sparse_coo_tensor(index, v, (2, 3)), d)

    v = weft.rand(3, dtype=weft.float64, requires_grad=True)
    d = weft.rand(3, 2, dtype=weft.float64, requires_grad=True)
    assert weft.autograd.gradcheck(product, (v, d))
    assert weft.autograd.gradgradcheck(product, (v, d))


def table(package: Any, **options: Any) -> Any:
    made = package.nn.Embedding(6, 3, sparse=True, **options)
    with package.no_grad():
        made.weight.copy_(dense(package, 6, 3))
    return made


@pytest.mark.parametrize("padding", [None, 2])
def test_embedding_gradient_is_the_rows_looked_up(padding: int | None) -> None:
    found = []
    for package in (weft, torch):
        embedding = table(package, padding_idx=padding)
        for rows in ([[1, 2], [5, 1]], [[0, 1]]):
            embedding(package.tensor(rows)).square().sum().backward()
        grad = embedding.weight.grad
        assert grad.is_sparse
        assert not grad.is_coalesced()
        found.append((grad.coalesce().indices().tolist(), grad.to_dense().numpy()))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-6)


def test_tied_weights_get_a_dense_gradient() -> None:
    grads = []
    for package in (weft, torch):
        embedding = table(package)
        package.nn.functional.linear(embedding(package.tensor([1, 2])), embedding.weight).square().sum().backward()
        grads.append(embedding.weight.grad)
    assert not grads[0].is_sparse
    np.testing.assert_allclose(grads[0].numpy(), grads[1].to_dense().numpy(), rtol=1e-5)


def test_sparse_gradient_of_a_computed_table_goes_on_as_dense() -> None:
    grads = []
    for package in (weft, torch):
        weight = dense(package, 4, 2).requires_grad_()
        package.nn.functional.embedding(package.tensor([1, 3, 1]), weight * 2, sparse=True).square().sum().backward()
        grads.append(weight.grad.to_dense().numpy())
    np.testing.assert_allclose(*grads, rtol=1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_embedding_bag_gradient_is_sparse(mode: str) -> None:
    grads = []
    for package in (weft, torch):
        bag = package.nn.EmbeddingBag(6, 3, sparse=True, mode=mode)
        with package.no_grad():
            bag.weight.copy_(dense(package, 6, 3))
        bag(package.tensor([1, 2, 2, 5]), package.tensor([0, 3])).square().sum().backward()
        assert bag.weight.grad.is_sparse
        grads.append(bag.weight.grad.to_dense().numpy())
    np.testing.assert_allclose(*grads, rtol=1e-5)


OPTIMIZERS = {
    "SparseAdam": lambda p, w: p.optim.SparseAdam(w, lr=0.1),
    "SparseAdam maximize": lambda p, w: p.optim.SparseAdam(w, lr=0.1, maximize=True),
    "SGD": lambda p, w: p.optim.SGD(w, lr=0.1),
    "SGD momentum": lambda p, w: p.optim.SGD(w, lr=0.1, momentum=0.9),
    "Adagrad": lambda p, w: p.optim.Adagrad(w, lr=0.1, lr_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_on_sparse_gradients_are_pytorchs(name: str) -> None:
    weights = []
    for package in (weft, torch):
        embedding = table(package)
        optimizer = OPTIMIZERS[name](package, list(embedding.parameters()))
        for step in range(6):
            optimizer.zero_grad()
            embedding(package.tensor([step % 4, 1, 1])).square().sum().backward()
            optimizer.step()
        weights.append(embedding.weight.detach().numpy())
    np.testing.assert_allclose(*weights, rtol=1e-5, atol=1e-6)


def test_other_optimizers_refuse_sparse_gradients() -> None:
    for package in (torch, weft):
        embedding = table(package)
        embedding(package.tensor([1])).sum().backward()
        with pytest.raises(RuntimeError):
            package.optim.Adam(embedding.parameters()).step()
        with pytest.raises(RuntimeError):
            package.optim.Adagrad(embedding.parameters(), weight_decay=0.1).step()
        dense_grad = package.nn.Linear(1, 1)
        dense_grad(package.ones(1, 1)).sum().backward()
        with pytest.raises(RuntimeError):
            package.optim.SparseAdam(dense_grad.parameters()).step()


def test_threads_add_sparse_gradients_to_one_table() -> None:
    embedding = table(weft)

    def work() -> None:
        for _ in range(20):
            embedding(weft.tensor([1, 3])).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert embedding.weight.grad.to_dense()[:, 0].tolist() == [0, 80, 0, 80, 0, 0]


def test_product_has_the_same_bits_at_any_thread_count() -> None:
    generator = weft.Generator().manual_seed(0)
    index = weft.randint(0, 500, (2, 20000), generator=generator)
    s = weft.sparse_coo_tensor(index, weft.randn(20000, generator=generator), (500, 500))
    d = weft.randn(500, 70, generator=generator)
    before = weft.get_num_threads()
    results = []
    for threads in (1, 4):
        weft.set_num_threads(threads)
        x = d.clone().requires_grad_()
        y = s @ x
        y.square().sum().backward()
        results.append((y.tolist(), x.grad.tolist()))
    weft.set_num_threads(before)
    assert results[0] == results[1]
    assert weft.allclose(s @ d, s.to_dense() @ d, rtol=1e-4, atol=1e-3)
