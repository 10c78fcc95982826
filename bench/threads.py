"""Python threads beside one another: weft and PyTorch in the same scenarios, in turns, in one process.

Rates are steps per second of time in which the thread had a core: what it spent ready to run but without one is taken off
(/proc/thread-self/schedstat), so that a machine with other work changes little. Threads are pinned, a core each in turn,
unless a scenario says otherwise. A share is of the rate alone. The median of the repeats counts.

Run: `python bench/threads.py` (about 6 minutes), `--quick` (about 2), `--only sleeper` for one scenario.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import weft
from weft.gil._meter import seconds_queued

Step = Callable[[], object]
Make = Callable[[ModuleType], Step]

# ---- Work -----------------------------------------------------------------------------------------------------------


def _mlp(lib: ModuleType, width: int) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)
    )


def adding(lib: ModuleType) -> Step:
    """One operator on four numbers: nothing but what surrounds every operator."""
    a, b = lib.ones(4), lib.ones(4)
    return lambda: a + b


def inference(lib: ModuleType) -> Step:
    """Of a network whose every operator takes a microsecond or few."""
    net, x = _mlp(lib, 64), lib.randn(8, 64)

    def step() -> None:
        with lib.no_grad():
            net(x)

    return step


def training(lib: ModuleType, width: int = 64, batch: int = 8) -> Step:
    net = _mlp(lib, width)
    optimizer = lib.optim.SGD(net.parameters(), lr=1e-3)
    x, y = lib.randn(batch, width), lib.randn(batch, width)

    def step() -> None:
        optimizer.zero_grad()
        lib.nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()

    return step


def training_256(lib: ModuleType) -> Step:
    return training(lib, 256, 64)


def mixed(lib: ModuleType) -> Step:
    """Operators from one microsecond to some milliseconds."""
    tensors = [lib.randn(n) for n in (100, 10_000, 100_000, 1_000_000)]
    squares = [lib.randn(n, n) for n in (32, 128, 512)]

    def step() -> None:
        for t in tensors:
            lib.exp(t)
        for s in squares:
            s @ s

    return step


def elementwise(n: int) -> Make:
    def make(lib: ModuleType) -> Step:
        x = lib.randn(n)
        return lambda: lib.exp(x)

    return make


def matmul(lib: ModuleType) -> Step:
    a, b = lib.randn(1024, 1024), lib.randn(1024, 1024)
    return lambda: a @ b


def conv2d(lib: ModuleType) -> Step:
    x, weight = lib.randn(8, 64, 56, 56), lib.randn(64, 64, 3, 3)
    return lambda: lib.nn.functional.conv2d(x, weight, padding=1)


def conv_backward(lib: ModuleType) -> Step:
    """The backward pass of a small convolutional network; the forward pass is not timed again."""
    nn = lib.nn
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 16 * 16, 10),
    )  # fmt: skip
    loss = nn.functional.cross_entropy(net(lib.randn(32, 3, 32, 32)), lib.randint(0, 10, (32,)))
    return lambda: loss.backward(retain_graph=True)


_DOCUMENT = json.dumps([{"name": f"item {i}", "values": list(range(20))} for i in range(6000)])


def long_holder() -> Step:
    """Plain C code that never lets go of the lock: about 15 ms a call."""
    return lambda: json.loads(_DOCUMENT)


# ---- Measuring ------------------------------------------------------------------------------------------------------


def use_native_threads(n: int) -> None:
    """For the calling thread: PyTorch keeps the number per thread, and a new thread starts with the default."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(n)


