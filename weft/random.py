"""Random numbers: the default generator, one per process and safe to share between threads, and its stream.

Numbers depend on the seed and on how many were drawn before, not on threads. weft's own stream is counter-based (Philox);
``use_torch_stream()`` changes to the one PyTorch has on a CPU, for programs that must start from the same weights.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from weft import _core
from weft._core import Generator, Tensor, default_generator
from weft._device import cpu

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]


def manual_seed(seed: int) -> Generator:
    """Starts the default generator's stream of this seed; the same numbers follow at any thread count.

    Raises:
        RuntimeError: seed does not fit 64 bits.

    >>> _ = weft.manual_seed(0)
    """
    value = int(seed)
    if not -(2**63) <= value < 2**64:
        raise RuntimeError(f"Overflow when unpacking long long: manual_seed() expected a seed of 64 bits, got {value}")
    return default_generator.manual_seed(value)


def seed() -> int:
    """Seeds the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default generator's stream."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's place in its stream, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Goes to a place that get_rng_state gave; with PyTorch's stream, also one that torch.get_rng_state gave.

    Raises:
        RuntimeError: new_state is no state of this stream.
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **_: Any) -> Iterator[None]:
    """Leaves the default generator as it was found.

    >>> with weft.random.fork_rng():
    ...     _ = weft.manual_seed(1)
    """
    state = default_generator._state()
    try:
        yield
    finally:
        if enabled:
            default_generator._set_state(state)


class use_torch_stream:
    """Draws PyTorch's CPU numbers from here on; as a context manager changes back at the end of the block.

    With the same seed, ``rand``, ``randn``, ``randint``, ``randperm``, ``normal_``, ``uniform_``, ``bernoulli``, dropout,
    ``exponential_``, ``log_normal_``, ``cauchy_``, ``geometric_``, ``random_``, and the initialisations built on them, give
    the numbers of PyTorch bit for bit: of a build with AVX2 or AVX-512, in the order of calls, for generators made after
    the change too. The stream is serial, so large fills are slower. Other samplers, and
    normal numbers in float16 and bfloat16 when there are 16 or more but no multiple of 16, follow their distributions only.

    Args:
        enabled: False goes back to weft's own stream.

    >>> with weft.random.use_torch_stream():
    ...     _ = weft.manual_seed(0)
    ...     weft.rand(2)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, enabled: bool = True) -> None:
        self._before = default_generator._is_torch()
        default_generator._set_torch(enabled)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        default_generator._set_torch(self._before)


# Methods of Generator that are written in Python.


def _get_state(self: Generator) -> Tensor:
    """The place in the stream, as a tensor of bytes."""
    return _core._from_buffer(bytearray(self._state()))


def _set_state(self: Generator, new_state: Tensor) -> Generator:
    """Goes to a place that get_state gave; returns the generator."""
    if not isinstance(new_state, Tensor) or new_state.dtype != _core.uint8:
        kind = new_state.dtype if isinstance(new_state, Tensor) else type(new_state).__name__
        raise TypeError(f"set_state(): expected a tensor of uint8, got {kind}")
    self._set_state(bytes(memoryview(new_state.detach().contiguous())))
    return self


def _seed(self: Generator) -> int:
    """Seeds from the operating system; returns the seed."""
    value = secrets.randbits(63)
    self.manual_seed(value)
    return value


def _clone_state(self: Generator) -> Generator:
    """Another generator at the same place."""
    other = Generator()
    other._set_torch(self._is_torch())
    other._set_state(self._state())
    return other


def _reduce(self: Generator) -> Any:
    return _rebuild, (self._is_torch(), self._state())


def _rebuild(is_torch: bool, state: bytes) -> Generator:
    generator = Generator()
    generator._set_torch(is_torch)
    generator._set_state(state)
    return generator


for _name, _method in {
    "get_state": _get_state, "set_state": _set_state, "seed": _seed, "clone_state": _clone_state, "__reduce__": _reduce,
    "device": property(lambda self: cpu, doc="Always the CPU."),
}.items():  # fmt: skip
    setattr(Generator, _name, _method)
