"""A workload: one line that says what to run, in terms of a library that may be weft or PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

Lib = Any  # weft or torch: the same names mean the same things
Call = Callable[[], object]
Make = Callable[[Lib], Sequence[Any] | Call]


@dataclass(frozen=True)
class Workload:
    """What is measured, and what the machine's limit for it is.

    Args:
        family: its group in the report.
        name: what it is, with sizes.
        make: given a library, makes inputs and returns what to call: a callable, or ``(function, *arguments)``.
        flops: floating-point operations a call, where these bound it.
        bytes: bytes that must move a call, where memory bounds it; counted against copies when beyond any cache.
        out: whether ``function(*arguments, out=...)`` is measured too.
        quick: whether ``--quick`` takes it.
        note: why it loses, for the report.
    """

    family: str
    name: str
    make: Make
    flops: float = 0.0
    bytes: float = 0.0
    out: bool = False
    quick: bool = False
    note: str = ""

    def variants(self) -> list[tuple[str, Callable[[Lib], Call]]]:
        """The name and maker of each way it is measured: fresh outputs, and preallocated where asked for."""

        def fresh(lib: Lib) -> Call:
            made = self.make(lib)
            if callable(made):
                return made
            function, *arguments = made
            return lambda: function(*arguments)

        def preallocated(lib: Lib) -> Call:
            made = self.make(lib)
            assert not callable(made)
            function, *arguments = made
            out = function(*arguments)
            return lambda: function(*arguments, out=out)

        return [(self.name, fresh), *([(f"{self.name}, out=", preallocated)] if self.out else [])]


_ALL: list[Workload] = []


def family(name: str) -> Callable[..., None]:
    """What declares the workloads of a family: ``add = family("sums"); add("1K", lambda lib: ..., bytes=4096)``."""

    def add(title: str, make: Make, **options: Any) -> None:
        _ALL.append(Workload(name, title, make, **options))

    return add


def all_workloads() -> Sequence[Workload]:
    import bench.workloads as package

    assert isinstance(package, ModuleType)
    return tuple(_ALL)


def backward(lib: Lib, output: Any, *inputs: Any) -> Call:
    """The backward pass alone, from `output` to `inputs`, again and again over one graph."""
    gradient = lib.randn(output.shape)
    if output.dim() == 4 and output.stride()[1] == 1:
        gradient = gradient.contiguous(memory_format=lib.channels_last)
    return lambda: lib.autograd.grad(output, inputs, gradient, retain_graph=True)


def leaf(lib: Lib, *shape: int) -> Any:
    """A random tensor that gradients are wanted for."""
    return lib.randn(*shape).requires_grad_()
