"""Some malformed calls on every run; `python -m tests.fuzz --count 100000` makes many."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from tests.fuzz.__main__ import judge_growth, live

COUNT = 1500


def test_malformed_calls_raise_and_nothing_else() -> None:
    root = Path(__file__).resolve().parents[2]
    package = Path(weft.__file__).resolve().parents[1]
    paths = [str(package), str(root), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "tests.fuzz", "--first", "0", "--count", str(COUNT), "--inside"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    )
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    assert done.returncode == 0, f"seed {last}: {done.stderr[-500:]}"


def test_what_lives_on_after_a_call_is_told_from_what_is_kept_once(capsys: pytest.CaptureFixture[str]) -> None:
    held: list[weft.Tensor] = []
    tables: dict[str, weft.Tensor] = {}

    def leaks() -> None:
        held.append(weft.zeros(1000))

    def keeps() -> None:
        tables.setdefault("table", weft.zeros(1000))

    for call in (leaks, keeps):
        gc.collect()  # of other tests
        before = live()
        call()
        judge_growth(7, before, call)
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["leaks", "7"], ["keeps", "7"]]
