"""The models the benchmark runs, written once for weft and PyTorch: `build(lib, batch)` gives a net, inputs, targets."""

from __future__ import annotations

from typing import Any

from bench.workload import Lib

Built = tuple[Any, Any, Any]


def _targets(lib: Lib, *shape: int, classes: int) -> Any:
    return lib.randint(0, classes, shape)


def mlp(lib: Lib, batch: int) -> Built:
    nn = lib.nn
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return net, lib.randn(batch, 784), _targets(lib, batch, classes=10)


def lenet(lib: Lib, batch: int) -> Built:
    nn = lib.nn
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    return net, lib.randn(batch, 1, 28, 28), _targets(lib, batch, classes=10)


def _convolution(nn: Any, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs)]


def _residual(lib: Lib, inputs: int, outputs: int, stride: int) -> Any:
    nn = lib.nn

    class Residual(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *_convolution(nn, inputs, outputs, 3, stride), nn.ReLU(), *_convolution(nn, outputs, outputs, 3)
            )
            same = inputs == outputs and stride == 1
            self.shortcut = nn.Identity() if same else nn.Sequential(*_convolution(nn, inputs, outputs, 1, stride))
            self.relu = nn.ReLU()

        def forward(self, x: Any) -> Any:
            return self.relu(self.body(x) + self.shortcut(x))

    return Residual()


def resnet18(lib: Lib, batch: int) -> Built:
    nn = lib.nn
    layers = [*_convolution(nn, 3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    width = 64
    for outputs in (64, 128, 256, 512):
        layers += [_residual(lib, width, outputs, 1 if outputs == 64 else 2), _residual(lib, outputs, outputs, 1)]
        width = outputs
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    return net, lib.randn(batch, 3, 224, 224), _targets(lib, batch, classes=1000)


def resnet18_channels_last(lib: Lib, batch: int) -> Built:
    net, inputs, targets = resnet18(lib, batch)
    format_ = lib.channels_last
    return net.to(memory_format=format_), inputs.contiguous(memory_format=format_), targets


def _inverted(lib: Lib, inputs: int, outputs: int, stride: int, expand: int) -> Any:
    nn = lib.nn

    class Inverted(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            hidden = inputs * expand
            widen = [*_convolution(nn, inputs, hidden, 1), nn.ReLU6()] if expand > 1 else []
            self.body = nn.Sequential(
                *widen,
                *_convolution(nn, hidden, hidden, 3, stride, groups=hidden),
                nn.ReLU6(),
                *_convolution(nn, hidden, outputs, 1),
            )
            self.adds = stride == 1 and inputs == outputs

        def forward(self, x: Any) -> Any:
            return x + self.body(x) if self.adds else self.body(x)

    return Inverted()


def mobilenet_v2(lib: Lib, batch: int) -> Built:
    nn = lib.nn
    layers = [*_convolution(nn, 3, 32, 3, 2), nn.ReLU6()]
    width = 32
    for expand, outputs, count, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for index in range(count):
            layers.append(_inverted(lib, width, outputs, stride if index == 0 else 1, expand))
            width = outputs
    layers += [*_convolution(nn, 320, 1280, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    net = nn.Sequential(*layers, nn.Linear(1280, 1000))
    return net, lib.randn(batch, 3, 224, 224), _targets(lib, batch, classes=1000)


def _block(lib: Lib, width: int, heads: int, causal: bool) -> Any:
    nn = lib.nn

    class Block(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        """Pre-norm transformer block."""

        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            batch, steps, _ = x.shape
            q, k, v = (
                part.reshape(batch, steps, heads, width // heads).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).chunk(3, -1)
            )
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
            x = x + self.project(mixed.transpose(1, 2).reshape(batch, steps, width))
            return x + self.mlp(self.norm2(x))

    return Block()


def vit_tiny(lib: Lib, batch: int) -> Built:
    nn = lib.nn

    class Patches(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 192, 16, 16)
            self.places = nn.Parameter(lib.randn(1, 196, 192) * 0.02)

        def forward(self, x: Any) -> Any:
            return self.embed(x).flatten(2).transpose(1, 2) + self.places

    class Head(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.classes = nn.LayerNorm(192), nn.Linear(192, 1000)

        def forward(self, x: Any) -> Any:
            return self.classes(self.norm(x).mean(1))

    net = nn.Sequential(Patches(), *(_block(lib, 192, 3, False) for _ in range(12)), Head())
    return net, lib.randn(batch, 3, 224, 224), _targets(lib, batch, classes=1000)


def gpt(lib: Lib, batch: int, steps: int = 128, vocabulary: int = 8192) -> Built:
    nn = lib.nn

    class Embed(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, 384), nn.Embedding(steps, 384)

        def forward(self, tokens: Any) -> Any:
            return self.tokens(tokens) + self.places(lib.arange(tokens.shape[1]))

    blocks = (_block(lib, 384, 6, True) for _ in range(6))
    net = nn.Sequential(Embed(), *blocks, nn.LayerNorm(384), nn.Linear(384, vocabulary, bias=False))
    return net, _targets(lib, batch, steps, classes=vocabulary), _targets(lib, batch, steps, classes=vocabulary)


def lstm_language_model(lib: Lib, batch: int, steps: int = 64, vocabulary: int = 8192) -> Built:
    nn = lib.nn

    class Language(nn.Module):  # type: ignore[name-defined, misc]  # the library is an argument
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, 256)
            self.lstm = nn.LSTM(256, 256, num_layers=2, batch_first=True)
            self.scores = nn.Linear(256, vocabulary)

        def forward(self, tokens: Any) -> Any:
            return self.scores(self.lstm(self.tokens(tokens))[0])

    net = Language()
    return net, _targets(lib, batch, steps, classes=vocabulary), _targets(lib, batch, steps, classes=vocabulary)
