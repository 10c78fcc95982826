"""The default generator of random numbers: one per process, safe to share between threads."""

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

    >>> _ = weft.manual_seed(0)
    """
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seeds the default generator from the operating system; returns the seed."""
    return _seed(default_generator)


def initial_seed() -> int:
    """The seed of the default generator's stream."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's place in its stream, as a tensor of bytes."""
    return _get_state(default_generator)


def set_rng_state(new_state: Tensor) -> None:
    """Goes to a place that get_rng_state gave."""
    _set_state(default_generator, new_state)


def _get_state(self: Generator) -> Tensor:
    """The place in the stream, as a tensor of bytes."""
    seed, offset = self._state()
    return _core._tensor(list(seed.to_bytes(8, "little") + offset.to_bytes(8, "little")), _core.uint8)


def _set_state(self: Generator, new_state: Tensor) -> None:
    """Goes to a place that get_state gave."""
    data = bytes(new_state.tolist())
    if len(data) != 16:
        raise RuntimeError(f"RNG state is wrong size: expected 16 bytes, got {len(data)}")
    self._set_state(int.from_bytes(data[:8], "little"), int.from_bytes(data[8:], "little"))


def _seed(self: Generator) -> int:
    """Starts a stream whose seed the operating system gives; returns the seed."""
    value = secrets.randbits(63)
    self.manual_seed(value)
    return value


def _clone(self: Generator) -> Generator:
    """Another generator at the same place."""
    copy = Generator()
    copy._set_state(*self._state())
    return copy


def _rebuild_generator(seed: int, offset: int) -> Generator:
    generator = Generator()
    generator._set_state(seed, offset)
    return generator


def _reduce(self: Generator) -> tuple[Any, ...]:
    return _rebuild_generator, self._state()


_METHODS: dict[str, Any] = {
    "get_state": _get_state,
    "set_state": _set_state,
    "seed": _seed,
    "clone_state": _clone,
    "device": property(lambda self: cpu, doc="Always the CPU."),
    "__reduce__": _reduce,
}
for _name, _method in _METHODS.items():
    setattr(Generator, _name, _method)


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
            default_generator._set_state(*state)
