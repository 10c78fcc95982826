"""Ctrl-C stops native work, and a forked child computes.

Each runs in a process of its own, as a signal or a hang here must not reach the tests. The times are bounds
with a lot of room, so that a busy machine does not fail them: without an answer to signals the product below
takes many times as long.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

INTERRUPTED = """
import sys, time, weft
weft.set_num_threads(1)
a = weft.randn(9000, 9000)
print("ready", flush=True)
try:
    a @ a
except KeyboardInterrupt:
    print("stopped", (weft.ones(3) + 1).tolist(), flush=True)
else:
    print("finished", flush=True)
"""

FORKED = """
import os, sys, warnings, weft
warnings.simplefilter("error")
a = weft.randn(600, 600)
expected = (a @ a).sum().item()
child = os.fork()
if not child:
    same = (a @ a).sum().item() == expected
    x = weft.ones(300, 300, requires_grad=True)
    (x @ x).sum().backward()
    os._exit(0 if same and x.grad[0, 0].item() == 600 else 1)
_, status = os.waitpid(child, 0)
assert (a @ a).sum().item() == expected
sys.exit(os.waitstatus_to_exitcode(status))
"""


def python(code: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process: how long it worked does not depend on what else the machine does."""
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads CPU times of Linux")
def test_ctrl_c_stops_a_product_within_half_a_second_of_work() -> None:
    process = python(INTERRUPTED)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        start = cpu_seconds(process.pid)
        while cpu_seconds(process.pid) - start < 0.3:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        signalled = cpu_seconds(process.pid)
        answer = process.stdout.readline()
        worked = cpu_seconds(process.pid) - signalled
    finally:
        process.kill()
        process.communicate()
    assert answer == "stopped [2.0, 2.0, 2.0]\n"
    # Half a second of work is promised; the product is more than five. The rest is room for coarse clocks.
    assert worked < 1.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_computes_and_so_does_its_parent() -> None:
    process = python(FORKED)
    try:
        _, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("the child hangs after fork")
    assert process.returncode == 0, errors


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_fork_from_a_second_thread_while_the_first_computes() -> None:
    code = """
import os, sys, threading, weft
a = weft.randn(400, 400)
stop = threading.Event()
def compute():
    while not stop.is_set():
        a @ a
thread = threading.Thread(target=compute)
thread.start()
statuses = []
for _ in range(5):
    child = os.fork()
    if not child:
        os._exit(0 if (a @ a).shape == (400, 400) else 1)
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
thread.join()
sys.exit(any(statuses))
"""
    process = python(code)
    try:
        _, errors = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("a child hangs after fork")
    assert process.returncode == 0, errors
