"""The meter tells calls that hold Python's lock from calls that let it go. Bounds are wide: machines are busy."""

import ctypes
import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import weft
from weft import cli

has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()


def free(call: Callable[[], object], seconds: float = 0.2) -> float:
    share = weft.gil.measure(call, seconds=seconds).free
    if share is None:
        pytest.skip("this Python does not tell who holds its lock")
    return share


def test_sleeping_leaves_the_lock_free() -> None:
    assert free(lambda: time.sleep(0.005)) > 0.8


def test_c_code_called_with_the_lock_holds_it() -> None:
    libc = ctypes.PyDLL(None)
    assert free(lambda: libc.usleep(5000)) < 0.2


def test_half_and_half_is_half() -> None:
    held, released = ctypes.PyDLL(None), ctypes.CDLL(None)

    def both() -> None:
        held.usleep(4000)
        released.usleep(4000)

    assert 0.25 < free(both, seconds=0.6) < 0.75


def test_plain_python_holds_the_lock() -> None:
    assert free(lambda: sum(range(1000))) < 0.2


def test_large_native_work_of_others_and_of_weft_lets_go() -> None:
    data = bytes(1 << 22)
    a = weft.ones(1500, 1500)
    assert free(lambda: hashlib.sha256(data).digest()) > 0.8
    assert free(lambda: a @ a, seconds=0.4) > 0.8


def test_a_policy_shows_in_the_measurement() -> None:
    a = weft.ones(400, 400)

    def held() -> None:
        with weft.gil.policy("hold"):
            a @ a

    def released() -> None:
        with weft.gil.policy("release"):
            a @ a

    if has_gil:
        assert free(held) < 0.2
    assert free(released) > 0.5


def test_a_thread_measures_its_own_calls() -> None:
    found: list[float] = []
    thread = threading.Thread(target=lambda: found.append(free(lambda: time.sleep(0.005))))
    thread.start()
    thread.join()
    assert found[0] > 0.8


def test_arguments_are_passed_on_and_the_figures_are_shares() -> None:
    seen = set()

    def note(*args: object, **kwargs: object) -> None:
        seen.add((args, tuple(kwargs.items())))

    m = weft.gil.measure(note, 1, "two", seconds=0.05, three=3)
    assert seen == {((1, "two"), (("three", 3),))}
    assert 0 <= m.beside <= 1
    assert 0 <= m.neighbour <= 1
    assert m.seconds > 0
    assert m.calls > 2
    assert str(m).endswith(m.verdict)


def test_an_error_of_the_call_comes_through_and_ends_the_threads() -> None:
    before = threading.active_count()
    calls = iter(range(100))

    def fails_later() -> None:
        if next(calls) > 50:
            raise KeyError("told to")

    with pytest.raises(KeyError, match="told to"):
        weft.gil.measure(fails_later)
    assert threading.active_count() == before


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_nonsense_seconds_raise(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be positive"):
        weft.gil.measure(len, "", seconds=seconds)


@pytest.mark.parametrize(
    ("share", "beside", "says"),
    [
        (0.97, 0.9, "Lets other threads run nearly all the time and keeps 90% of its rate beside a busy one."),
        (0.97, 0.01, "a busy thread keeps it for a switch interval"),
        (0.0, 0.5, "Keeps other threads waiting and keeps 50%"),
        (0.5, 0.5, "Lets other threads run 50% of the time"),
        (None, 0.5, "This Python does not tell who holds its lock"),
    ],
)
def test_verdicts(share: float | None, beside: float, says: str) -> None:
    m = weft.gil.Measurement(free=share, error=0, beside=beside, neighbour=1, seconds=1e-3, calls=9, cpus=2)
    assert says in m.verdict
    assert m.verdict.endswith(".")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_inside_the_measured_call_ends_on_both_sides() -> None:
    code = """
import os, sys, weft
me = os.getpid()
def fork_once():
    global child
    if child is None:
        child = os.fork()
child = None
looks = weft._core._gil_sample(fork_once, 60000)
if os.getpid() != me:
    os._exit(7)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=60, check=True)


def test_the_command_measures_a_statement(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["gil", "time.sleep(0.001)", "--setup", "import time", "--seconds", "0.1"]) == 0
    assert "other threads could run" in capsys.readouterr().out


def test_the_command_reports_cases_of_a_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cases_of_a_test.py").write_text(
        "def ones(lib):\n    return (lambda: lib.ones((3, 3))) if lib.__name__ != 'numpy' else None\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("weft.gil._command._LIBRARIES", ("numpy", "weft", "no_such_library"))
    assert cli.main(["gil", "--report", "cases_of_a_test:ones", "--seconds", "0.05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(no_such_library is not installed)" in lines
    assert any(line.split()[:3] == ["cases_of_a_test:ones", "numpy", "-"] for line in lines)
    assert any(line.startswith("cases_of_a_test:ones") and "%" in line and "weft" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gil"], "give a statement"),
        (["gil", "1", "--report"], "give a statement"),
        (["gil", "1 +"], "invalid syntax"),
        (["gil", "--report", "json"], "module:function"),
        (["gil", "--report", "no_such_module:f"], "no_such_module"),
        (["gil", "--report", "json:nothing"], "nothing"),
    ],
)
def test_the_command_refuses_nonsense(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert says in capsys.readouterr().err
