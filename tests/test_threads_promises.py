"""What docs/threads.md promises and no other test covers: same bits whatever runs beside, and the CPUs allowed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
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


def run_beside(threads: int, work: Any) -> list[Any]:
    found: list[Any] = []
    callers = [threading.Thread(target=lambda: found.append(work())) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    return found


def test_a_module_called_by_several_threads_gives_each_its_own_graph() -> None:
    net = weft.nn.Linear(8, 3)
    x = weft.randn(8, 5, 8)

    def gradients(i: int) -> list[weft.Tensor]:
        return list(weft.autograd.grad(net(x[i]).square().sum(), list(net.parameters())))

    expected = [gradients(i) for i in range(8)]
    found = run_beside(8, lambda: [gradients(i) for i in range(8)])
    for i, (weight, bias) in enumerate(expected):
        assert all(each[i][0].equal(weight) for each in found)
        assert all(each[i][1].equal(bias) for each in found)


def test_hooks_and_functions_run_on_the_thread_that_called_backward() -> None:
    class Twice(weft.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: weft.Tensor) -> weft.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: weft.Tensor) -> weft.Tensor:
            seen.append(threading.get_ident())
            return g * 2

    def run() -> int:
        x = weft.ones(3, requires_grad=True)
        x.register_hook(lambda g: seen.append(threading.get_ident()))
        Twice.apply(x).sum().backward()
        return threading.get_ident()

    for _ in range(20):
        seen: list[int] = []
        (caller,) = run_beside(1, run)
        assert seen == [caller, caller]


def test_threads_that_draw_from_the_default_generator_at_once_get_different_numbers() -> None:
    drawn = run_beside(8, lambda: weft.rand(100, dtype=weft.float64))
    assert len({x for numbers in drawn for x in numbers.tolist()}) == 800


def test_a_call_returns_when_its_result_is_complete() -> None:
    x = weft.rand(1 << 20)
    for _ in range(20):
        doubled = x + x
        # The elements themselves, which no operator of ours would wait for.
        assert bytes(memoryview(doubled)[-1:]) == bytes(memoryview(x[-1:] + x[-1:]))


def test_settings_of_the_process_are_seen_by_every_thread() -> None:
    weft.set_default_dtype(weft.float64)
    weft.manual_seed(5)
    drawn, expected = run_beside(1, lambda: weft.rand(3).tolist())[0], weft.Generator().manual_seed(5)
    try:
        assert run_beside(1, weft.get_default_dtype) == [weft.float64]
        assert drawn == weft.rand(3, generator=expected).tolist()
        weft.set_num_threads(3)
        assert run_beside(1, weft.get_num_threads) == [3]
        with weft.autograd.detect_anomaly():
            assert run_beside(1, weft.is_anomaly_enabled) == [True]
    finally:
        weft.set_default_dtype(weft.float32)


def test_callers_and_workers_together_are_no_more_than_they_should_be() -> None:
    code = """
import threading
before = len(os.listdir('/proc/self/task'))
x = weft.rand(512, 512)
ready = threading.Barrier(5)
def work():
    for _ in range(20): x @ x
    ready.wait(); ready.wait()
callers = [threading.Thread(target=work) for _ in range(4)]
for c in callers: c.start()
ready.wait()
print(len(os.listdir('/proc/self/task')) - before)
ready.wait()
"""
    assert int(python(code, WEFT_NUM_THREADS="3")) <= 4 + 2  # the callers, and workers for 3


def test_every_one_of_many_more_threads_than_cpus_gets_its_turn() -> None:
    expected = train(10)
    assert run_beside(16, lambda: train(10)) == [expected] * 16


def test_a_thread_that_counts_gets_its_turn_beside_threads_that_pass_the_lock_on() -> None:
    stop = threading.Event()

    def train_until_stopped() -> None:
        net = weft.nn.Linear(64, 64)
        while not stop.is_set():
            net(weft.ones(8, 64)).sum().backward()

    trainers = [threading.Thread(target=train_until_stopped) for _ in range(2)]
    for trainer in trainers:
        trainer.start()
    try:
        (count,) = run_beside(1, lambda: sum(1 for _ in range(1_000_000)))  # some tens of milliseconds of work
    finally:
        stop.set()
        for trainer in trainers:
            trainer.join()
    assert count == 1_000_000


def python(code: str, **environment: str) -> str:
    variables = {k: v for k, v in os.environ.items() if k != "WEFT_NUM_THREADS"} | environment
    return subprocess.run(
        [sys.executable, "-c", "import os, time, weft\n" + code],
        check=True, capture_output=True, text=True, timeout=120, env=variables,
    ).stdout.strip()  # fmt: skip


def test_the_child_of_a_fork_has_nobody_to_wait_for() -> None:
    code = """
