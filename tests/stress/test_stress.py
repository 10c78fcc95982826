"""Random work from many threads, short; `python -m tests.stress` is the long version. A hang prints all stacks."""

from __future__ import annotations

import faulthandler
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.stress import actions


@pytest.fixture(autouse=True)
def _watchdog() -> Iterator[None]:
    """Deadlocks end the run with a traceback of every thread instead of stopping it for good."""
    faulthandler.dump_traceback_later(240, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.mark.parametrize(("seed", "interval"), [(1, 0.005), (2, 1e-4), (3, 1e-6)])
def test_threads_that_act_at_random_lose_nothing(seed: int, interval: float) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(interval)
    try:
        actions.run(seed, 6, lambda done: done < 40)
    finally:
        sys.setswitchinterval(before)


@pytest.mark.parametrize("action", actions.ACTIONS, ids=lambda action: action.__name__)
def test_each_action_holds_alone(action: actions.Action) -> None:
    world, rng = actions.World(0), random.Random(0)
    for _ in range(5):
        action(world, rng)
    world.check()


BUSY = """
import sys, threading, weft
a = weft.randn(700, 700)
def work():
    while True:
        x = weft.ones(50, requires_grad=True)
        y = x * x
        y.register_hook(lambda grad: grad * sum(range(1000)))
        y.sum().backward()
        a @ a
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
a @ a
"""


def _run(code: str, interrupt_after: float | None = None) -> tuple[int, str]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if interrupt_after is not None:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(interrupt_after)
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("the process hangs")
    return process.returncode, errors


@pytest.mark.parametrize("way", ["pass", "sys.exit(3)", "raise KeyError('told to')"])
def test_the_interpreter_exits_while_threads_and_workers_are_busy(way: str) -> None:
    status, errors = _run(BUSY + way)
    assert status == {"pass": 0, "sys.exit(3)": 3}.get(way, 1), errors
    assert "Fatal" not in errors


@pytest.mark.parametrize("seed", range(3))
def test_ctrl_c_at_a_random_moment_raises_and_leaves_a_sound_process(seed: int) -> None:
    code = """
import sys, weft
x = weft.ones(300, 300, requires_grad=True)
print("ready", flush=True)
try:
    while True:
        y = x
        for _ in range(5):
            y = (y @ x * 0.01).relu()
        y.sum().backward()
except KeyboardInterrupt:
    assert (weft.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]
    weft.autograd.grad((x @ x).sum(), x)
    sys.exit(5)
"""
    status, errors = _run(code, interrupt_after=random.Random(seed).uniform(0, 0.3))
    assert status == 5, errors