class Worker(threading.Thread):
    """Repeats a step until told to stop; afterwards knows its rate and its CPU time's share."""

    def __init__(self, step: Step, core: int | None, start: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self.step, self.core, self.ready = step, core, start
        self.stopping = False
        self.rate = self.wall_rate = self.busy = 0.0

    def run(self) -> None:
        if self.core is not None:
            os.sched_setaffinity(0, {self.core})
        use_native_threads(1)  # a thread has its own core: native threads would only get into the way
        for _ in range(3):
            self.step()
        self.ready.wait()
        # What a governor has to learn, and caches, settle before the clock starts.
        settle = time.perf_counter() + 0.15
        while time.perf_counter() < settle:
            self.step()
        done, cpu, queued, start = 0, time.thread_time(), seconds_queued(), time.perf_counter()
        while not self.stopping or not done:
            self.step()
            done += 1
        wall = time.perf_counter() - start
        had_core = max(wall - (seconds_queued() - queued), 0.02 * wall)
        self.rate, self.wall_rate = done / had_core, done / wall
        self.busy = (time.thread_time() - cpu) / had_core


def _count() -> None:
    for _ in range(1000):
        pass


def together(steps: Sequence[Step], seconds: float, pinned: bool = True) -> list[Worker]:
    """Runs the steps at once, each in a thread of its own."""
    cores = sorted(os.sched_getaffinity(0))
    barrier = threading.Barrier(len(steps))
    workers = [Worker(s, cores[i % len(cores)] if pinned else None, barrier) for i, s in enumerate(steps)]
    for w in workers:
        w.start()
    time.sleep(0.15 + seconds)
    for w in workers:
        w.stopping = True
    for w in workers:
        w.join()
    return workers


def rates(steps: Sequence[Step], seconds: float, pinned: bool = True) -> list[float]:
    return [w.rate for w in together(steps, seconds, pinned)]


# ---- Scenarios: each gives figures by name, of one library ----------------------------------------------------------


Figures = dict[str, float]


def beside(make: Make, neighbour: Step) -> Callable[[ModuleType, float], Figures]:
    """One thread of the library's beside one of plain Python."""

    def run(lib: ModuleType, seconds: float) -> Figures:
        step = make(lib)
        (alone,) = rates([step], seconds / 2)
        (other,) = rates([neighbour], seconds / 2)
        mine, its = rates([step, neighbour], seconds)
        return {"steps/s alone": alone, "share": mine / alone, "neighbour's": its / other, "steps/s": mine}

    return run


def scaling(make: Make, threads: int, neighbour: Step | None = None) -> Callable[[ModuleType, float], Figures]:
    """Several threads, each with work of its own, against one."""

    def run(lib: ModuleType, seconds: float) -> Figures:
        steps = [make(lib) for _ in range(threads)]
        (alone,) = rates(steps[:1], seconds / 2)
        extra = [neighbour] if neighbour else []
        # On fewer cores than threads the system places them, and the wall's clock counts.
        fit = threads + len(extra) <= len(os.sched_getaffinity(0))
        workers = together([*steps, *extra], seconds, pinned=fit)
        rate = [w.rate if fit else w.wall_rate for w in workers]
        total = sum(rate[:threads])
        figures = {"steps/s alone": alone, "times alone": total / alone, "steps/s": total}
        if neighbour:
            (other,) = rates([neighbour], seconds / 2)
            figures["neighbour's"] = rate[-1] / other
        return figures

    return run


def sleeper(make: Make) -> Callable[[ModuleType, float], Figures]:
    """How late a thread that sleeps a millisecond wakes: alone and beside the work, microseconds."""

    def lateness(seconds: float) -> list[float]:
        late, end = [], time.perf_counter() + seconds
        while (begin := time.perf_counter()) < end:
            time.sleep(0.001)
            late.append((time.perf_counter() - begin - 0.001) * 1e6)
        return sorted(late)

    def run(lib: ModuleType, seconds: float) -> Figures:
        cores = sorted(os.sched_getaffinity(0))
        alone = lateness(seconds / 2)
        worker = Worker(make(lib), cores[-1], threading.Barrier(1))
        worker.start()
        time.sleep(0.2)
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cores[0]})
        late = lateness(seconds)
        os.sched_setaffinity(0, before)
        worker.stopping = True
        worker.join()
        p99 = late[int(0.99 * len(late))]
        return {"µs late alone": statistics.median(alone), "µs late": statistics.median(late), "99 of 100": p99}

    return run


def over_one_pool(lib: ModuleType, seconds: float) -> Figures:
    """Two threads that train a larger network, at each intra-op thread count."""
    before, figures = lib.get_num_threads(), {}
    try:
        for n in sorted({1, 2, len(os.sched_getaffinity(0))}):
            lib.set_num_threads(n)
            steps = [training(lib, 512, 256) for _ in range(2)]
            (alone,) = wall_rates(steps[:1], seconds, n)
            figures[f"intra-op {n}: alone"] = alone
            figures["times alone" + " " * n] = sum(wall_rates(steps, seconds, n)) / alone
    finally:
        lib.set_num_threads(before)
    return figures


def wall_rates(steps: Sequence[Step], seconds: float, native: int | None = None) -> list[float]:
    """Unpinned and by the wall's clock: for scenarios with more threads than cores."""
    barrier = threading.Barrier(len(steps) + 1)
    counts, stop = [0] * len(steps), threading.Event()

    def work(i: int) -> None:
        if native is not None:
            use_native_threads(native)
        steps[i]()
        barrier.wait()
        while not stop.is_set():
            steps[i]()
            counts[i] += 1

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(len(steps))]
    for t in threads:
        t.start()
    barrier.wait()
    time.sleep(0.1)
    before, start = list(counts), time.perf_counter()
    time.sleep(seconds)
    after, wall = list(counts), time.perf_counter() - start
    stop.set()
    for t in threads:
        t.join()
    return [max(b - a, 1) / wall for a, b in zip(before, after, strict=True)]  # a step at least, to divide by


def oversubscribed(lib: ModuleType, seconds: float) -> Figures:
    """Sixteen threads that train, at the library's own defaults, against the best of fewer."""
    totals = {n: sum(wall_rates([training_256(lib) for _ in range(n)], seconds)) for n in (1, 2, 4, 16)}
    return {"steps/s best": max(totals.values()), "16 of best": totals[16] / max(totals.values())}


