"""The example in every record's documentation runs and prints what it says."""

from __future__ import annotations

import doctest

import pytest

import weft
from ops import all_ops
from ops.table import Op


@pytest.mark.parametrize("op", [op for op in all_ops() if ">>>" in op.doc], ids=lambda op: op.key)
def test_example_runs(op: Op) -> None:
    example = doctest.DocTestParser().get_doctest(op.doc, {"weft": weft}, op.key, op.source, 0)
    output: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(example, out=output.append)
    assert runner.failures == 0, "".join(output)
