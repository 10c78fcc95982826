"""The `weft` command: one subcommand per thing to do, each in a module of its own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from weft import demo, run
from weft.gil import _command as gil


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `weft` command.

    Args:
        argv: arguments behind the command's name; those of the process when None.

    Returns:
        The exit status: 0 for success, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="weft", description="Deep learning for many CPU threads.")
    commands = parser.add_subparsers(required=True, metavar="command")
    demo.add_command(commands)
    gil.add_command(commands)
    run.add_command(commands)
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except KeyboardInterrupt:
        print("weft: interrupted", file=sys.stderr)
        # CPython notes an interrupt that ended an exec() of text, as namedtuple and dataclass use, and would at its own
        # exit die of it by signal although it was caught here; one that ends well clears the note.
        exec("")
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