def serving(waiting: float) -> Callable[[ModuleType, float], Figures]:
    """Sixteen threads that answer requests of about a millisecond and wait `waiting` seconds between them."""

    def run(lib: ModuleType, seconds: float) -> Figures:
        net, x = _mlp(lib, 256), lib.randn(64, 256)
        took: list[float] = []

        def step() -> None:
            begin = time.perf_counter()
            with lib.no_grad():
                for _ in range(4):
                    net(x)
            took.append(time.perf_counter() - begin)
            time.sleep(waiting)

        rate = sum(wall_rates([step] * 16, seconds, 1))
        took.sort()
        return {"requests/s": rate, "ms, 99 of 100": 1e3 * took[int(0.99 * len(took))]}

    return run


def quota(lib: ModuleType, seconds: float) -> Figures:
    """A process confined to one CPU: four threads against one, both at the library's defaults."""
    code = (
        "import os, sys, importlib, json; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        f"sys.path[:0] = {[os.path.dirname(os.path.abspath(__file__)), *sys.path]!r};"
        f"import threads; lib = importlib.import_module({lib.__name__!r});"
        "one, four = (sum(threads.wall_rates([threads.training_256(lib) for _ in range(n)], "
        f"{seconds!r})) for n in (1, 4)); print(json.dumps([lib.get_num_threads(), one, four]))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    threads, one, four = json.loads(output)
    return {"intra-op": threads, "steps/s alone": one, "times alone": four / one}


Scenario = tuple[str, Callable[[ModuleType, float], Figures], str]

SCENARIOS: dict[str, list[Scenario]] = {
    "hog": [
        ("inference + counting", beside(inference, _count), "share >= 0.35, 50 x torch's; neighbour's >= 0.40"),
        ("training + counting", beside(training, _count), "share >= 0.35, 50 x torch's; neighbour's >= 0.40"),
        ("training 256 + counting", beside(training_256, _count), ""),
    ],
    "large": [
        ("matmul 1024 + counting", beside(matmul, _count), "neighbour's >= 0.80"),
        ("conv2d 8x64x56x56 + counting", beside(conv2d, _count), "neighbour's >= 0.80"),
        ("backward, conv net + counting", beside(conv_backward, _count), "neighbour's >= 0.80"),
    ],
    "sizes": [
        ("mixed sizes + counting", beside(mixed, _count), ""),
        *(
            (f"exp of {n:,} + counting", beside(elementwise(n), _count), "")
            for n in (1 << 16, 1 << 20, 1 << 22, 1 << 24)
        ),
    ],
    "holder": [
        ("inference + json.loads", beside(inference, long_holder()), ""),
        ("training 256 + json.loads", beside(training_256, long_holder()), ""),
    ],
    "threads": [
        ("2 x training", scaling(training, 2), ">= 1.3"),
        ("4 x training", scaling(training, 4), "at most 5 % below two"),
        ("2 x training 256", scaling(training_256, 2), ">= 1.8"),
        ("4 x training 256", scaling(training_256, 4), "at most 5 % below two"),
        ("2 x training 256 + counting", scaling(training_256, 2, _count), ""),
    ],
    "tiny": [("2 x a + b of 4", scaling(adding, 2), "free-threaded: >= 1.7")],
    "sleeper": [
        ("1 ms sleeper + training", sleeper(training), "within 30 µs of alone"),
        ("1 ms sleeper + training 256", sleeper(training_256), "within 30 µs of alone"),
    ],
    "pool": [("2 x training 512, one pool", over_one_pool, "")],
    "many": [("16 x training 256", oversubscribed, ">= 0.85")],
    "serving": [(f"16 threads, {wait} ms between", serving(wait * 1e-3), "") for wait in (1, 5)],
    "quota": [("one CPU, 4 x training 256", quota, "")],
}


def libraries() -> dict[str, ModuleType]:
    found = {"weft": weft}
    try:
        import torch
    except ImportError:
        pass
    else:
        found["torch"] = torch
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Python threads beside one another, weft and PyTorch in turns.")
    parser.add_argument("--seconds", type=float, default=0.8, help="per measurement (%(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements, of which the median counts (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="one short measurement each")
    parser.add_argument("--only", choices=SCENARIOS, nargs="+", help="groups of scenarios")
    arguments = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        parser.error("needs two cores")
    seconds, repeats = (0.4, 1) if arguments.quick else (arguments.seconds, arguments.repeats)
    libs = libraries()
    print(f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores; Python {sys.version.split()[0]}\n")
    for group, scenarios in SCENARIOS.items():
        if arguments.only and group not in arguments.only:
            continue
        native = {name: lib.get_num_threads() for name, lib in libs.items()}
        for lib in libs.values():
            if group not in ("pool", "many", "quota"):  # these are about native threads
                lib.set_num_threads(1)
        for title, run, goal in scenarios:
            measured: dict[str, list[Figures]] = {name: [] for name in libs}
            for _ in range(repeats):
                for name, lib in libs.items():
                    measured[name].append(run(lib, seconds))
            for name, samples in measured.items():
                figures = {key: statistics.median(s[key] for s in samples) for key in samples[0]}
                text = "   ".join(f"{key.strip()} {_number(value)}" for key, value in figures.items())
                print(f"{title:30} {name:6} {text}" + (f"   [{goal}]" if goal and name == "weft" else ""), flush=True)
        for name, lib in libs.items():
            lib.set_num_threads(native[name])
        print()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


if __name__ == "__main__":
    main()
