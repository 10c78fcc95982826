"""Every example runs, in a quick form, and reaches what it promises."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(name: str, *arguments: str) -> str:
    """What an example prints."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def last_percentage(text: str) -> float:
    return float(re.findall(r"([\d.]+)%", text)[-1])


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "safetensors")),
    reason="scikit-learn or safetensors is not installed",
)
def test_digits_are_learned(tmp_path: Path) -> None:
    out = run("digits.py", "--epochs", "4", "--save", str(tmp_path / "digits.safetensors"))
    assert last_percentage(out) > 90
    assert (tmp_path / "digits.safetensors").stat().st_size > 0


@pytest.mark.parametrize("policy", ["auto", "release", "hold"])
def test_the_server_answers_beside_busy_python(policy: str) -> None:
    out = run("serve.py", "--busy", "--policy", policy, "--clients", "2", "--requests", "10")
    assert out.startswith("20 answers to 2 clients")


def test_binary_weights_learn_two_spirals() -> None:
    assert last_percentage(run("custom_function.py", "--steps", "100")) > 90


def test_every_example_is_tested() -> None:
    tested = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text()))
    assert {path.name for path in EXAMPLES.glob("*.py")} == tested
