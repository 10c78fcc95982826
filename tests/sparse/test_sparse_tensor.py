"""Sparse tensors against PyTorch's: what they hold, how they print, what functions make of them."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch")

INDICES = [[0, 1, 1, 0], [2, 0, 2, 2]]
VALUES = [3.0, 4.0, 5.0, -1.5]


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(nvariant|Sparse CSR|beta).*")
        yield


def coo(package: Any, coalesce: bool = False, dtype: str = "float32", **options: Any) -> Any:
    made = package.sparse_coo_tensor(INDICES, VALUES, (2, 3), dtype=getattr(package, dtype), **options)
    return made.coalesce() if coalesce else made


def csr(package: Any) -> Any:
    return coo(package, True).to_sparse_csr()


def dense(package: Any, *shape: int) -> Any:
    values = np.random.default_rng(shape).standard_normal(shape).astype(np.float32)
    return package.from_numpy(values)


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, tuple):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b)
        return
    if not isinstance(theirs, torch.Tensor):
        assert ours == theirs
        return
    assert str(ours.layout) == str(theirs.layout)
    assert str(ours.dtype).split(".")[1] == str(theirs.dtype).split(".")[1]
    assert tuple(ours.shape) == tuple(theirs.shape)
    a, b = ours.detach().to_dense(), theirs.detach().to_dense()
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-6, atol=1e-6)


UNARY = ("abs", "asin", "atan", "ceil", "erf", "expm1", "floor", "neg", "relu", "round", "sgn", "sign", "sin", "sinh",
         "sqrt", "square", "tan", "tanh", "trunc", "isnan", "isinf", "log1p", "deg2rad")  # fmt: skip

CALLS = {
    "to_dense": lambda p, s: s.to_dense(),
    "coalesce": lambda p, s: s.coalesce().values(),
    "coalesced indices": lambda p, s: s.coalesce().indices(),
    "nnz": lambda p, s: (s._nnz(), s.coalesce()._nnz(), s.sparse_dim(), s.dense_dim(), s.is_coalesced()),
    "uncoalesced parts": lambda p, s: (s._indices(), s._values()),
    "geometry": lambda p, s: (tuple(s.shape), s.size(0), s.dim(), s.ndim, s.numel(), len(s), s.is_sparse, s.is_sparse_csr),
    "mm": lambda p, s: p.mm(s, dense(p, 3, 2)),
    "spmm": lambda p, s: p.spmm(s, dense(p, 3, 2)),
    "sparse.mm": lambda p, s: p.sparse.mm(s, dense(p, 3, 2)),
    "@": lambda p, s: s @ dense(p, 3, 2),
    "matmul": lambda p, s: p.matmul(s, dense(p, 3, 2)),
    "method mm": lambda p, s: s.mm(dense(p, 3, 2)),
    "dense @ sparse": lambda p, s: dense(p, 4, 2) @ s,
    "mv": lambda p, s: p.mv(s, dense(p, 3)),
    "@ vector": lambda p, s: s @ dense(p, 3),
    "transposed product": lambda p, s: p.sparse.mm(s.t(), dense(p, 2, 5)),
    "sparse @ sparse": lambda p, s: p.sparse.mm(s, s.t()),
    "sparse.addmm": lambda p, s: p.sparse.addmm(dense(p, 2, 2), s, dense(p, 3, 2), beta=0.5, alpha=2.0),
    "addmm": lambda p, s: p.addmm(dense(p, 2, 2), s, dense(p, 3, 2)),
    "add": lambda p, s: s + s.t().t() * 2,
    "add alpha": lambda p, s: p.add(s, s, alpha=3),
    "sub": lambda p, s: s - s * 0.5,
    "dense + sparse": lambda p, s: dense(p, 2, 3) + s,
    "dense - sparse": lambda p, s: dense(p, 2, 3) - s,
    "dense.add_": lambda p, s: dense(p, 2, 3).add_(s, alpha=2),
    "transposed.add_": lambda p, s: dense(p, 3, 2).t().add_(s),
    "mul scalar": lambda p, s: 2 * s,
    "mul dense": lambda p, s: s * dense(p, 2, 3),
    "mul sparse": lambda p, s: s * p.sparse_coo_tensor([[0, 1], [2, 1]], [2.0, 7.0], (2, 3)),
    "div": lambda p, s: s / 4,
    "pow": lambda p, s: s**2,
    "t": lambda p, s: s.t(),
    "T": lambda p, s: s.T,
    "transpose": lambda p, s: p.transpose(s, 0, 1),
    "permute": lambda p, s: s.permute(1, 0),
    "sum": lambda p, s: s.sum(),
    "sparse.sum": lambda p, s: p.sparse.sum(s),
    "sparse.sum 0": lambda p, s: p.sparse.sum(s, 0),
    "sparse.sum 1": lambda p, s: p.sparse.sum(s, dim=[1]),
    "sparse.sum both": lambda p, s: p.sparse.sum(s, (0, 1)),
    "sum keepdim": lambda p, s: s.sum(0, keepdim=True),
    "softmax": lambda p, s: p.sparse.softmax(s, 1),
    "softmax 0": lambda p, s: p.sparse.softmax(s, dim=0),
    "log_softmax": lambda p, s: p.sparse.log_softmax(s, 1),
    "sparse_mask": lambda p, s: dense(p, 2, 3).sparse_mask(s.coalesce()),
    "clone": lambda p, s: s.clone(),
    "detach": lambda p, s: s.detach(),
    "double": lambda p, s: s.double(),
    "to": lambda p, s: s.to(p.float64),
    "to cpu": lambda p, s: s.to("cpu").cpu(),
    "zeros_like": lambda p, s: p.zeros_like(s),
    "select": lambda p, s: s[1],
    "element": lambda p, s: s[0, 2],
    "unbind": lambda p, s: s.unbind(),
    "index_select": lambda p, s: s.index_select(1, p.tensor([2, 2, 0])),
    "cat": lambda p, s: p.cat([s, s], 1),
    "stack": lambda p, s: p.stack([s, s]),
    "unsqueeze": lambda p, s: s.unsqueeze(0),
    "norm": lambda p, s: s.norm(),
    "csr": lambda p, s: s.to_sparse_csr(),
    "csr parts": lambda p, s: (csr(p).crow_indices(), csr(p).col_indices(), csr(p).values()),
    "csr @ dense": lambda p, s: csr(p) @ dense(p, 3, 2),
    "csr dense": lambda p, s: csr(p).to_dense(),
    "csr to coo": lambda p, s: csr(p).to_sparse(),
    "csr scaled": lambda p, s: csr(p) * 2,
    "csr + csr": lambda p, s: csr(p) + csr(p),
    "sampled_addmm": lambda p, s: p.sparse.sampled_addmm(csr(p), dense(p, 2, 4), dense(p, 4, 3), beta=0.5),
    "dense.to_sparse": lambda p, s: dense(p, 2, 3, 2).relu().to_sparse(),
    "hybrid": lambda p, s: dense(p, 4, 3, 2).to_sparse(1)._indices(),
    "dense.to_sparse_csr": lambda p, s: dense(p, 4, 3).relu().to_sparse_csr(),
    "dense.to_dense": lambda p, s: dense(p, 4, 3).to_dense(),
    "dense layout": lambda p, s: (dense(p, 2).sparse_dim(), dense(p, 2).dense_dim(), str(dense(p, 2).layout)),
    "type": lambda p, s: s.type(),
    "device": lambda p, s: str(s.device),
    **{f"unary {name}": (lambda p, s, name=name: getattr(s, name)()) for name in UNARY},
}  # fmt: skip


@pytest.mark.parametrize("coalesced", [False, True])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_call_gives_what_pytorch_gives(call: str, coalesced: bool) -> None:
    with np.errstate(all="ignore"):
        assert_same(CALLS[call](weft, coo(weft, coalesced)), CALLS[call](torch, coo(torch, coalesced)))


OVERLOADS = {
    "size only": lambda p: p.sparse_coo_tensor((2, 3)),
    "size keyword": lambda p: p.sparse_coo_tensor(size=(2, 3), dtype=p.float64),
    "inferred": lambda p: p.sparse_coo_tensor(p.tensor(INDICES), p.tensor(VALUES)),
    "hybrid": lambda p: p.sparse_coo_tensor([[0, 2]], [[1.0, 2.0], [3.0, 4.0]], (3, 2)),
    "integers": lambda p: p.sparse_coo_tensor([[0, 2]], [1, 2]),
    "no values": lambda p: p.sparse_coo_tensor(p.zeros(2, 0, dtype=p.int64), p.zeros(0), (2, 3)),
    "leaf": lambda p: p.sparse_coo_tensor(INDICES, VALUES, (2, 3), requires_grad=True),
    "vector of one": lambda p: p.sparse_coo_tensor([[0]], [1.0], (1,)),
    "coalesced": lambda p: coo(p, True),
    "double": lambda p: coo(p, dtype="float64"),
    "long": lambda p: p.sparse_coo_tensor([list(range(30))], [float(i) for i in range(30)], (30,)),
    "csr": csr,
    "csr inferred": lambda p: p.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [1.0, 2.0, 3.0]),
    "csr double": lambda p: p.sparse_csr_tensor([0, 1, 3], [2, 0, 2], [1.0, 2, 3], (2, 3), dtype=p.float64),
    "compressed": lambda p: p.sparse_compressed_tensor([0, 1], [0], [1.0], (1, 1), layout=p.sparse_csr),
}


@pytest.mark.parametrize("overload", OVERLOADS)
@pytest.mark.filterwarnings("ignore")
def test_made_and_printed_as_pytorchs(overload: str) -> None:
    ours, theirs = OVERLOADS[overload](weft), OVERLOADS[overload](torch)
    assert_same(ours, theirs)
    assert repr(ours).replace("weft.", "torch.") == repr(theirs)
    assert isinstance(ours, weft.Tensor)
    assert weft.is_tensor(ours)


BAD = {
    "outside": (RuntimeError, lambda p: p.sparse_coo_tensor([[0, 5]], [1.0, 2.0], (3,))),
    "negative": (RuntimeError, lambda p: p.sparse_coo_tensor([[0, -1]], [1.0, 2.0], (3,))),
    "counts differ": (RuntimeError, lambda p: p.sparse_coo_tensor([[0, 1]], [1.0], (3,))),
    "dims differ": (RuntimeError, lambda p: p.sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3, 2))),
    "uncoalesced": (RuntimeError, lambda p: coo(p).indices()),
    "to numpy": (TypeError, lambda p: coo(p).numpy()),
    "no rule": (NotImplementedError, lambda p: coo(p).exp()),
    "sizes": (RuntimeError, lambda p: coo(p) @ p.ones(2, 2)),
    "dtypes": (RuntimeError, lambda p: coo(p) @ p.ones(3, 2, dtype=p.float64)),
    "dense values": (RuntimeError, lambda p: p.ones(2).indices()),
    "dense rows": (RuntimeError, lambda p: p.ones(2).crow_indices()),
    "by sparse": (RuntimeError, lambda p: coo(p) / coo(p)),
    "view": (RuntimeError, lambda p: coo(p).view(6)),
    "storage": (NotImplementedError, lambda p: coo(p).untyped_storage()),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore")
def test_misuse_raises_as_in_pytorch(case: str) -> None:
    error, call = BAD[case]
    for package in (torch, weft) if case not in ("outside", "negative") else (weft,):
        with pytest.raises(error):
            call(package)


@pytest.mark.parametrize(
    ("crow", "col"), [([0, 1, 1], [0, 1]), ([0, 2, 1], [0]), ([1, 1, 2], [0, 1]), ([0, 1, 2], [0, 9]), ([0, 1, 2], [0, -1])]
)  # fmt: skip
def test_rows_that_make_no_matrix_are_refused(crow: list[int], col: list[int]) -> None:
    with pytest.raises(RuntimeError):
        weft.sparse_csr_tensor(crow, col, [1.0] * len(col), (2, 3))


def test_indices_written_later_are_checked_by_the_product() -> None:
    a = csr(weft)
    a.col_indices()[0] = 100
    with pytest.raises(IndexError, match="out of range"):
        a @ weft.ones(3, 2)


def test_refusal_names_the_operator_and_the_way_out() -> None:
    with pytest.raises(NotImplementedError, match=r"cumsum: .*sparse.*to_dense\(\)"):
        coo(weft).cumsum(0)
    with pytest.raises(NotImplementedError, match="to_dense"):
        weft.ones(2, 3).copy_(coo(weft))


@pytest.mark.parametrize("make", [coo, lambda p: coo(p, True), csr], ids=["coo", "coalesced", "csr"])
def test_copies_and_files_keep_a_sparse_tensor(make: Any, tmp_path: Any) -> None:
    made = make(weft)
    path = tmp_path / "sparse.pt"
    weft.save({"a": made}, path)
    for kept in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), weft.load(path)["a"]):
        assert repr(kept) == repr(made)
    assert repr(torch.load(path)["a"]) == repr(make(torch))
    torch.save({"a": make(torch)}, path)
    assert repr(weft.load(path)["a"]) == repr(made)


def test_deepcopy_of_a_leaf_wants_its_gradient() -> None:
    assert copy.deepcopy(coo(weft, requires_grad=True)).requires_grad


def test_parts_of_a_file_are_checked() -> None:
    rebuild = weft._utils._rebuild_sparse_tensor
    with pytest.raises(RuntimeError, match="found index 9"):
        rebuild(weft.sparse_coo, (weft.tensor([[0, 9]]), weft.ones(2), (3,), True))
    with pytest.raises(RuntimeError, match="is_coalesced"):
        rebuild(weft.sparse_coo, (weft.tensor([[1, 0]]), weft.ones(2), (3,), True))


def test_in_place_operations_change_the_tensor() -> None:
    s = coo(weft, True)
    expected = s.to_dense() * 2 + s.to_dense()
    s.mul_(2).add_(coo(weft))
    assert weft.allclose(s.to_dense(), expected)
    assert s.zero_()._nnz() == 0
