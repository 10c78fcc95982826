"""`weft demo`, short: it learns, writes its files, and leaves cleanly when interrupted or incomplete."""

import importlib.util
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from weft import cli, demo

NEEDED = ("sklearn", "tqdm", "matplotlib", "safetensors")
needs_extra = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in NEEDED), reason="the extra `demo` is not installed"
)


@needs_extra
def test_a_short_demo_learns_and_writes_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.numpy import load_file

    assert cli.main(["demo", "--epochs", "2", "--threads", "2", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "the same to the last bit" in out
    assert "counting thread kept" in out
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    weights = load_file(tmp_path / "digits.safetensors")
    assert weights["conv1.weight"].shape == (32, 1, 3, 3)
    assert set(weights) == set(demo.DigitNet().state_dict())


@needs_extra
def test_the_network_reads_most_digits_after_a_few_epochs() -> None:
    training = demo.Training(demo.Digits.load(), epochs=4, seed=0)
    training.run(lambda images: None, threading.Event())
    assert training.accuracy() > 0.9
    assert training.curve.loss[-1] < training.curve.loss[0]


def test_missing_packages_are_named_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(demo._NEEDED, "no_such_module", "no-such-package")
    assert cli.main(["demo"]) == 1
    errors = capsys.readouterr().err
    assert "no-such-package" in errors
    assert 'pip install ".[demo]"' in errors


def test_an_error_in_one_thread_stops_all_and_is_raised() -> None:
    class Failing:
        def run(self, advance: object, stop: object) -> None:
            raise ZeroDivisionError

    class Endless:
        def run(self, advance: object, stop: threading.Event) -> None:
            stop.wait()

    with pytest.raises(ZeroDivisionError):
        demo.train_at_once([Endless(), Failing()], lambda images: None)  # type: ignore[list-item]


@needs_extra
def test_ctrl_c_leaves_with_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "weft.cli", "demo", "--epochs", "1000", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "out").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors == "weft: interrupted\n"
