"""`weft gil`: the meter on the command line, for a statement or as a table of several libraries."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from weft.gil._meter import Measurement, duration, measure, percent

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_LIBRARIES = ("numpy", "torch", "weft")
_HELP = """Measures what a call leaves of Python's lock to other threads, and what a busy thread leaves of the call.

    weft gil "numpy.dot(a, b)" --setup "import numpy; a = b = numpy.ones((512, 512))"
    weft gil --report
    weft gil --report cases:matmul cases:attention

For a report, `module:function` names a function that is given a library, the module numpy, torch or weft, and returns
what to call without arguments, or None where the library has no such thing. Without names a few built-in cases run.
"""


def add_command(commands: Commands) -> None:
    """Tell the `weft` command's parser about `gil` and its options."""
    parser = commands.add_parser(
        "gil",
        help="measure how a call of any library shares Python's lock",
        description=_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("statement", nargs="?", help="Python to measure")
    parser.add_argument("--setup", default="pass", help="Python to run once before")
    parser.add_argument("--seconds", type=_positive, default=2.0, help="time for each measurement (%(default)s)")
    parser.add_argument("--report", nargs="*", metavar="module:function", help="compare NumPy, PyTorch and weft")
    parser.set_defaults(run=run)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError(f"must be positive, got {text}")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Do what the command line asked for; returns the exit status."""
    if (arguments.statement is None) == (arguments.report is None):
        print('weft gil: give a statement to measure, or --report; see "weft gil --help"', file=sys.stderr)
        return 2
    sys.path.insert(0, "")  # modules of the folder we are called from, as `python -m` has them
    if arguments.statement is not None:
        try:
            call = _compile(arguments.statement, arguments.setup)
        except SyntaxError as error:
            print(f"weft gil: {error}", file=sys.stderr)
            return 2
        print(measure(call, seconds=arguments.seconds))
        return 0
    try:
        cases = [(name, _find(name)) for name in arguments.report] or [
            (case.__name__.strip("_").replace("_", " "), case) for case in _CASES
        ]
    except (ImportError, AttributeError, ValueError) as error:
        print(f"weft gil: {error}", file=sys.stderr)
        return 2
    report(cases, arguments.seconds)
    return 0


def _compile(statement: str, setup: str) -> Callable[[], object]:
    """A function whose body is the statement, so that it costs no more than in a program."""
    names: dict[str, Any] = {}
    exec(compile(setup, "<setup>", "exec"), names)
    compile(statement, "<statement>", "exec")  # reports errors in terms of the statement alone
    body = "\n".join(f"    {line}" for line in statement.splitlines())
    exec(compile(f"def call():\n{body}\n", "<statement>", "exec"), names)
    call: Callable[[], object] = names["call"]
    return call


Case = Callable[[Any], Callable[[], object] | None]


def _find(name: str) -> Case:
    module, _, function = name.partition(":")
    if not (module and function):
        raise ValueError(f"--report takes module:function, got {name!r}")
    found = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise ValueError(f"{name} is not a function")
    return found


def report(cases: Iterable[tuple[str, Case]], seconds: float) -> None:
    """Print a line for each case and library: time of a call, free share, and what both keep beside one another."""
    libraries: dict[str, ModuleType] = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = importlib.import_module(name)
        except ImportError:
            print(f"({name} is not installed)")
    header = ("", "library", "one call", "lock free", "call kept", "busy thread kept")
    widths = [24, 8, 9, 9, 9, 16]
    print(_line(header, widths))
    for title, case in cases:
        for name, library in libraries.items():
            call = case(library)
            cells: Sequence[str] = ["-"] * 4 if call is None else _cells(measure(call, seconds=seconds))
            print(_line((title, name, *cells), widths), flush=True)
    print(
        "\nlock free: share of the call's time, alone, in which other threads could run Python. The other two are shares\n"
        "of the rates alone, when the call runs beside one thread that counts: by fair turns, half each."
    )


def _cells(m: Measurement) -> tuple[str, ...]:
    free = "unknown" if m.free is None else percent(m.free)
    return duration(m.seconds), free, percent(m.beside), percent(m.neighbour)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]
    return "  ".join(texts).rstrip()


# What a report shows when nothing is named: the same work in each library, from microseconds to milliseconds.


def _ones(lib: Any, *shape: int) -> Any:
    return lib.ones(shape, dtype=lib.float32)


def _add_64(lib: Any) -> Callable[[], object]:
    a = _ones(lib, 64)
    return lambda: a + a


def _exp_100_000(lib: Any) -> Callable[[], object]:
    a = _ones(lib, 100_000)
    return lambda: lib.exp(a)


def _matmul_32(lib: Any) -> Callable[[], object]:
    a = _ones(lib, 32, 32)
    return lambda: a @ a


def _matmul_256(lib: Any) -> Callable[[], object]:
    a = _ones(lib, 256, 256)
    return lambda: a @ a


def _matmul_1024(lib: Any) -> Callable[[], object]:
    a = _ones(lib, 1024, 1024)
    return lambda: a @ a


def _sort_100_000(lib: Any) -> Callable[[], object]:
    a = lib.arange(100_000) * 7919 % 100_003
    return lambda: lib.sort(a)


def _from_list_1000(lib: Any) -> Callable[[], object]:
    numbers = [float(i) for i in range(1000)]
    make = lib.tensor if hasattr(lib, "tensor") else lib.array
    return lambda: make(numbers)


def _mlp_64_wide(lib: Any) -> Callable[[], object] | None:
    if not hasattr(lib, "nn"):
        return None
    nn = lib.nn
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
    x = _ones(lib, 8, 64)

    def call() -> None:
        with lib.no_grad():
            net(x)

    return call


def _training_step_64_wide(lib: Any) -> Callable[[], object] | None:
    if not hasattr(lib, "nn"):
        return None
    nn = lib.nn
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = lib.optim.SGD(net.parameters(), lr=1e-3)
    x = _ones(lib, 32, 64)

    def step() -> None:
        optimizer.zero_grad()
        net(x).square().mean().backward()
        optimizer.step()

    return step


_CASES: tuple[Case, ...] = (
    _add_64, _matmul_32, _exp_100_000, _from_list_1000, _matmul_256, _sort_100_000, _matmul_1024, _mlp_64_wide,
    _training_step_64_wide,
)  # fmt: skip
