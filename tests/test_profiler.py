"""The profiler records every operator on every thread, and what each did with Python's lock."""

import gzip
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)

has_gil = getattr(sys, "_is_gil_enabled", lambda: True)()
needs_gil = pytest.mark.skipif(not has_gil, reason="this Python has no lock")


@pytest.fixture(autouse=True)
def _restore_threads() -> Iterator[None]:
    before = weft.get_num_threads()
    yield
    weft.set_num_threads(before)


def names(prof: profile) -> list[str]:
    return [event.name for event in prof.events()]


def test_calls_are_recorded_in_order_and_only_inside_the_block() -> None:
    x = weft.ones(4)
    with profile() as prof:
        (x.exp() + 1).sum()
    x.exp()
    assert names(prof) == ["weft::exp", "weft::add", "weft::sum"]
    assert not weft._core._trace_is_enabled()


def test_an_operator_that_raises_is_recorded_too() -> None:
    with profile() as prof, pytest.raises(RuntimeError):
        weft.ones(2, 3).reshape(7)
    assert "weft::reshape" in names(prof)


def test_backward_has_its_nodes_inside() -> None:
    x = weft.ones(3, requires_grad=True)
    y = x.exp().sum()
    with profile() as prof:
        y.backward()
    backward = next(event for event in prof.events() if event.name == "weft::backward")
    children = [child.name for child in backward.cpu_children]
    assert children == ["SumBackward0", "ExpBackward0", "AccumulateGrad"]
    assert backward.self_cpu_time_total <= backward.cpu_time_total
    assert all(child.cpu_parent is backward for child in backward.cpu_children)


def test_ranges_nest_and_decorate() -> None:
    @record_function("inner")
    def double(x: weft.Tensor) -> weft.Tensor:
        return x * 2

    with profile() as prof, record_function("outer", "7"):
        double(weft.ones(1000))
    events = {event.name: event for event in prof.events()}
    assert events["inner"].cpu_parent is events["outer(7)"]
    assert events["inner"].is_user_annotation
    assert events["inner"].cpu_memory_usage >= 4000
    assert record_function("x")(double).__name__ == "double"


def test_shapes_and_stacks_are_kept_when_asked_for() -> None:
    x = weft.ones(2, 3)
    with profile(record_shapes=True, with_stack=True) as prof:
        x @ x.T
    event = prof.events()[-1]
    assert event.input_shapes == [[2, 3], [3, 2]]
    assert f"{__file__}(" in event.stack[0]
    assert "test_shapes_and_stacks_are_kept_when_asked_for" in event.stack[0]
    with profile() as prof:
        x @ x.T
    assert prof.events()[-1].input_shapes == []
    assert prof.events()[-1].stack == []


def test_memory_is_counted_by_the_operator_that_takes_it() -> None:
    x = weft.ones(1000, 1000)
    with profile(profile_memory=True) as prof:
        y = x.exp()
        del y
    (exp,) = prof.events()
    assert 4_000_000 <= exp.cpu_memory_usage < 6_000_000
    assert "Self CPU Mem" in prof.key_averages().table()
    assert " MB" in prof.key_averages().table()


@needs_gil
@pytest.mark.parametrize("policy", ["hold", "release"])
def test_time_with_and_without_the_lock(policy: Any) -> None:
    x = weft.ones(1 << 20)
    with weft.gil.policy(policy), profile() as prof:
        x.exp()
    (exp,) = prof.key_averages()
    times = (exp.lock_held_time_total, exp.lock_free_time_total, exp.lock_wait_time_total)
    assert sum(times) == pytest.approx(exp.cpu_time_total)
    assert min(times) >= 0
    assert (exp.lock_free_time_total > 0) == (policy == "release")
    assert 0 < exp.native_time_total <= exp.cpu_time_total


