"""Tensors shared between processes."""

from __future__ import annotations

import multiprocessing as standard

import pytest

import weft
import weft.multiprocessing as mp


def _add_one(x, model) -> None:
    x += 1
    with weft.no_grad():
        model.weight.fill_(2)


def _answer(queue, answers) -> None:
    x = queue.get(timeout=60)
    x[0] = 7
    answers.put(weft.arange(3))
    queue.get(timeout=60)  # stay until what was sent has arrived


def _spawned(index: int, shared) -> None:
    shared[index] = index + 1


def _failing(index: int) -> None:
    if index == 1:
        raise ValueError("broken on purpose")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_write_to_shared_tensors(method: str) -> None:
    x, model = weft.zeros(3).share_memory_(), weft.nn.Linear(2, 2)
    model.share_memory()
    assert x.is_shared()
    assert model.weight.is_shared()
    process = mp.get_context(method).Process(target=_add_one, args=(x, model))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert x.tolist() == [1, 1, 1]
    assert model.weight.tolist() == [[2, 2], [2, 2]]


def test_views_see_what_was_shared() -> None:
    x = weft.arange(6.0)
    view = x[2:]
    x.share_memory_()
    x[2] = 9
    assert view.is_shared()
    assert view[0].item() == 9


def test_queue_shares_what_it_carries() -> None:
    context = standard.get_context("spawn")
    queue, answers = context.Queue(), context.Queue()
    process = context.Process(target=_answer, args=(queue, answers))
    process.start()
    x = weft.zeros(2)
    queue.put(x)
    assert answers.get(timeout=60).tolist() == [0, 1, 2]
    assert x.tolist() == [7, 0]
    queue.put(None)
    process.join(60)
    assert process.exitcode == 0


def test_recorded_history_is_not_sent() -> None:
    from multiprocessing.reduction import ForkingPickler

    with pytest.raises(RuntimeError, match="non-leaf"):
        ForkingPickler.dumps(weft.ones(1, requires_grad=True) * 2)


def test_memory_that_numpy_sees_does_not_move() -> None:
    x = weft.ones(1000)
    array = x.numpy()
    with pytest.raises(RuntimeError, match="not resizable"):
        x.share_memory_()
    with pytest.raises(RuntimeError, match="not resizable"):
        x.resize_(10000)
    assert array.sum() == 1000
    del array
    assert x.share_memory_().sum().item() == 1000


def test_spawn_runs_a_function_in_each_process() -> None:
    shared = weft.zeros(2).share_memory_()
    mp.spawn(_spawned, (shared,), nprocs=2)
    assert shared.tolist() == [1, 2]


def test_spawn_raises_what_a_process_raised() -> None:
    with pytest.raises(mp.ProcessRaisedException, match="broken on purpose") as caught:
        mp.spawn(_failing, nprocs=2)
    assert caught.value.error_index == 1
