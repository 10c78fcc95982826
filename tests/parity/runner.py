"""Runs operators in forked children, so that a crash or a hang is an outcome like any other."""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import time
from collections.abc import Iterable, Iterator

import torch

from tests.parity.check import Outcome, check_errors, check_op
from tests.parity.database import entries

Report = dict[str, Outcome]  # by dtype name, and "errors"


def run_op(name: str, dtypes: Iterable[str], limit: int | None) -> Report:
    """One operator in this process."""
    op = entries()[name]
    report: Report = {}
    for dtype_name in dtypes:
        dtype = getattr(torch, dtype_name)
        if dtype in op.supported_dtypes("cpu"):
            report[dtype_name] = check_op(op, dtype, limit)
    report["errors"] = check_errors(op)
    return report


def run_all(
    names: Iterable[str], dtypes: Iterable[str], limit: int | None, jobs: int = 2, seconds: float = 300
) -> Iterator[tuple[str, Report]]:
    """Each operator in a child of its own; what kills the child is reported as the failure of all its aspects."""
    entries()
    torch.set_num_threads(1)
    waiting = list(names)[::-1]
    running: dict[int, tuple[str, int, float, bytearray]] = {}
    while waiting or running:
        while waiting and len(running) < jobs:
            name = waiting.pop()
            read_end, write_end = os.pipe()
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    os.close(read_end)
                    os.setpgid(0, 0)
                    data = pickle.dumps(run_op(name, dtypes, limit))
                    with os.fdopen(write_end, "wb") as pipe:
                        pipe.write(data)
                    status = 0
                except BaseException as error:  # the parent must hear of it, whatever it is
                    print(f"{name}: {error!r}", file=sys.stderr)
                finally:
                    os._exit(status)
            os.close(write_end)
            running[read_end] = (name, child, time.monotonic(), bytearray())
        ready, _, _ = select.select(list(running), [], [], 1.0)
        for pipe_end in ready:
            name, child, start, data_so_far = running[pipe_end]
            piece = os.read(pipe_end, 1 << 16)
            if piece:
                data_so_far += piece
                continue
            os.close(pipe_end)
            del running[pipe_end]
            _, status = os.waitpid(child, 0)
            if status == 0 and data_so_far:
                yield name, pickle.loads(bytes(data_so_far))
            else:
                yield name, _dead(f"killed the process, status {status}")
        for pipe_end, (name, child, start, _) in list(running.items()):
            if time.monotonic() - start > seconds:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                os.close(pipe_end)
                del running[pipe_end]
                yield name, _dead(f"not done after {seconds} s")


def _dead(reason: str) -> Report:
    outcome = Outcome()
    outcome.note("v", reason)
    return {"float32": outcome}
