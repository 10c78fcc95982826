"""Peak memory of a training step of each model, each in a process of its own: python -m bench.memory library model batch.

What is reported is how far the process's peak rises above what it held before the model was built.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import models

BATCH, STEPS = 16, 3
NAMES = ("mlp", "lenet", "resnet18", "resnet18_channels_last", "mobilenet_v2", "vit_tiny", "gpt", "lstm_language_model")


@dataclass(frozen=True)
class Peak:
    """Bytes of one model in both libraries; None where it did not run."""

    model: str
    ours: int | None
    theirs: int | None

    @property
    def ratio(self) -> float | None:
        """Our peak over PyTorch's: below 1, weft needs less."""
        return self.ours / self.theirs if self.ours and self.theirs else None


STATUS = Path("/proc/self/status")


def _bytes_of(field: str) -> int:
    """VmRSS: what the process holds now; VmHWM: its peak. (getrusage's peak would count the parent's, before exec.)"""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def train(lib: Any, name: str, batch: int) -> int:
    """Bytes by which the peak rises over some training steps."""
    before = _bytes_of("VmRSS")
    net, inputs, targets = getattr(models, name)(lib, batch)
    optimizer = lib.optim.AdamW(net.parameters(), lr=1e-5)
    for _ in range(STEPS):
        optimizer.zero_grad()
        lib.nn.functional.cross_entropy(net(inputs).flatten(0, -2), targets.flatten()).backward()
        optimizer.step()
    return _bytes_of("VmHWM") - before


def _peak_of(library: str, name: str) -> int | None:
    command = [sys.executable, "-m", "bench.memory", library, name, str(BATCH)]
    done = subprocess.run(command, capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else None


def compare(libraries: list[str]) -> list[Peak]:
    """Every model in turn; Linux only, as the memory held is read from /proc."""
    if not STATUS.exists():
        return []
    found = [{lib: _peak_of(lib, name) for lib in libraries} for name in NAMES]
    return [Peak(name, by.get("weft"), by.get("torch")) for name, by in zip(NAMES, found, strict=True)]


def main() -> None:
    library, name, batch = sys.argv[1:]
    lib = importlib.import_module(library)
    lib.set_num_threads(1)
    print(train(lib, name, int(batch)))


if __name__ == "__main__":
    main()
