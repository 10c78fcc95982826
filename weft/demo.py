"""`weft demo`: learns to read handwritten digits, then does it several times at once beside busy Python code.

The first part is an ordinary training program. The second is what weft is for: several Python threads train a
network each while one more thread runs plain Python, and a table tells how fast they were and how much of
Python's lock they left to the others.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any

import weft
from weft import nn
from weft.gil._meter import seconds_queued
from weft.nn import functional as F
from weft.optim import AdamW
from weft.optim.lr_scheduler import CosineAnnealingLR
from weft.utils.data import DataLoader, TensorDataset

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_NEEDED = {
    "sklearn": "scikit-learn",
    "tqdm": "tqdm",
    "matplotlib": "matplotlib",
    "safetensors": "safetensors",
}
_BATCH = 64
_SOLO_SECONDS = 1.0


def add_command(commands: Commands) -> None:
    """Tell the `weft` command's parser about `demo` and its options."""
    parser = commands.add_parser("demo", help="learn handwritten digits, alone and from several threads at once")
    parser.add_argument("--epochs", type=_positive, default=12, help="passes over the data (%(default)s)")
    parser.add_argument("--threads", type=_positive, default=4, help="networks trained at once (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("weft-demo"), help="folder to write to (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and shuffling (%(default)s)")
    parser.set_defaults(run=run)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


class DigitNet(nn.Module):
    """A small convolutional network: images (N, 1, 8, 8) to scores (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(64 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x: weft.Tensor) -> weft.Tensor:
        x = F.relu(self.conv1(x))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(x)


@dataclasses.dataclass(frozen=True)
class Digits:
    """scikit-learn's digits, a fifth kept for testing: images (N, 1, 8, 8) in 0..1 and labels (N,)."""

    train: TensorDataset
    test_images: weft.Tensor
    test_labels: weft.Tensor

    @classmethod
    def load(cls) -> Digits:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        images = (images / 16).astype("float32").reshape(-1, 1, 8, 8)
        parts = train_test_split(images, labels, test_size=0.2, random_state=0, stratify=labels)
        train_images, test_images, train_labels, test_labels = map(weft.from_numpy, parts)
        return cls(TensorDataset(train_images, train_labels), test_images, test_labels)


@dataclasses.dataclass
class Curve:
    """What was learned: a figure per epoch."""

    loss: list[float] = dataclasses.field(default_factory=list)
    accuracy: list[float] = dataclasses.field(default_factory=list)


class Training:
    """One network with its data order, both fixed by a seed when it is made; `run` it on any thread."""

    def __init__(self, digits: Digits, epochs: int, seed: int) -> None:
        weft.manual_seed(seed)
        self.net = DigitNet()
        self.epochs = epochs
        self.curve = Curve()
        self._digits = digits
        order = weft.Generator().manual_seed(seed)
        self._loader: DataLoader[Any] = DataLoader(digits.train, batch_size=_BATCH, shuffle=True, generator=order)

    @property
    def images(self) -> int:
        """Images seen when done, repeats counted."""
        return self.epochs * len(self._digits.train)

    def run(self, advance: Callable[[int], object], stop: threading.Event) -> None:
        """Train; tell `advance` the size of every batch; leave early once `stop` is set."""
        optimizer = AdamW(self.net.parameters(), lr=3e-3, weight_decay=1e-2)
        schedule = CosineAnnealingLR(optimizer, T_max=self.epochs * len(self._loader))
        for _ in range(self.epochs):
            losses = []
            for images, labels in self._loader:
                if stop.is_set():
                    return
                loss = F.cross_entropy(self.net(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
                advance(len(labels))
            self.curve.loss.append(sum(losses) / len(losses))
            self.curve.accuracy.append(self.accuracy())

    def accuracy(self) -> float:
        """Share of the test digits that are read rightly."""
        with weft.no_grad():
            right = self.net(self._digits.test_images).argmax(1) == self._digits.test_labels
        return right.float().mean().item()


class Counting(threading.Thread):
    """A thread of plain Python that counts until told to stop, and knows how much it was allowed to run.

    Its share is taken from time, not from the count: a core shared with other work counts more slowly, lock
    or no lock.
    """

    def __init__(self) -> None:
        super().__init__(name="counting", daemon=True)
        self.count = 0
        self.running = 0.0
        self.unlocked = 0.0
        self._stopping = False

    def run(self) -> None:
        wall, cpu, queued = time.perf_counter(), time.thread_time(), seconds_queued()
        while not self._stopping:
            for _ in range(1000):
                self.count += 1
        wall = time.perf_counter() - wall
        cpu = time.thread_time() - cpu
        self.running = cpu / wall
        # The rest of the time it waited for the lock: it never sleeps.
        self.unlocked = min(1.0, (cpu + seconds_queued() - queued) / wall)

    def finish(self) -> None:
        """Stop counting, and wait until the shares stand."""
        self._stopping = True
        self.join()


@contextlib.contextmanager
def counting() -> Iterator[Counting]:
    """A counting thread for the length of a `with` block."""
    thread = Counting()
    thread.start()
    try:
        yield thread
    finally:
        thread.finish()


def train_at_once(trainings: list[Training], advance: Callable[[int], object]) -> float:
    """Run each training in a Python thread of its own; returns the seconds it took.

    Raises:
        Exception: the first error of any thread, after all have stopped; so also on Ctrl-C.
    """
    stop = threading.Event()
    start = time.perf_counter()
    with ThreadPoolExecutor(len(trainings)) as threads:
        running = [threads.submit(training.run, advance, stop) for training in trainings]
        try:
            for training in as_completed(running):
                training.result()
        finally:
            stop.set()
    return time.perf_counter() - start


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as lines, the first column to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)),
        ]
        lines.append("   ".join(cells))
    return "\n".join(lines)


def _plot(curves: list[Curve], path: Path) -> None:
    """Loss and accuracy by epoch, a line per network."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    for number, curve in enumerate(curves, 1):
        epochs = range(1, len(curve.loss) + 1)
        loss.plot(epochs, curve.loss, label=f"network {number}")
        accuracy.plot(epochs, [100 * value for value in curve.accuracy])
    loss.set(xlabel="epoch", ylabel="training loss", yscale="log")
    accuracy.set(xlabel="epoch", ylabel="test accuracy (%)")
    figure.legend(loc="outside lower center", ncols=len(curves))
    figure.savefig(path, dpi=120)


def _same_weights(a: nn.Module, b: nn.Module) -> bool:
    return all(weft.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asked for; returns the exit status."""
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        print(
            f"weft demo needs {', '.join(missing)}. In weft's source folder, install what it uses with:\n"
            '    pip install ".[demo]"',
            file=sys.stderr,
        )
        return 1
    from safetensors.numpy import save_file
    from tqdm import tqdm

    def bar(title: str, total: int) -> Any:
        # No bar where nobody watches: `disable=None` is off for a pipe or a file.
        return tqdm(total=total, desc=title, unit=" images", unit_scale=True, leave=False, disable=None)

    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    digits = Digits.load()

    first = Training(digits, arguments.epochs, arguments.seed)
    with bar("1 network", first.images) as progress:
        alone = train_at_once([first], progress.update)
    print(
        f"1 network learned {first.images:,} digits in {alone:.1f} s: {first.accuracy():.1%} of the test digits right"
    )

    with counting() as solo:
        time.sleep(_SOLO_SECONDS)

    # The first of these repeats the network above, to show that company does not change a bit of it.
    several = [Training(digits, arguments.epochs, arguments.seed + i) for i in range(arguments.threads)]
    total = sum(training.images for training in several)
    title = f"{len(several)} networks + counting"
    with bar(title, total) as progress, counting() as beside:
        together = train_at_once(several, progress.update)

    accuracies = ", ".join(f"{training.accuracy():.1%}" for training in several)
    print(f"{len(several)} networks from {len(several)} Python threads: {accuracies}")
    again = "the same to the last bit" if _same_weights(first.net, several[0].net) else "NOT the same"
    print(f"the first network's weights, learned again in this company: {again}\n")

    kept = beside.running / solo.running
    header = ("", "images/s", "time the lock was free", "counting thread kept")
    rows = [
        header,
        ("counting thread alone", "-", "-", "100 %"),
        ("1 network", f"{first.images / alone:,.0f}", "-", "-"),
        (title, f"{total / together:,.0f}", f"{100 * beside.unlocked:.0f} %", f"{100 * kept:.0f} %"),
    ]
    print(_table(rows))
    cores, busy = len(os.sched_getaffinity(0)), len(several) + 1
    fair = min(1.0, cores / busy)
    print(
        f"\nA fair share of {cores} cores among {busy} busy threads is {fair:.0%}; "
        f"the counting thread came to {beside.count:,}."
    )

    _plot([training.curve for training in several], out / "curves.png")
    save_file({name: value.numpy() for name, value in first.net.state_dict().items()}, out / "digits.safetensors")
    print(f"Written: {out / 'curves.png'}, {out / 'digits.safetensors'}")
    return 0
