"""PyTorch's own configurations of its optimizers: the same steps, states and files come out of weft's."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest

import weft
from tests.parity.twins import dtype_name, same, to_weft

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_optimizers import optim_db

STEPS = 10
# What PyTorch refuses because of the ways it computes; weft has one way.
ALLOWED = ("foreach", "betas must be either both floats or both Tensors")
# Ten steps add up the rounding of each; Muon works in bfloat16 inside, whatever the dtype.
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
CASES = [(info, sample) for info in optim_db for sample in info.optim_inputs_func(device="cpu")]
IDS = [f"{info.optim_cls.__name__}-{sample.desc}" for info, sample in CASES]
FLAGS = [(info, flag) for info in optim_db for flag in info.supported_impls if flag != "differentiable"]
DIFFERENTIABLE = [info.optim_cls.__name__ for info in optim_db if "differentiable" in info.supported_impls]


class Twins:
    """The same small model in both libraries, each with its optimizer, fed the same gradients."""

    def __init__(self, info: Any, kwargs: dict[str, Any], dtype: str, groups: bool = False) -> None:
        self.name = info.optim_cls.__name__
        if self.name == "LBFGS":
            kwargs = {"max_iter": 2, **kwargs}  # so that ten steps do not stand still after one
        self.sparse = self.name == "SparseAdam"
        generator = torch.Generator().manual_seed(0)
        shapes = [(3, 4), (5, 2)] if self.name in ("Muon", "SparseAdam") else [(3, 4), (5,), ()]
        theirs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
        self.theirs = [torch.nn.Parameter(p.to(getattr(torch, dtype))) for p in theirs]
        self.ours = [to_weft(p) for p in self.theirs]
        self.generator = generator
        self.targets: list[Any] = []
        self.their_optimizer = self.made(torch, self.theirs, kwargs, groups)
        self.our_optimizer = self.made(weft, self.ours, to_weft(kwargs), groups)

    def made(self, package: Any, params: list[Any], kwargs: dict[str, Any], groups: bool) -> Any:
        listed = [{"params": params[:1], "lr": 0.02}, {"params": params[1:]}] if groups else params
        return getattr(package.optim, self.name)(listed, **copy.deepcopy(kwargs))

    def step(self) -> None:
        targets = self.targets
        if self.name != "LBFGS" or not targets:  # which compares the gradients of one function at several places
            targets = self.targets = [
                torch.randn(p.shape, generator=self.generator, dtype=torch.float64) for p in self.theirs
            ]
        losses = []
        for package, params, optimizer in (
            (torch, self.theirs, self.their_optimizer),
            (weft, self.ours, self.our_optimizer),
        ):
            wanted = [t.to(p.dtype) for t, p in zip(targets, self.theirs, strict=True)]
            if package is weft:
                wanted = [to_weft(t) for t in wanted]

            def closure(
                package: Any = package, params: Any = params, optimizer: Any = optimizer, wanted: Any = wanted
            ) -> Any:
                optimizer.zero_grad()
                if self.sparse:  # the gradient of a table of which some rows are looked up
                    rows = package.tensor([0, 2, 0])
                    found = [package.nn.functional.embedding(rows, p, sparse=True) for p in params]
                    wanted = [t[:1] for t in wanted]
                else:
                    found = params
                loss = sum((((p - t) ** 2).sum() + p.sin().sum()) for p, t in zip(found, wanted, strict=True))
                loss.backward()
                return loss

            losses.append(optimizer.step(closure).detach())
        same(losses[1], losses[0], "loss", self.tolerance)

    @property
    def tolerance(self) -> float:
        if self.name == "Muon":
            return 3e-2
        if isinstance(self.their_optimizer.param_groups[0]["lr"], torch.Tensor):
            return TOLERANCE["float32"]  # PyTorch computes with it in its own dtype
        return TOLERANCE[dtype_name(self.theirs[0].dtype)]

    def compare_parameters(self) -> None:
        same([p.detach() for p in self.ours], [p.detach() for p in self.theirs], "parameters", self.tolerance)

    def compare(self) -> None:
        self.compare_parameters()
        ours, theirs = self.our_optimizer.state_dict(), self.their_optimizer.state_dict()
        if self.name == "LBFGS":  # leave out what is room for sums that cancel
            assert [a is None for a in ours["state"][0].pop("al")] == [a is None for a in theirs["state"][0].pop("al")]
        same(ours, theirs, "state", self.tolerance)
        same([p.grad for p in self.ours], [p.grad for p in self.theirs], "gradients", self.tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("info", "sample"), CASES, ids=IDS)
def test_ten_steps_are_pytorchs(info: Any, sample: Any, dtype: str) -> None:
    twins = Twins(info, sample.kwargs, dtype)
    assert repr(twins.our_optimizer) == repr(twins.their_optimizer)
    # In float32 the loss has settled to its last bit by then, and a line search would measure rounding.
    exact = 8 if twins.name == "LBFGS" and dtype == "float32" else STEPS
    for _ in range(exact):
        twins.step()
    twins.compare()
    for _ in range(exact, STEPS):
        twins.step()
    twins.compare_parameters()


@pytest.mark.parametrize(("info", "sample"), CASES, ids=IDS)
def test_states_are_exchanged_with_pytorch(info: Any, sample: Any) -> None:
    twins = Twins(info, sample.kwargs, "float64")
    for _ in range(3):
        twins.step()
    # Each goes on from what the other saved.
    theirs, ours = copy.deepcopy(twins.their_optimizer.state_dict()), twins.our_optimizer.state_dict()
    twins.our_optimizer.load_state_dict(to_weft(theirs))
    twins.their_optimizer.load_state_dict(to_torch(ours))
    for _ in range(3):
        twins.step()
    twins.compare()


@pytest.mark.parametrize("info", optim_db, ids=[info.optim_cls.__name__ for info in optim_db])
def test_groups_have_options_of_their_own(info: Any) -> None:
    if not info.optim_inputs_func(device="cpu") or info.optim_cls is torch.optim.LBFGS:
        pytest.skip("LBFGS has no groups")
    twins = Twins(info, {"lr": 0.01}, "float64", groups=True)
    for _ in range(3):
        twins.step()
    twins.compare()


@pytest.mark.parametrize(("info", "flag"), FLAGS, ids=[f"{info.optim_cls.__name__}-{flag}" for info, flag in FLAGS])
def test_ways_of_computing_give_the_same_steps(info: Any, flag: str) -> None:
    plain, flagged = Twins(info, {"lr": 0.01}, "float64"), Twins(info, {"lr": 0.01}, "float64")
    flagged.our_optimizer = getattr(weft.optim, flagged.name)(flagged.ours, lr=0.01, **{flag: True})
    for twins in (plain, flagged):
        for _ in range(3):
            twins.step()
    for ours, theirs in zip(flagged.ours, plain.ours, strict=True):
        assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_recorded_step_is_refused(name: str) -> None:
    with pytest.raises(NotImplementedError, match="functional_call"):
        getattr(weft.optim, name)([weft.nn.Parameter(weft.ones(1))], differentiable=True)


@pytest.mark.parametrize("info", optim_db, ids=[info.optim_cls.__name__ for info in optim_db])
def test_what_pytorch_refuses_is_refused(info: Any) -> None:
    for case in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
        sample = case.optimizer_error_input
        if any(words in sample.desc for words in ALLOWED):
            continue
        params = sample.params if sample.params is not None else [torch.nn.Parameter(torch.randn(2, 2))]
        expected = pytest.warns if issubclass(case.error_type, Warning) else pytest.raises
        # to_weft makes new parameters for the same one; a parameter that stands twice has to stay one.
        known: dict[int, Any] = {}
        with expected(case.error_type, match=case.error_regex):
            made = getattr(weft.optim, info.optim_cls.__name__)(shared(params, known), **to_weft(sample.kwargs))
            for param in known.values():
                zeros = weft.zeros_like(param)
                param.grad = zeros.to_sparse() if info.optim_cls is torch.optim.SparseAdam else zeros
            made.step(lambda: weft.zeros(()))


def shared(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, torch.Tensor):
        return known.setdefault(id(value), to_weft(value))
    if isinstance(value, dict):
        return {key: shared(item, known) for key, item in value.items()}
    return type(value)(shared(item, known) for item in value) if isinstance(value, list | tuple) else value


def to_torch(value: Any) -> Any:
    if isinstance(value, weft.Tensor):
        return torch.tensor(value.detach().numpy())
    if isinstance(value, dict):
        return {key: to_torch(item) for key, item in value.items()}
    return type(value)(to_torch(item) for item in value) if isinstance(value, list | tuple) else value
