"""Whole models: inference and a training step of each."""

from __future__ import annotations

from typing import Any

from bench import models
from bench.workload import Lib, family

add = family("models")


def inference(build: Any, batch: int) -> Any:
    def make(lib: Lib) -> Any:
        net, inputs, _ = build(lib, batch)
        net.eval()

        def call() -> None:
            with lib.no_grad():
                net(inputs)

        return call

    return make


def training(build: Any, batch: int) -> Any:
    def make(lib: Lib) -> Any:
        net, inputs, targets = build(lib, batch)
        optimizer = lib.optim.AdamW(net.parameters(), lr=1e-5)

        def step() -> None:
            optimizer.zero_grad()
            scores = net(inputs)
            lib.nn.functional.cross_entropy(scores.flatten(0, -2), targets.flatten()).backward()
            optimizer.step()

        return step

    return make


for name, build in {
    "MLP 784-512-512-10": models.mlp,
    "LeNet 28x28": models.lenet,
    "ResNet-18 224x224": models.resnet18,
    "ResNet-18 224x224 NHWC": models.resnet18_channels_last,
    "MobileNetV2 224x224": models.mobilenet_v2,
    "ViT-tiny 224x224": models.vit_tiny,
    "GPT 6x384, 128 steps": models.gpt,
    "LSTM language model 256, 64 steps": models.lstm_language_model,
}.items():
    small = name.startswith(("MLP", "LeNet", "GPT"))
    for batch in (1, 16):
        add(f"{name}, inference of {batch}", inference(build, batch), quick=small)
        add(f"{name}, training step of {batch}", training(build, batch), quick=small and batch == 16)