@needs_gil
def test_a_hook_takes_the_lock_out_of_a_released_backward() -> None:
    x = weft.ones(1000, requires_grad=True)
    y = x * 2

    def slow(grad: weft.Tensor) -> None:
        for _ in range(100_000):
            pass

    y.register_hook(slow)
    loss = y.sum()
    with weft.gil.policy("release"), profile() as prof:
        loss.backward()
    backward = next(event for event in prof.events() if event.name == "weft::backward")
    assert backward.lock_held_time_total > 0.2 * backward.cpu_time_total
    assert backward.lock_free_time_total > 0


def test_every_thread_has_its_events() -> None:
    def work(size: int) -> None:
        for _ in range(10):
            weft.ones(size).exp()

    threads = [threading.Thread(target=work, args=(n,)) for n in (1, 2, 3)]
    with profile(record_shapes=True) as prof:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    exps = [event for event in prof.events() if event.name == "weft::exp"]
    assert len(exps) == 30
    by_thread = {
        thread: {str(e.input_shapes) for e in exps if e.thread == thread} for thread in {e.thread for e in exps}
    }
    assert sorted(map(str, by_thread.values())) == ["{'[[1]]'}", "{'[[2]]'}", "{'[[3]]'}"]


def test_workers_that_help_show_as_occupancy(tmp_path: Path) -> None:
    weft.set_num_threads(2)
    x = weft.ones(700, 700)
    with profile() as prof:
        for _ in range(30):
            x @ x
    (product,) = prof.key_averages()
    assert 0.5 <= product.pool_occupancy <= 1
    assert product.pool_time_total > 0
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    helpers = {e["tid"] for e in trace["traceEvents"] if e.get("cat") == "pool"}
    lanes = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
    assert {lanes[tid] for tid in helpers} == {"weft-worker"}


