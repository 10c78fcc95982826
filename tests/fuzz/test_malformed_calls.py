"""Some malformed calls on every run; `python -m tests.fuzz --count 100000` makes many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import weft

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
