"""The data loader: order, errors, workers and their end."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import weft
from weft.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info


class Squares(Dataset):
    def __init__(self, n=20, slow_every=None, fail_at=None):
        self.n, self.slow_every, self.fail_at = n, slow_every, fail_at

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if self.slow_every and i % self.slow_every == 0:
            time.sleep(0.01)
        if i == self.fail_at:
            raise ValueError(f"bad sample {i}")
        return i * i


class Stream(IterableDataset):
    def __init__(self, lengths):
        self.lengths = lengths

    def __iter__(self):
        info = get_worker_info()
        worker = 0 if info is None else info.id
        for i in range(self.lengths[worker]):
            yield worker * 100 + i


def values(loader):
    return [batch.tolist() for batch in loader]


def workers_alive():
    gc.collect()  # an exception caught by an earlier test may hold an iterator in a cycle
    return [thread for thread in threading.enumerate() if thread.name.startswith("weft-data-")]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("workers", [0, 1, 2, 5])
def test_batches_come_in_order(workers):
    loader = DataLoader(Squares(20, slow_every=3), batch_size=3, num_workers=workers)
    flat = [value for batch in values(loader) for value in batch]
    assert flat == [i * i for i in range(20)]
    assert len(loader) == 7


def test_drop_last_leaves_out_the_short_batch():
    assert len(values(DataLoader(Squares(7), batch_size=3, drop_last=True, num_workers=2))) == 2


def test_batch_size_none_yields_samples():
    assert list(DataLoader(Squares(4), batch_size=None, num_workers=2)) == [0, 1, 4, 9]


def test_shuffle_with_seed_is_the_same_for_any_number_of_workers():
    orders = []
    for workers in (0, 1, 3):
        generator = weft.Generator()
        generator.manual_seed(7)
        orders.append(values(DataLoader(Squares(), 4, shuffle=True, num_workers=workers, generator=generator)))
    assert orders[0] == orders[1] == orders[2]
    assert sorted(value for batch in orders[0] for value in batch) == [i * i for i in range(20)]


def test_batch_sampler_decides_the_batches():
    loader = DataLoader(Squares(), batch_sampler=[[1, 2], [5]], num_workers=2)
    assert values(loader) == [[1, 4], [25]]


@pytest.mark.parametrize("workers", [0, 2])
def test_collate_fn_gets_the_samples(workers):
    assert list(DataLoader(Squares(4), batch_size=2, collate_fn=sum, num_workers=workers)) == [1, 13]


def test_worker_exception_carries_its_traceback():
    loader = DataLoader(Squares(fail_at=5), batch_size=4, num_workers=2)
    iterator = iter(loader)
    assert next(iterator).tolist() == [0, 1, 4, 9]
    with pytest.raises(ValueError, match="bad sample 5") as error:
        next(iterator)
    message = str(error.value)
    assert message.startswith("Caught ValueError in DataLoader worker thread 1.\nOriginal Traceback")
    assert "in __getitem__" in message
    assert next(iterator).tolist() == [64, 81, 100, 121]  # the loader goes on


def test_key_error_message_is_readable():
    class Missing(Squares):
        def __getitem__(self, i):
            return {}["name"]

    with pytest.raises(KeyError) as error:
        next(iter(DataLoader(Missing(), num_workers=1)))
    assert "\\n" not in str(error.value)


def test_exception_that_needs_several_arguments_becomes_runtime_error():
    class Odd(Exception):
        def __init__(self, a, b):
            super().__init__(a, b)

    class Bad(Squares):
        def __getitem__(self, i):
            raise Odd(1, 2)

    with pytest.raises(RuntimeError, match="Caught Odd in DataLoader worker thread 0"):
        next(iter(DataLoader(Bad(), num_workers=1)))


def test_stop_iteration_in_getitem_is_an_error():
    class Bad(Squares):
        def __getitem__(self, i):
            raise StopIteration

    with pytest.raises(RuntimeError, match="Caught StopIteration"):
        next(iter(DataLoader(Bad(), num_workers=1)))


def test_exception_in_worker_init_fn_is_raised():
    def init(worker):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        next(iter(DataLoader(Squares(), num_workers=1, worker_init_fn=init)))


def test_iterable_dataset_takes_workers_in_turn_until_they_end():
    loader = DataLoader(Stream([3, 1]), batch_size=None, num_workers=2)
    assert list(loader) == [0, 100, 1, 2]


@pytest.mark.parametrize("repeat", range(5))
def test_iterable_order_does_not_depend_on_timing(repeat):
    class Jittery(Stream):
        def __iter__(self):
            for value in super().__iter__():
                time.sleep(np.random.default_rng().uniform(0, 0.003))
                yield value

    loader = DataLoader(Jittery([4, 1, 6]), batch_size=2, num_workers=3)
    assert values(loader) == [[0, 1], [100], [200, 201], [2, 3], [202, 203], [204, 205]]


@pytest.mark.parametrize("workers", [0, 1])
def test_iterable_drop_last(workers):
    loader = DataLoader(Stream([5]), batch_size=2, drop_last=True, num_workers=workers)
    assert values(loader) == [[0, 1], [2, 3]]


def test_worker_info_names_worker_and_seed():
    class Info(Squares):
        def __getitem__(self, i):
            info = get_worker_info()
            return info.id, info.num_workers, info.seed - info.id, info.dataset is self

    infos = list(DataLoader(Info(4), batch_size=None, num_workers=2))
    assert [info[0] for info in infos] == [0, 1, 0, 1]
    assert {info[1] for info in infos} == {2}
    assert len({int(info[2]) for info in infos}) == 1
    assert all(info[3] for info in infos)
    assert get_worker_info() is None


def test_workers_have_their_own_reproducible_random_numbers():
    class Random(Squares):
        def __getitem__(self, i):
            return weft.rand(1, generator=get_worker_info().generator).item()

    def draw():
        weft.manual_seed(3)
        return list(DataLoader(Random(8), batch_size=None, num_workers=2))

    first = draw()
    assert first == draw()
    assert len(set(first)) == 8


def test_worker_init_fn_may_change_the_workers_dataset():
    class Range(IterableDataset):
        def __init__(self, start, end):
            self.start, self.end = start, end

        def __iter__(self):
            return iter(range(self.start, self.end))

    def split(worker):
        dataset = get_worker_info().dataset
        middle = (dataset.start + dataset.end) // 2
        if worker == 0:
            dataset.end = middle
        else:
            dataset.start = middle

    dataset = Range(0, 6)
    assert list(DataLoader(dataset, batch_size=None, num_workers=2, worker_init_fn=split)) == [
        0,
        3,
        1,
        4,
        2,
        5,
    ]
    assert (dataset.start, dataset.end) == (0, 6)


def test_prefetch_factor_bounds_the_work_ahead():
    made = []

    class Counted(Squares):
        def __getitem__(self, i):
            made.append(i)
            return i

    iterator = iter(DataLoader(Counted(50), num_workers=2, prefetch_factor=3))
    assert wait_until(lambda: len(made) == 6)
    time.sleep(0.02)
    assert len(made) == 6
    next(iterator)
    assert wait_until(lambda: len(made) == 7)


def test_persistent_workers_are_the_same_threads():
    class Thread(Squares):
        def __getitem__(self, i):
            return threading.get_ident()

    loader = DataLoader(Thread(8), batch_size=None, num_workers=2, persistent_workers=True)
    assert set(loader) == set(loader)


def test_persistent_workers_forget_an_unfinished_epoch():
    loader = DataLoader(Squares(30, slow_every=2), batch_size=2, num_workers=3, persistent_workers=True)
    expected = values(DataLoader(Squares(30), batch_size=2))
    for _ in range(3):
        iterator = iter(loader)
        assert next(iterator).tolist() == expected[0]
        assert next(iterator).tolist() == expected[1]
    assert values(loader) == expected


def test_workers_end_with_the_epoch():
    list(DataLoader(Squares(), num_workers=3))
    assert wait_until(lambda: not workers_alive())


def test_workers_end_when_the_iterator_is_dropped_half_way():
    iterator = iter(DataLoader(Squares(1000), num_workers=3))
    next(iterator)
    assert workers_alive()
    del iterator
    gc.collect()
    assert wait_until(lambda: not workers_alive())


def test_timeout_raises():
    class Slow(Squares):
        def __getitem__(self, i):
            time.sleep(0.5)
            return i

    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.05 seconds"):
        next(iter(DataLoader(Slow(), num_workers=1, timeout=0.05)))


def test_out_of_order_yields_what_is_ready():
    gate = threading.Event()

    class Gated(Squares):
        def __getitem__(self, i):
            if i == 0:
                gate.wait(5)
            return i

    iterator = iter(DataLoader(Gated(4), batch_size=None, num_workers=2, in_order=False))
    first = next(iterator)
    gate.set()
    assert first == 1
    assert sorted([first, *iterator]) == [0, 1, 2, 3]


def test_tensor_dataset_batches_keep_dtype_and_shape():
    data = TensorDataset(weft.arange(12.0).reshape(6, 2), weft.arange(6))
    x, y = next(iter(DataLoader(data, batch_size=4, num_workers=2)))
    assert tuple(x.shape) == (4, 2)
    assert y.tolist() == [0, 1, 2, 3]
    assert x.dtype == weft.float32
    assert y.dtype == weft.int64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "shuffle": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"worker": "fibre"}, "worker should be 'thread'"),
    ],
)
def test_bad_options_raise_value_error(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(), **options)


class Drawing(Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index):
        return weft.tensor([float(index), weft.rand(1).item()])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes_make_the_batches_in_order(context):
    loader = DataLoader(Drawing(), batch_size=3, num_workers=2, worker="process", multiprocessing_context=context)
    assert [batch[:, 0].tolist() for batch in loader] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_persistent_worker_processes_serve_more_epochs():
    loader = DataLoader(Drawing(), num_workers=2, worker="process", persistent_workers=True)
    for _ in range(2):
        assert [int(batch[0, 0].item()) for batch in loader] == list(range(8))
    loader._iterator._finalizer()


class Broken(Drawing):
    def __getitem__(self, index):
        raise KeyError(f"sample {index}")


def test_exception_of_a_worker_process_comes_with_its_traceback():
    with pytest.raises(KeyError, match=r"(?s)worker process 0.*sample 0"):
        next(iter(DataLoader(Broken(), num_workers=1, worker="process")))


class Dying(Drawing):
    def __getitem__(self, index):
        os._exit(3)


def test_worker_process_that_dies_is_reported():
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        next(iter(DataLoader(Dying(), num_workers=1, worker="process")))


@pytest.mark.parametrize("worker", ["thread", "process"])
def test_default_generator_of_a_worker_is_its_own_and_reproducible(worker):
    def epoch():
        weft.manual_seed(5)
        return [batch[:, 1].tolist() for batch in DataLoader(Drawing(), batch_size=2, num_workers=2, worker=worker)]

    first = epoch()
    assert first == epoch()
    assert len({value for batch in first for value in batch}) == 8
    before = weft.get_rng_state()
    assert first == epoch()
    weft.set_rng_state(before)


def test_threads_and_processes_draw_the_same_numbers():
    def epoch(worker):
        weft.manual_seed(5)
        return [batch.tolist() for batch in DataLoader(Drawing(), batch_size=2, num_workers=2, worker=worker)]

    assert epoch("thread") == epoch("process")


def test_iterable_dataset_refuses_shuffle_and_samplers():
    for options in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match="DataLoader with IterableDataset"):
            DataLoader(Stream([1]), **options)


def test_fixed_attributes_cannot_be_set():
    loader = DataLoader(Squares())
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 3


SCRIPT = """
    import time, weft
    from weft.utils.data import DataLoader, Dataset
    class Slow(Dataset):
        def __len__(self): return 100000
        def __getitem__(self, i):
            time.sleep({sleep})
            return i
    iterator = iter(DataLoader(Slow(), num_workers=2))
    next(iterator)
    print("ready", flush=True)
    {then}
"""


def run_script(sleep, then):
    code = textwrap.dedent(SCRIPT.format(sleep=sleep, then=then))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_interpreter_ends_while_a_loader_is_at_work():
    process = run_script(0.001, "pass")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors == ""


def test_ctrl_c_reaches_a_waiting_loader():
    process = run_script(0.2, "[next(iterator) for _ in range(1000)]")
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