@needs_gil
def test_the_lane_of_the_lock_has_one_holder_at_a_time(tmp_path: Path) -> None:
    def work() -> None:
        x = weft.ones(100, 100, requires_grad=True)
        for _ in range(20):
            (x @ x).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(3)]
    with profile() as prof:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    prof.add_metadata("who", "me")
    prof.add_metadata_json("numbers", "[1, 2]")
    prof.export_chrome_trace(tmp_path / "trace.json.gz")
    with gzip.open(tmp_path / "trace.json.gz", "rt") as file:
        trace = json.load(file)
    assert (trace["who"], trace["numbers"]) == ("me", [1, 2])
    lanes = {e["args"]["name"]: e["tid"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
    held = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["tid"] == lanes["Python's lock"]]
    assert len(held) >= 3 * 20 * 3
    spans = sorted((e["ts"], e["ts"] + e["dur"]) for e in held)
    assert all(before[1] <= after[0] + 1e-3 for before, after in itertools.pairwise(spans))


def test_a_schedule_keeps_its_active_steps() -> None:
    kept: list[list[str]] = []
    sizes = iter(range(1, 100))
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    with profile(
        schedule=plan,
        record_shapes=True,
        on_trace_ready=lambda p: kept.append([e.name + str(e.input_shapes) for e in p.events()]),
    ) as prof:
        for _ in range(12):
            weft.ones(1)[None].expand(next(sizes), 1).exp()
            prof.step()
    exps = [[name for name in events if "exp[" in name] for events in kept]
    assert exps == [
        ["weft::exp[[4, 1]]", "weft::exp[[5, 1]]"],
        ["weft::exp[[8, 1]]", "weft::exp[[9, 1]]"],
    ]
    assert any(name.startswith("ProfilerStep#3") for name in kept[0])


@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
@pytest.mark.parametrize(
    "plan",
    [
        {"wait": 1, "warmup": 1, "active": 2, "repeat": 2, "skip_first": 1},
        {"wait": 0, "warmup": 0, "active": 1},
        {"wait": 3, "warmup": 2, "active": 1, "repeat": 1, "skip_first_wait": 1},
    ],
)
def test_schedules_are_pytorchs(plan: dict[str, int]) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.profiler.schedule(**plan)
    ours = schedule(**plan)
    assert [ours(i).name for i in range(30)] == [theirs(i).name for i in range(30)]


def test_rounds_accumulate_when_asked_for() -> None:
    plan = schedule(wait=0, warmup=0, active=1)
    for accumulate, calls in ((False, 1), (True, 3)):
        with profile(schedule=plan, acc_events=accumulate) as prof:
            for step in range(3):
                weft.ones(2).exp()
                if step < 2:
                    prof.step()
        assert names(prof).count("weft::exp") == calls


def test_traces_for_tensorboard_get_files_of_their_own(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    handler = tensorboard_trace_handler(str(folder), "me", use_gzip=True)
    with profile(schedule=schedule(wait=0, warmup=0, active=1), on_trace_ready=handler) as prof:
        prof.step()
    files = list(folder.iterdir())
    assert len(files) == 2
    assert all(file.name.startswith("me.") and file.name.endswith(".pt.trace.json.gz") for file in files)
    (tmp_path / "file").touch()
    with (
        pytest.raises(RuntimeError, match="create directory"),
        profile(on_trace_ready=tensorboard_trace_handler(str(tmp_path / "file"))),
    ):
        pass
    assert not weft._core._trace_is_enabled()


def test_tables_sort_limit_and_say_the_total(tmp_path: Path) -> None:
    x = weft.ones(300, 300)
    with profile(with_stack=True) as prof:
        x.exp()
        for _ in range(3):
            x @ x
    averages = prof.key_averages()
    by_count = averages.table(sort_by="count", row_limit=1, header="MINE", time_unit="us")
    assert "matmul" in by_count
    assert "exp" not in by_count
    assert by_count.lstrip().startswith("MINE")
    assert "ms" not in by_count
    assert averages.total_average().count == 4
    assert f"{averages.self_cpu_time_total / 1e3:.3f}ms" in averages.table(time_unit="ms")
    with pytest.raises(AttributeError, match="nonsense"):
        averages.table(sort_by="nonsense")
    with pytest.raises(ValueError, match="time_unit"):
        averages.table(time_unit="weeks")
    assert len(prof.key_averages(group_by_stack_n=1)) == 2
    prof.export_stacks(tmp_path / "stacks")
    assert "test_tables_sort_limit" in (tmp_path / "stacks").read_text()


def test_misuse_is_answered() -> None:
    with pytest.raises(RuntimeError, match="nothing has been recorded"):
        profile().events()
    with pytest.raises(RuntimeError, match="without start"):
        profile().stop()
    with profile() as prof:
        with pytest.raises(RuntimeError, match="another profile"):
            profile().start()
        weft.ones(1)
    assert names(prof) == ["weft::ones"]
    with pytest.raises(RuntimeError, match="outside"):
        prof.step()
    with pytest.raises(AssertionError, match="active must be positive"):
        schedule(wait=0, warmup=0, active=0)
    with pytest.warns(UserWarning, match="CUDA is not available"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])


def test_an_error_in_the_block_ends_the_profile() -> None:
    with pytest.raises(IndexError), profile() as prof:
        weft.ones(1).select(0, 5)
    assert names(prof) == ["weft::ones", "weft::select"]
    assert prof.current_action is ProfilerAction.NONE


def test_collection_can_be_switched_inside_a_round() -> None:
    with profile() as prof:
        prof.toggle_collection_dynamic(False, [ProfilerActivity.CPU])
        weft.ones(1)
        prof.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
        weft.zeros(1)
    assert names(prof) == ["weft::zeros"]


def test_the_older_interface_serves_too() -> None:
    with weft.autograd.profiler.profile() as prof, weft.autograd.profiler.record_function("mine"):
        weft.ones(3).exp()
    assert [average.key for average in prof.key_averages()] == ["mine", "weft::ones", "weft::exp"]
    assert "mine" in prof.table(sort_by="cpu_time_total")
    with weft.autograd.profiler.profile(enabled=False) as off:
        weft.ones(3)
    with pytest.raises(RuntimeError, match="nothing has been recorded"):
        off.key_averages()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_starts_without_its_parents_profile() -> None:
    with profile() as prof:
        weft.ones(1)
        child = os.fork()
        if not child:
            weft.zeros(1)
            os._exit(0 if weft._core._trace_take()[0] == [] else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert names(prof) == ["weft::ones"]
