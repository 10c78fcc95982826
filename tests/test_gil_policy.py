"""Policies for letting go of Python's lock: they are followed, per process and per thread, and counted."""

import sys
import threading
from collections.abc import Iterator

import pytest

import weft

# Without the lock there is nothing to hold, to let go or to count.
has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
needs_gil = pytest.mark.skipif(not has_gil, reason="this Python has no lock")


@pytest.fixture(autouse=True)
def automatic() -> Iterator[None]:
    yield
    weft.gil.set_policy("auto")


def counts_of(calls: int) -> tuple[int, int]:
    """How many of `calls` large additions, 4 MB each, held and released the lock."""
    x = weft.ones(1 << 20)
    weft.gil.reset_stats()
    for _ in range(calls):
        x + x
    stats = weft.gil.stats()
    return stats.held, stats.released


def test_the_policy_is_auto_unless_told() -> None:
    assert weft.gil.get_policy() == "auto"


@needs_gil
def test_release_lets_go_every_time() -> None:
    weft.gil.set_policy("release")
    held, released = counts_of(20)
    assert released >= 20
    assert held == 0


@needs_gil
def test_hold_never_lets_go() -> None:
    weft.gil.set_policy("hold")
    held, released = counts_of(20)
    assert held >= 20
    assert released == 0


def test_a_threads_own_policy_ends_with_its_block() -> None:
    with weft.gil.policy("hold"):
        assert weft.gil.get_policy() == "hold"
        with weft.gil.policy("release"):
            assert weft.gil.get_policy() == "release"
        assert weft.gil.get_policy() == "hold"
    assert weft.gil.get_policy() == "auto"


def test_a_threads_own_policy_ends_with_an_error() -> None:
    with pytest.raises(KeyError), weft.gil.policy("hold"):
        raise KeyError
    assert weft.gil.get_policy() == "auto"


def test_a_threads_own_policy_is_not_anothers() -> None:
    seen: list[str] = []
    with weft.gil.policy("hold"):
        thread = threading.Thread(target=lambda: seen.append(weft.gil.get_policy()))
        thread.start()
        thread.join()
    assert seen == ["auto"]


def test_unknown_policies_raise() -> None:
    with pytest.raises(ValueError, match="sometimes"):
        weft.gil.set_policy("sometimes")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sometimes"), weft.gil.policy("sometimes"):  # type: ignore[arg-type]
        pass
    assert weft.gil.get_policy() == "auto"


def test_reset_starts_the_counts_again() -> None:
    counts_of(3)
    weft.gil.reset_stats()
    assert weft.gil.stats() == weft.gil.Stats(held=0, released=0, waited=0.0)


@needs_gil
def test_another_thread_runs_during_a_large_operation() -> None:
    weft.gil.set_policy("release")
    a = weft.randn(2500, 2500)
    started, finished = threading.Event(), threading.Event()

    def multiply() -> None:
        started.set()
        a @ a
        finished.set()

    thread = threading.Thread(target=multiply)
    thread.start()
    started.wait()
    turns = 0
    while not finished.is_set():
        turns += 1
    thread.join()
    # With the lock held all the way there would be a turn or two per switch of threads; free, there are 10^5.
    assert turns > 1000
