"""`weft run`: PyTorch programs as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.fixture
def run(tmp_path: Path):
    """Writes files, runs the first one, and gives the finished process."""

    def _run(files: dict[str, str], *arguments: str, before: tuple[str, ...] = (), program: str = ""):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
        command = [sys.executable, "-m", "weft.run", *before, program or next(iter(files)), *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return _run


TRAINING = """
    import argparse
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    from torch import Tensor, optim
    from torch.utils.data import DataLoader, TensorDataset
    import helper

    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float)
    args = parser.parse_args()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(x)

    if __name__ == "__main__":
        torch.manual_seed(0)
        net = Net()
        optimizer = optim.SGD(net.parameters(), lr=args.lr)
        x = torch.randn(8, 3)
        data = DataLoader(TensorDataset(x, helper.target(x)), batch_size=4)
        for epoch in range(200):
            for inputs, targets in data:
                optimizer.zero_grad()
                loss = F.mse_loss(net(inputs), targets)
                loss.backward()
                optimizer.step()
        torch.save(net.state_dict(), "net.pt")
        net.load_state_dict(torch.load("net.pt"))
        print("trained", loss.item() < 1e-3, torch.__version__.startswith("2.13"))
"""
HELPER = """
    import torch

    def target(x):
        return x.sum(1, keepdim=True)
"""


def test_program_of_several_files_with_arguments_trains(run) -> None:
    done = run({"train.py": TRAINING, "helper.py": HELPER}, "--lr", "0.1")
    assert done.stderr == ""
    assert done.stdout == "trained True True\n"


def test_module_of_a_package_runs_with_m(run) -> None:
    files = {"pkg/__init__.py": "", "pkg/work.py": "import sys, torch\nprint(sys.argv[1:], torch.ones(2).sum().item())"}
    done = run(files, "a", before=("-m",), program="pkg.work")
    assert (done.stdout, done.stderr) == ("['a'] 2.0\n", "")


def test_names_below_torch_are_wefts_own_modules(run) -> None:
    done = run(
        {"a.py": "import weft, torch.nn.functional as F, torch\nprint(F is weft.nn.functional, torch.nn.__spec__.name)"}
    )
    assert done.stdout == "True weft.nn\n"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("torch.quantum(1)", "torch.quantum"),
        ("import torch.quantum.field", "torch.quantum"),
        ("from torch import quantum", "torch.quantum"),
        ("from torch.nn import Quantum", "torch.nn.Quantum"),
        ("torch.ones(1).quantum_()", "torch.Tensor.quantum_"),
        ("torch.nn.functional.quantum", "torch.nn.functional.quantum"),
    ],
)
def test_missing_name_is_one_line_with_the_place(run, line: str, name: str) -> None:
    done = run({"a.py": f"import torch\n\n{line}\n"})
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"a.py:3: {name} is missing in weft")


def test_missing_name_that_the_program_catches_is_its_own_affair(run) -> None:
    done = run({"a.py": "try:\n    from torch import quantum\nexcept ImportError:\n    print('without')"})
    assert (done.stdout, done.stderr, done.returncode) == ("without\n", "", 0)


@pytest.mark.parametrize(
    "program",
    [
        "import torch\ndef f(x):\n    return [][1]\nf(torch.ones(1))\n",
        "x = = 1\n",
        "raise SystemExit('over')\n",
        "import sys\nsys.exit(7)\n",
    ],
)
def test_errors_of_the_program_look_as_under_python(run, tmp_path: Path, program: str) -> None:
    ours = run({"a.py": program})
    (tmp_path / "a.py").write_text(program.replace("import torch\n", "import weft as torch\n"))
    theirs = subprocess.run([sys.executable, "a.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    assert ours.stderr == theirs.stderr


def test_program_that_does_not_exist_exits_with_2(run) -> None:
    done = run({"a.py": ""}, program="b.py")
    assert done.returncode == 2
    assert "can't open file" in done.stderr


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_child_processes_see_torch_too(run, method: str) -> None:
    done = run(
        {
            "a.py": f"""
            import multiprocessing
            import torch

            def work(x):
                return x.sum().item() + torch.ones(1).item()

            if __name__ == "__main__":
                with multiprocessing.get_context("{method}").Pool(1) as pool:
                    print(pool.apply(work, (torch.ones(3),)))
            """
        }
    )
    assert (done.stdout, done.stderr) == ("4.0\n", "")


def test_check_lists_what_a_program_uses_and_what_is_missing(run) -> None:
    files = {
        "a.py": """
            import torch
            import torch.nn.functional as F
            from torch import nn
            import other

            net = nn.Linear(1, 1)
            functional = torch.nn.functional
            functional.quantum_relu(1)
            try:
                torch.maybe
            except AttributeError:
                pass
            """,
        "other.py": "import torch\ny = torch.quantum.entangle(torch.ones(1))\n",
    }
    done = run(files, before=("--check",))
    assert done.returncode == 1
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert ["ok", "torch.nn.Linear"] in lines
    assert ["ok", "torch.ones"] in lines
    assert ["MISSING", "torch.quantum", "other.py:2"] in lines
    assert ["MISSING", "torch.nn.functional.quantum_relu", "a.py:9"] in lines
    assert ["MISSING", "torch.maybe", "a.py:11 (the program catches its absence)"] in lines
    assert done.stdout.endswith(", 2 missing\n")


def test_check_of_a_program_that_lacks_nothing_succeeds(run) -> None:
    done = run({"a.py": "import torch\ntorch.ones(1)\n"}, before=("--check",))
    assert done.returncode == 0
    assert done.stdout.endswith("2 names of PyTorch, 0 missing\n")


def test_check_does_not_run_the_program(run) -> None:
    done = run({"a.py": "print('ran')\n"}, before=("--check",))
    assert "ran" not in done.stdout


def test_alias_refuses_beside_the_real_torch(run) -> None:
    code = (
        "import sys, types\nsys.modules['torch'] = types.ModuleType('torch')\nimport weft._alias\nweft._alias.install()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "PyTorch itself has been imported" in done.stderr
