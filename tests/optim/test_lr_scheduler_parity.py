"""Every schedule gives PyTorch's learning rates."""

import warnings

import numpy as np
import pytest

import weft

torch = pytest.importorskip("torch")

CASES = [
    "LambdaLR(opt, lambda epoch: 0.95**epoch)",
    "LambdaLR(opt, [lambda epoch: 0.9**epoch, lambda epoch: 1 / (epoch + 1)])",
    "MultiplicativeLR(opt, lambda epoch: 0.95)",
    "StepLR(opt, 3, 0.5)",
    "MultiStepLR(opt, [2, 5, 5], 0.5)",
    "ConstantLR(opt, 0.5, 4)",
    "LinearLR(opt, 0.25, 0.9, 5)",
    "ExponentialLR(opt, 0.9)",
    "PolynomialLR(opt, 6, 2.0)",
    "CosineAnnealingLR(opt, 5, 0.01)",
    "CosineAnnealingWarmRestarts(opt, 3, 2)",
    "CyclicLR(opt, 0.01, 0.1, 3)",
    "CyclicLR(opt, 0.01, [0.1, 0.2], 3, 2, mode='triangular2', base_momentum=0.7)",
    "CyclicLR(opt, 0.01, 0.1, 3, mode='exp_range', gamma=0.9, cycle_momentum=False)",
    "OneCycleLR(opt, 0.1, total_steps=13)",
    "OneCycleLR(opt, [0.1, 0.3], epochs=3, steps_per_epoch=5, three_phase=True, anneal_strategy='linear')",
    "SequentialLR(opt, [S.ConstantLR(opt, 0.1, 3), S.ExponentialLR(opt, 0.9), S.StepLR(opt, 2)], [3, 7])",
    "ChainedScheduler([S.ConstantLR(opt, 0.1, 3), S.ExponentialLR(opt, 0.9)])",
    "SWALR(opt, 0.05, 4)",
    "SWALR(opt, [0.05, 0.5], 4, 'linear')",
]


def make(package, text, optimizer="SGD"):
    params = [package.nn.Parameter(package.ones(2)), package.nn.Parameter(package.ones(3))]
    groups = [{"params": [params[0]]}, {"params": [params[1]], "lr": 0.3}]
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    opt = getattr(package.optim, optimizer)(groups, lr=0.1, **options)
    schedules = package.optim.lr_scheduler
    where = package.optim.swa_utils if text.startswith("SWALR") else schedules
    scheduler = eval(f"where.{text}", {"opt": opt, "S": schedules, "where": where})
    return opt, scheduler


def run(opt, scheduler, steps):
    rates = []
    for _ in range(steps):
        group = opt.param_groups[0]
        momentum = group["betas"][0] if "betas" in group else group["momentum"]
        rates.append([*scheduler.get_last_lr(), *(group["lr"] for group in opt.param_groups), momentum])
        opt.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("text", CASES)
@pytest.mark.filterwarnings("ignore")
def test_rates_are_pytorchs(text, optimizer):
    ours, theirs = run(*make(weft, text, optimizer), 12), run(*make(torch, text, optimizer), 12)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("text", CASES)
@pytest.mark.filterwarnings("ignore")
def test_a_loaded_schedule_goes_on(text):
    opt, scheduler = make(weft, text)
    run(opt, scheduler, 4)
    other_opt, other = make(weft, text)
    other_opt.load_state_dict(opt.state_dict())
    other.load_state_dict(scheduler.state_dict())
    np.testing.assert_allclose(run(opt, scheduler, 6), run(other_opt, other, 6), rtol=1e-12)


@pytest.mark.parametrize("text", [text for text in CASES if text.startswith(("Step", "Multi", "Cos", "Exp", "Lin"))])
@pytest.mark.filterwarnings("ignore")
def test_epoch_argument_uses_pytorchs_closed_form(text):
    (_, ours), (_, theirs) = make(weft, text), make(torch, text)
    for epoch in (0, 3, 7):
        ours.step(epoch)
        theirs.step(epoch)
        np.testing.assert_allclose(ours.get_last_lr(), theirs.get_last_lr(), rtol=1e-12)


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_reduces_when_pytorch_does(mode, threshold_mode):
    options = {"mode": mode, "patience": 1, "cooldown": 1, "threshold_mode": threshold_mode, "min_lr": 0.001}
    results = []
    for package in (weft, torch):
        opt = package.optim.SGD([package.nn.Parameter(package.ones(1))], lr=0.1)
        scheduler = package.optim.lr_scheduler.ReduceLROnPlateau(opt, **options)
        rates = []
        for metric in [1, 0.9, 0.95, 0.95, 0.95, 1.2, 1.3, 0.2, 0.2, 0.2, 0.2]:
            scheduler.step(metric)
            rates.append(scheduler.get_last_lr()[0])
        results.append(rates)
    assert results[0] == results[1]


def test_wrong_order_of_steps_warns():
    opt = weft.optim.SGD([weft.nn.Parameter(weft.ones(1))], lr=0.1)
    scheduler = weft.optim.lr_scheduler.StepLR(opt, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()


def test_right_order_of_steps_does_not_warn():
    opt = weft.optim.SGD([weft.nn.Parameter(weft.ones(1))], lr=0.1)
    scheduler = weft.optim.lr_scheduler.StepLR(opt, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt.step()
        scheduler.step()
        scheduler.step()


def test_tensor_rates_are_set_in_place():
    rate = weft.tensor(0.5)
    opt = weft.optim.SGD([weft.nn.Parameter(weft.ones(1))], lr=rate)
    scheduler = weft.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    opt.step()
    scheduler.step()
    assert opt.param_groups[0]["lr"] is rate
    assert float(rate) == 0.25
