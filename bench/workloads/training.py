"""Recurrent networks and optimizers' steps."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib, family

recurrent = family("recurrent")


def rnn(kind: str, batch: int, steps: int, width: int, train: bool) -> Any:
    def make(lib: Lib) -> Any:
        net = getattr(lib.nn, kind)(width, width, batch_first=True)
        x = lib.randn(batch, steps, width)

        def infer() -> None:
            with lib.no_grad():
                net(x)

        return (lambda: net(x)[0].sum().backward()) if train else infer

    return make


for kind in ("LSTM", "GRU", "RNN"):
    for batch, steps, width in ((16, 64, 256), (1, 32, 128)):
        size = f"{kind} {batch}x{steps}x{width}"
        recurrent(f"{size} forward", rnn(kind, batch, steps, width, False), quick=kind == "LSTM")
        recurrent(
            f"{size} forward and backward", rnn(kind, batch, steps, width, True), quick=kind == "LSTM" and batch == 16
        )
recurrent("LSTMCell 32x256", lambda lib: (lib.nn.LSTMCell(256, 256).requires_grad_(False), lib.randn(32, 256)))

optimizers = family("optimizers")


def optimizer(name: str, many: bool, **options: Any) -> Any:
    """A step over 60 tensors with 11 million numbers, or over 20 small ones."""

    def make(lib: Lib) -> Any:
        shapes = [(512, 384)] * 50 + [(384,)] * 10 if many else [(16, 16), (16,)] * 10
        parameters = [lib.randn(*shape).requires_grad_() for shape in shapes]
        for parameter in parameters:
            parameter.grad = lib.randn(parameter.shape)
        return getattr(lib.optim, name)(parameters, lr=1e-4, **options).step

    return make


for name, options in (
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("Adam", {}),
    ("AdamW", {}),
    ("RMSprop", {}),
    ("Adagrad", {}),
):
    title = name + "".join(f" {key} {value}" for key, value in options.items())
    optimizers(f"{title}, 10M in 60 tensors", optimizer(name, True, **options), quick=name == "Adam")
    optimizers(f"{title}, 20 small tensors", optimizer(name, False, **options), quick=name == "Adam")


def clip(lib: Lib) -> Any:
    parameters = [lib.randn(512, 384).requires_grad_() for _ in range(20)]
    for parameter in parameters:
        parameter.grad = lib.randn(parameter.shape)
    return lambda: lib.nn.utils.clip_grad_norm_(parameters, 1.0)


optimizers("clip_grad_norm_, 4M in 20 tensors", clip)
