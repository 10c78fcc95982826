"""``weft run script.py``: runs a PyTorch program unchanged; ``import torch`` means weft in it.

Also ``python -m weft.run script.py [arguments]`` and ``... -m package.module [arguments]``.
"""

from __future__ import annotations

import argparse
import builtins
import importlib.machinery
import io
import os
import re
import runpy
import sys
import types
from typing import Any

import weft
from weft import _alias
from weft._names import to_torch

__all__ = ["add_command", "main", "missing_name", "run"]

_HIDDEN = tuple(os.path.dirname(os.path.abspath(path)) + os.sep for path in (weft.__file__,))


def add_command(commands: Any) -> None:
    """Adds `run` to the `weft` command."""
    parser = commands.add_parser(
        "run",
        help="run a PyTorch program unchanged",
        description="Runs a PyTorch program unchanged: `import torch` means weft in it.",
    )
    add_arguments(parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `run`."""
    parser.add_argument("--check", action="store_true", help="list the names of PyTorch in the program; do not run it")
    parser.add_argument("-m", dest="is_module", action="store_true", help="the program is a module, as in python -m")
    parser.add_argument("program", help="a file, or with -m a module")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the program finds in sys.argv")
    parser.set_defaults(run=lambda arguments: run_command(arguments))


def run_command(arguments: argparse.Namespace) -> int:
    """Does what the parsed arguments say; returns the exit status."""
    if arguments.check:
        from weft._program_names import report

        return report(arguments.program, is_module=arguments.is_module)
    return run(arguments.program, arguments.arguments, is_module=arguments.is_module)


def run(program: str, arguments: list[str], *, is_module: bool = False) -> int:
    """Runs a program as ``python program arguments`` would, with weft in the place of PyTorch.

    Args:
        program: path of a file; with is_module the name of a module.
        arguments: what follows in its ``sys.argv``.
    Returns:
        The exit status: 0, or 1 after an error, which has been printed.
    """
    _alias.install()
    sys.argv = [program, *arguments]
    try:
        if is_module:
            _enter_folder(os.getcwd())
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            _run_file(program)
    except SystemExit:
        raise
    except BaseException as error:
        return _explain(error)
    return 0


def _enter_folder(folder: str) -> None:
    """The program's folder takes the place on sys.path that this command's had."""
    if not sys.flags.safe_path:
        sys.path[0] = folder


def _run_file(program: str) -> None:
    path = os.path.abspath(program)
    _enter_folder(os.path.dirname(path))
    try:
        with io.open_code(path) as file:
            source = file.read()
    except OSError as error:
        print(f"weft run: can't open file {path!r}: [Errno {error.errno}] {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins, __cached__=None, __annotations__={})
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", path)
    _replaced.append(sys.modules["__main__"])
    sys.modules["__main__"] = main
    exec(compile(source, path, "exec"), main.__dict__)


_replaced: list[types.ModuleType] = []  # a module without references would lose its contents, which are running


def _is_ours(filename: str) -> bool:
    return filename.startswith(_HIDDEN) or filename.startswith("<frozen ")


def _short(path: str) -> str:
    """A path below the current folder as seen from it."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _explain(error: BaseException) -> int:
    """Prints an error that ended the program: one line when a name of PyTorch is missing, else as Python does."""
    trace = error.__traceback__
    name = missing_name(error)
    if name is not None:
        where = ""
        while trace is not None:
            if not _is_ours(trace.tb_frame.f_code.co_filename):
                where = f"{_short(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}: "
            trace = trace.tb_next
        print(f"{where}{name} is missing in weft (`weft run --check` lists all that a program misses)", file=sys.stderr)
        return 1
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def missing_name(error: BaseException) -> str | None:
    """PyTorch's name that an error is about because weft lacks it, or None.

    >>> try:
    ...     weft.no_such_function
    ... except AttributeError as error:
    ...     missing_name(error)
    'torch.no_such_function'
    """
    if isinstance(error, ModuleNotFoundError):
        module = to_torch(error.name or "")
        return module if module.startswith("torch.") else None
    if isinstance(error, ImportError):
        found = re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
        module = to_torch(found[2]) if found else ""
        return f"{module}.{found[1]}" if found and module.split(".")[0] == "torch" else None
    if isinstance(error, AttributeError) and error.name is not None:
        owner: Any = error.obj
        if isinstance(owner, types.ModuleType):
            module = to_torch(owner.__name__)
            return f"{module}.{error.name}" if module.split(".")[0] == "torch" else None
        if owner is weft.Tensor or type(owner) in (weft.Tensor, weft.nn.Parameter):
            return f"torch.Tensor.{error.name}"
    return None


def main(argv: list[str] | None = None) -> int:
    """`python -m weft.run`."""
    parser = argparse.ArgumentParser(prog="python -m weft.run", description=__doc__)
    add_arguments(parser)
    return run_command(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
