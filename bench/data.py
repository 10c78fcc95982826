"""Loading JPEG images: threads of weft against PyTorch's worker processes, in the same run.

Pillow decodes, the library converts, flips and normalises, batches of 32. Printed are images per second once warm, and the time
to the first batch. Run: `python bench/data.py`.
"""

from __future__ import annotations

import io
import time
from typing import Any

import numpy
import torch
from PIL import Image

import weft

IMAGES, SIZE, BATCH = 512, 224, 32


def encoded() -> list[bytes]:
    """Smooth random images as JPEG."""
    rng = numpy.random.default_rng(0)
    files = []
    for _ in range(64):
        small = Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=numpy.uint8))
        file = io.BytesIO()
        small.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


class Images:
    """Decoded and normalised by the library `name`."""

    def __init__(self, name: str, files: list[bytes]) -> None:
        self.name, self.files = name, files

    def __len__(self) -> int:
        return IMAGES

    def __getitem__(self, index: int) -> Any:
        m: Any = weft if self.name == "weft" else torch
        image = Image.open(io.BytesIO(self.files[index % len(self.files)])).convert("RGB")
        x = m.from_numpy(numpy.array(image)).permute(2, 0, 1).float().div_(255)
        x = x.flip(2) if index % 2 else x
        return x.sub_(0.45).div_(0.225), index


def measure(loader: Any) -> tuple[float, float]:
    """Seconds to the first batch, and images per second of an epoch after it, with the same workers."""
    start = time.perf_counter()
    iterator = iter(loader)
    next(iterator)
    first = time.perf_counter() - start
    for _ in iterator:
        pass
    start = time.perf_counter()
    for _ in loader:
        pass
    return first, IMAGES / (time.perf_counter() - start)


def main() -> None:
    files = encoded()
    for repeat in range(2):
        rows = []
        for workers in (1, 2, 3):
            loader = weft.utils.data.DataLoader(
                Images("weft", files), batch_size=BATCH, num_workers=workers, persistent_workers=True
            )
            rows.append((f"weft, {workers} threads", *measure(loader)))
        for context in ("fork", "spawn"):
            for workers in (1, 2):
                options = {"num_workers": workers, "persistent_workers": True, "multiprocessing_context": context}
                loader = torch.utils.data.DataLoader(Images("torch", files), batch_size=BATCH, **options)
                rows.append((f"PyTorch, {workers} processes ({context})", *measure(loader)))
        for name, first, rate in rows:
            print(f"run {repeat}: {name:32} {rate:8.0f} images/s   first batch {first * 1e3:8.1f} ms", flush=True)


if __name__ == "__main__":
    main()
