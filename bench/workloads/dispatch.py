"""What the smallest operations cost: arguments, allocation, dispatch and nodes, with next to no arithmetic."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, family

add = family("dispatch")


def chain(lib: Lib) -> Any:
    """Forward and backward of three operations."""
    a = lib.ones(4, requires_grad=True)
    return lambda: (a * 2).relu().sum().backward()


def small_mlp(lib: Lib, train: bool) -> Any:
    nn = lib.nn
    net = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
    x = lib.randn(4, 16)

    def infer() -> None:
        with lib.no_grad():
            net(x)

    def step() -> None:
        net(x).sum().backward()

    return step if train else infer


for title, make in {
    "a + b": lambda lib: (lib.add, lib.ones(4), lib.ones(4)),
    "a + b with operators": lambda lib: (lambda a, b: a + b, lib.ones(4), lib.ones(4)),
    "a * 2": lambda lib: (lambda a: a * 2, lib.ones(4)),
    "a += b": lambda lib: (lib.Tensor.add_, lib.ones(4), lib.ones(4)),
    "a + b, recorded": lambda lib: (lib.add, lib.ones(4, requires_grad=True), lib.ones(4)),
    "relu": lambda lib: (lib.relu, lib.ones(4)),
    "exp": lambda lib: (lib.exp, lib.ones(4)),
    "a @ b, 2x2": lambda lib: (lib.matmul, lib.ones(2, 2), lib.ones(2, 2)),
    "sum": lambda lib: (lib.sum, lib.ones(4)),
    "mean over 1": lambda lib: (lib.mean, lib.ones(4, 4), 1),
    "softmax": lambda lib: (lib.softmax, lib.ones(4), 0),
    "view": lambda lib: (lambda a: a.view(2, 2), lib.ones(4)),
    "transpose": lambda lib: (lambda a: a.transpose(0, 1), lib.ones(2, 2)),
    "a[1]": lambda lib: (lambda a: a[1], lib.ones(4, 4)),
    "a[:, 1]": lambda lib: (lambda a: a[:, 1], lib.ones(4, 4)),
    "item": lambda lib: (lambda a: a.item(), lib.ones(())),
    "zeros(4)": lambda lib: (lib.zeros, 4),
    "tensor([1.0, 2.0])": lambda lib: (lib.tensor, [1.0, 2.0]),
    "cat of two": lambda lib: (lambda a, b: lib.cat((a, b)), lib.ones(4), lib.ones(4)),
    "clone": lambda lib: (lib.clone, lib.ones(4)),
    "shape": lambda lib: (lambda a: a.shape, lib.ones(2, 2)),
    "linear 1x4x4": lambda lib: (lib.nn.functional.linear, lib.ones(1, 4), lib.ones(4, 4), lib.ones(4)),
    "three operations and backward": chain,
    "MLP of 16, inference": lambda lib: small_mlp(lib, False),
    "MLP of 16, forward and backward": lambda lib: small_mlp(lib, True),
}.items():
    add(title, make, quick=True)
