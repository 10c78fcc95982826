"""Optimizers behave as PyTorch's; that their steps and states are the same is tests/parity/test_optimizers.py."""

import copy
import inspect
import io

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch")

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True}),
    ("Adam", {"lr": 0.1, "maximize": True, "betas": (0.5, 0.9)}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.3}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1, "betas": (0.9, 0.9)}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {"lr": 0.1, "t0": 2, "weight_decay": 0.1}),
    ("Rprop", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1, "weight_decay": 0.1, "d": 2.0}),
    ("Muon", {"lr": 0.1}),
    ("Muon", {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw"}),
]


def parameters(package, shapes):
    generator = np.random.default_rng(0)
    return [
        package.nn.Parameter(package.tensor(generator.standard_normal(shape).astype(np.float32))) for shape in shapes
    ]


def take_step(package, optimizer, params, i):
    generator = np.random.default_rng(i)
    optimizer.zero_grad()
    for param in params:
        param.grad = package.tensor(generator.standard_normal(tuple(param.shape)).astype(np.float32))
    optimizer.step()


def assert_close(ours, theirs, rtol=2e-5, atol=2e-6):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}-{o}" for n, o in CASES])
def test_a_loaded_state_goes_on_as_if_nothing_happened(name, options):
    shapes = [(3, 4), (5, 2)] if name == "Muon" else [(3, 4), (5,)]
    params = parameters(weft, shapes)
    optimizer = getattr(weft.optim, name)(params, **options)
    for i in range(3):
        take_step(weft, optimizer, params, i)
    copies = [weft.nn.Parameter(param.detach().clone()) for param in params]
    other = getattr(weft.optim, name)(copies, **options)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for i in range(3, 6):
        take_step(weft, optimizer, params, i)
        take_step(weft, other, copies, i)
    for param, copied in zip(params, copies, strict=True):
        np.testing.assert_array_equal(param.detach().numpy(), copied.detach().numpy())


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_follows_pytorch(line_search):
    def run(package):
        x = package.nn.Parameter(package.tensor([-0.5, 0.7], dtype=package.float64))
        optimizer = package.optim.LBFGS([x], lr=0.1 if line_search is None else 1.0, line_search_fn=line_search)

        def closure():
            optimizer.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss

        return [optimizer.step(closure).item() for _ in range(4)], x

    (ours, our_x), (theirs, their_x) = run(weft), run(torch)
    np.testing.assert_allclose(ours, theirs, rtol=1e-7)
    assert_close(our_x, their_x, 1e-7, 0)


def test_sparse_adam_leaves_untouched_rows_alone():
    (table,) = parameters(weft, [(4, 2)])
    before = table.detach().clone()
    optimizer = weft.optim.SparseAdam([table], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        weft.nn.functional.embedding(weft.tensor([1]), table, sparse=True).sum().backward()
        optimizer.step()
    changed = (table.detach() != before).any(1).tolist()
    assert changed == [False, True, False, False]


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES} | {"LBFGS", "SparseAdam"}))
def test_optimizer_takes_pytorchs_arguments(name):
    def signature(package):
        parameters = inspect.signature(getattr(package.optim, name).__init__).parameters.values()
        return [(p.name, p.kind, p.default) for p in parameters]

    assert signature(weft) == signature(torch)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": -1.0}),
        ("SGD", {"momentum": -1}),
        ("SGD", {"nesterov": True}),
        ("Adam", {"betas": (1.0, 0.9)}),
        ("Adam", {"eps": -1.0}),
        ("AdamW", {"weight_decay": -1.0}),
        ("RMSprop", {"alpha": -1.0}),
        ("Adadelta", {"rho": 2.0}),
        ("Rprop", {"etas": (2.0, 3.0)}),
        ("Adafactor", {"d": 0.5}),
        ("Muon", {"adjust_lr_fn": "x"}),
    ],
)
def test_bad_options_raise_value_error_as_in_pytorch(name, options):
    for package in (torch, weft):
        with pytest.raises(ValueError):  # noqa: PT011  # the messages are each package's own
            getattr(package.optim, name)(parameters(package, [(2, 2)]), **options)