import threading
stop = threading.Event()
def work():
    net = weft.nn.Linear(64, 64)
    while not stop.is_set(): net(weft.ones(8, 64)).sum().backward()
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
time.sleep(0.2)
for _ in range(5):
    if (child := os.fork()) == 0:
        other = threading.Thread(target=lambda: [weft.ones(64, 64) @ weft.ones(64, 64) for _ in range(200)])
        other.start(); other.join()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for t in threads: t.join()
print("done")
"""
    assert python(code) == "done"


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
def test_the_variable_comes_before_the_affinity_and_set_num_threads_before_both() -> None:
    print_number = "print(weft.get_num_threads())"
    narrowed = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    run = [sys.executable, "-c", narrowed + "import os, weft\n" + print_number]
    assert subprocess.run(run, check=True, capture_output=True, text=True, timeout=120).stdout.strip() == "1"
    assert python(narrowed + print_number, WEFT_NUM_THREADS="3") == "3"
    assert python("weft.set_num_threads(4)\n" + narrowed + print_number, WEFT_NUM_THREADS="3") == "4"


@pytest.fixture
def group_with_one_cpu() -> Iterator[Path]:
    """The file that puts processes into a control group that may use one CPU's time, of either version."""
    for root, limit, value in (
        (Path("/sys/fs/cgroup/cpu"), "cpu.cfs_quota_us", "100000"),
        (Path("/sys/fs/cgroup"), "cpu.max", "100000 100000"),
    ):
        group = root / f"weft-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if not (group / limit).exists():
            group.rmdir()
            continue
        (group / limit).write_text(value)
        yield group / "cgroup.procs"
        group.rmdir()
        return
    pytest.skip("control groups cannot be made here")


def test_a_quota_of_one_cpu_allows_one_thread(group_with_one_cpu: Path) -> None:
    code = f"open({str(group_with_one_cpu)!r}, 'w').write('0')\nimport weft\nprint(weft.get_num_threads())"
    variables = {k: v for k, v in os.environ.items() if k != "WEFT_NUM_THREADS"}
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, check=True, capture_output=True, text=True, timeout=120, env=variables).stdout == "1\n"


@needs_affinity
def test_workers_may_use_the_processs_cpus_but_that_of_the_only_caller() -> None:
    code = """
import threading
weft.set_num_threads(2)
x = weft.ones(600, 600)
def pinned(cpu):
    os.sched_setaffinity(0, {cpu})
    for _ in range(20):
        x @ x
def name(task):
    try:
        return open(f"/proc/self/task/{task}/comm").read()
    except OSError:  # a joined thread may be listed for a moment longer
        return ""
for cpu in sorted(os.sched_getaffinity(0))[:2]:
    thread = threading.Thread(target=pinned, args=[cpu])
    thread.start(); thread.join()
    workers = [t for t in os.listdir("/proc/self/task") if name(t) == "weft-worker\\n"]
    print(len(workers), all(os.sched_getaffinity(int(t)) == os.sched_getaffinity(0) - {cpu} for t in workers))
"""
    assert python(code).split() == ["1", "True", "1", "True"]


def test_samplers_leave_the_sign_variable_of_the_c_library_alone() -> None:
    """lgamma() writes it, a race between the threads of a sampler; lgamma_r() does not."""
    ctypes = pytest.importorskip("ctypes")
    try:
        sign = ctypes.c_int.in_dll(ctypes.CDLL("libm.so.6"), "signgam")
    except (OSError, ValueError):
        pytest.skip("needs glibc")
    sign.value = 7
    weft.poisson(weft.full((1000,), 20.0))
    weft.special.gammainc(weft.tensor([0.3, 0.5]), weft.tensor([0.1, 0.2]))
    weft.lgamma(weft.tensor([0.5, -0.5, 30.0]))
    weft.special.airy_ai(weft.tensor([-100.0, -5.0, 0.0, 5.0]))
    weft.distributions.Binomial(50, weft.tensor(0.3)).sample((1000,))
    assert sign.value == 7


@needs_affinity
@pytest.mark.parametrize("cores", [(0, 0, 1), (0, 1, 1, 1), (0, 0, 0, 0, 1)])
def test_no_thread_is_passed_over_for_ever_where_threads_outnumber_the_cpus_they_are_pinned_to(
    cores: tuple[int, ...],
) -> None:
    allowed = sorted(os.sched_getaffinity(0))
    weft.set_num_threads(1)
    favoured: list[int] = []  # the others work until this one has done its share
    stop = threading.Event()
    arrived = threading.Event()

    def work(index: int) -> None:
        os.sched_setaffinity(0, {allowed[cores[index]]})
        x = weft.randn(64, 64)
        net = weft.nn.Linear(64, 64)
        steps = 0
        while not stop.is_set():
            net(x).sum().backward()
            steps = steps + 1 if favoured == [index] else 0
            if steps == 500:
                arrived.set()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(cores))]
    for thread in threads:
        thread.start()
    try:
        for index in range(len(cores)):
            arrived.clear()
            favoured[:] = [index]
            assert arrived.wait(60), f"thread {index} of those pinned to {cores} stands still"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
