"""PyTorch's own samples of its modules: the same text, state, results and gradients come out of weft's."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest

import weft
from tests.parity.twins import same, tensors, to_weft

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_modules import module_db


def samples(info: Any, dtype: Any, training: bool) -> list[Any]:
    torch.manual_seed(0)
    return info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)


def without_dropout(module: Any) -> None:
    """Each library draws its own random numbers: what is compared is everything else."""
    for part in module.modules():
        if "Dropout" in type(part).__name__:
            part.p = 0.0
        elif isinstance(getattr(part, "dropout", None), float):
            part.dropout = 0.0


def leaves(value: Any) -> Any:
    """A copy whose tensors are leaves of a graph of their own."""
    if isinstance(value, torch.nn.utils.rnn.PackedSequence | weft.nn.utils.rnn.PackedSequence):
        return type(value)(*(leaves(part) for part in value))
    if hasattr(value, "requires_grad"):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if isinstance(value, tuple | list):
        return type(value)(leaves(item) for item in value)
    return {key: leaves(item) for key, item in value.items()} if isinstance(value, dict) else value


def backward(outputs: list[Any], package: Any) -> None:
    """Gradients of a weighted sum of everything that came out."""
    total = None
    for output in outputs:
        if output.requires_grad:
            weights = package.linspace(0.5, 1.5, output.numel(), dtype=output.dtype).reshape(output.shape)
            part = (output * weights).sum()
            total = part if total is None else total + part
    if total is not None:
        total.backward()


def run(module: Any, args: Any, kwargs: Any, package: Any) -> dict[str, Any]:
    output = module(*args, **kwargs)
    backward(tensors(output), package)
    return {
        "output": tensors(output),
        "gradients of inputs": [tensor.grad for tensor in tensors((args, kwargs))],
        "gradients": {name: param.grad for name, param in module.named_parameters()},
        "state": dict(module.state_dict()),
    }


def check(info: Any, sample: Any, dtype: str, training: bool, with_copies: bool) -> None:
    make, call = sample.constructor_input, sample.forward_input
    theirs = info.module_cls(*make.args, **make.kwargs)
    ours = getattr(weft.nn, info.module_cls.__name__)(*to_weft(make.args), **to_weft(make.kwargs))
    assert repr(ours) == repr(theirs)
    theirs.to(getattr(torch, dtype)).train(training)
    ours.to(getattr(weft, dtype)).train(training)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    if info.is_lazy:
        for module, args in ((theirs, call.args), (ours, to_weft(call.args))):
            module(*leaves(args))
        assert repr(ours) == repr(theirs)
    ours.load_state_dict({key: to_weft(value) for key, value in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    same(dict(ours.state_dict()), dict(theirs.state_dict()), "state")
    without_dropout(theirs)
    without_dropout(ours)
    copies = [copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))] if with_copies else []
    args, kwargs = leaves(call.args), leaves(call.kwargs)
    expected = run(theirs, args, kwargs, torch)
    for module in (ours, *copies):
        same(run(module, to_weft(leaves(call.args)), to_weft(leaves(call.kwargs)), weft), expected, "run")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("training", "dtype"), [(True, "float64"), (False, "float32")], ids=["train", "eval"])
@pytest.mark.parametrize("info", module_db, ids=[info.name for info in module_db])
def test_samples_of_pytorchs_module_database(info: Any, training: bool, dtype: str) -> None:
    chosen = samples(info, getattr(torch, dtype), training)
    failures = []
    for i, sample in enumerate(chosen):
        try:
            check(info, sample, dtype, training, with_copies=i == 0)
        except Exception as error:
            make = sample.constructor_input
            failures.append(f"{i} {make.args} {make.kwargs}: {type(error).__name__} {str(error).strip()[:400]}")
    assert not failures, f"{len(failures)} of {len(chosen)}:\n" + "\n".join(failures)