def test_optimizer_errors_are_pytorchs():
    for package in (torch, weft):
        sgd, (a, b) = package.optim.SGD, parameters(package, [(2,), (3,)])
        with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
            sgd([])
        with pytest.raises(TypeError, match="params argument given to the optimizer should be an iterable"):
            sgd(a)
        with pytest.raises(TypeError, match="optimizer can only optimize Tensors, but one of the params is"):
            sgd([1])
        with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
            sgd([a * 2])
        with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
            sgd([{"params": [a]}, {"params": [a, b]}])
        with pytest.raises(TypeError, match="optimizer parameters need to be organized in ordered collections"):
            sgd([{"params": {a}}])
        with pytest.raises(ValueError, match="loaded state dict has a different number of parameter groups"):
            sgd([a]).load_state_dict(sgd([{"params": [a]}, {"params": [b]}]).state_dict())
        with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
            sgd([a]).load_state_dict(sgd([a, b]).state_dict())


def test_named_parameters_are_kept_by_name():
    model = weft.nn.Linear(2, 2)
    optimizer = weft.optim.SGD(model.named_parameters(), lr=0.1)
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]


def test_groups_have_options_of_their_own():
    a, b = parameters(weft, [(2,), (3,)])
    optimizer = weft.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]


def test_zero_grad_drops_or_zeroes():
    (a,) = parameters(weft, [(2,)])
    optimizer = weft.optim.SGD([a], lr=0.1)
    a.sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0, 0]
    optimizer.zero_grad()
    assert a.grad is None
    a.sum().backward()
    optimizer.zero_grad(False)
    assert a.grad.tolist() == [0, 0]
    with pytest.raises(TypeError, match="unexpected keyword argument 'to_none'"):
        optimizer.zero_grad(to_none=True)
    with pytest.raises(TypeError, match="at most 1 argument"):
        optimizer.zero_grad(True, set_to_none=True)


def test_step_runs_hooks_around_it_and_returns_the_closures_loss():
    (a,) = parameters(weft, [(2,)])
    optimizer = weft.optim.SGD([a], lr=0.1)
    events = []
    optimizer.register_step_pre_hook(lambda *_: events.append("pre"))
    handle = optimizer.register_step_post_hook(lambda *_: events.append("post"))
    assert optimizer.step(lambda: events.append("closure") or 7) == 7
    handle.remove()
    optimizer.step()
    assert events == ["pre", "closure", "post", "pre"]


def test_closure_runs_with_gradients_enabled():
    (a,) = parameters(weft, [(2,)])
    with weft.no_grad():
        assert weft.optim.SGD([a], lr=0.1).step(weft.is_grad_enabled)


def test_optimizer_can_be_pickled_by_state():
    import pickle

    (a,) = parameters(weft, [(2,)])
    optimizer = weft.optim.SGD([a], lr=0.1, momentum=0.9)
    take_step(weft, optimizer, [a], 0)
    stream = io.BytesIO(pickle.dumps(optimizer))
    assert pickle.load(stream).param_groups[0]["lr"] == 0.1


def test_hooks_of_all_optimizers_and_of_one_run_in_order_and_may_change_arguments():
    (a,) = parameters(weft, [(2,)])
    optimizer, events = weft.optim.SGD([a], lr=0.1), []

    def note(name, result=None):
        def hook(owner, args, kwargs):
            events.append((name, owner is optimizer, args[1:], kwargs))
            return result

        return hook

    def closure():
        return 7

    handles = [
        weft.optim.optimizer.register_optimizer_step_pre_hook(note("all before")),
        optimizer.register_step_pre_hook(note("before", ((optimizer,), {"closure": closure}))),
        optimizer.register_step_post_hook(note("after")),
        weft.optim.optimizer.register_optimizer_step_post_hook(note("all after")),
    ]
    assert optimizer.step() == 7
    changed = {"closure": closure}
    assert events == [
        ("all before", True, (), {}),
        ("before", True, (), {}),
        ("after", True, (), changed),
        ("all after", True, (), changed),
    ]
    handles[1].remove()
    optimizer.register_step_pre_hook(lambda *_: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple"):
        optimizer.step()
    for handle in (handles[0], *handles[2:]):
        handle.remove()


def test_step_looks_like_a_function_and_refuses_wrong_arguments():
    (a,) = parameters(weft, [(2,)])
    optimizer = weft.optim.SGD([a], lr=0.1)
    assert list(inspect.signature(optimizer.step).parameters) == ["closure"]
    assert optimizer.step.__name__ == "step"
    assert "closure" in optimizer.step.__doc__
    with pytest.raises(TypeError, match="unexpected keyword"):
        optimizer.step(loss=3)
    with pytest.raises(TypeError, match="needs an argument"):
        weft.optim.SGD.step()
