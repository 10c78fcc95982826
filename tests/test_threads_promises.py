"""What docs/threads.md promises and no other test covers: same bits whatever runs beside, and the CPUs allowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import weft

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs and Linux"
)


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    before = weft.get_num_threads()
    yield
    weft.set_num_threads(before)
    weft.gil.set_policy("auto")


def train(steps: int = 50) -> list[bytes]:
    """The weights of a small convolutional network after training, as bytes."""
    generator = weft.Generator().manual_seed(3)
    nn = weft.nn
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 7, 10))
    for parameter in net.parameters():
        parameter.data = weft.randn(*parameter.shape, generator=generator) * 0.1
    optimizer = weft.optim.AdamW(net.parameters(), lr=1e-2)
    x = weft.randn(32, 1, 16, 16, generator=generator)
    target = weft.randint(0, 10, (32,), generator=generator)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), target).backward()
        optimizer.step()
    return [bytes(memoryview(p.detach().contiguous())) for p in net.parameters()]


def test_a_training_run_gives_the_same_bits_at_any_thread_count_policy_and_company() -> None:
    weft.set_num_threads(1)
    expected = train()
    for threads in (2, 3, 8):
        weft.set_num_threads(threads)
        assert train() == expected, f"{threads} threads change the result"
    policies: list[Any] = ["release", "hold"]
    for policy in policies:
        with weft.gil.policy(policy):
            assert train() == expected, f"policy {policy} changes the result"
    found: list[list[bytes]] = []
    callers = [threading.Thread(target=lambda: found.append(train())) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert found == [expected] * 4


def python(code: str, **environment: str) -> str:
    variables = {k: v for k, v in os.environ.items() if k != "WEFT_NUM_THREADS"} | environment
    return subprocess.run(
        [sys.executable, "-c", "import os, time, weft\n" + code],
        check=True, capture_output=True, text=True, timeout=120, env=variables,
    ).stdout.strip()  # fmt: skip


CHANGE = """
def seen():
    time.sleep(0.15)
    x.exp()
    return weft.get_num_threads()
cpus = sorted(os.sched_getaffinity(0))
x = weft.ones(1 << 20)
first = seen()
os.sched_setaffinity(0, cpus[:1])
second = seen()
os.sched_setaffinity(0, cpus)
print(first == len(cpus), second, seen() == len(cpus))
"""


@needs_affinity
def test_a_change_of_affinity_is_noticed_while_running() -> None:
    first, narrowed, widened = python(CHANGE).split()
    assert narrowed == "1"
    assert first == widened  # a quota may allow fewer than the affinity, but the same again


@needs_affinity
def test_a_number_the_user_chose_outlives_a_change_of_affinity() -> None:
    assert python("weft.set_num_threads(3)\n" + CHANGE).split()[1] == "3"
    assert python(CHANGE, WEFT_NUM_THREADS="3").split()[1] == "3"


@needs_affinity
def test_workers_may_use_the_processs_cpus_whoever_started_them() -> None:
    code = """
import threading
weft.set_num_threads(2)
x = weft.ones(600, 600)
def pinned():
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for _ in range(20):
        x @ x
thread = threading.Thread(target=pinned)
thread.start(); thread.join()
workers = [t for t in os.listdir("/proc/self/task") if open(f"/proc/self/task/{t}/comm").read() == "weft-worker\\n"]
print(len(workers), all(os.sched_getaffinity(int(t)) == os.sched_getaffinity(0) for t in workers))
"""
    assert python(code) == "1 True"
