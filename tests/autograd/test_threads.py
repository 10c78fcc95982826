"""Gradients with several threads at work: exact sums, shared graphs, no recursion however deep a graph is."""

import gc
import threading
import weakref

import pytest

import weft


def together(count, work):
    """Runs work(i) on that many threads at once; raises what one of them raised."""
    start, errors = threading.Barrier(count), []

    def run(i):
        start.wait()
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_a_leaf_shared_by_threads_gets_every_gradient():
    x = weft.zeros(1000, requires_grad=True)

    def work(i):
        for _ in range(50):
            (x * (i + 1)).sum().backward()

    together(8, work)
    assert x.grad.tolist() == [50.0 * sum(range(1, 9))] * 1000


def test_a_graph_shared_by_threads_runs_in_each():
    x = weft.ones(100, requires_grad=True)
    y = (x * x * 3).sum()

    together(6, lambda i: [y.backward(retain_graph=True) for _ in range(20)])
    assert x.grad.tolist() == [6.0 * 120] * 100


def test_a_function_shared_by_threads_finds_its_own_saved_tensors():
    class Square(weft.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            first = ctx.saved_tensors
            for _ in range(20):
                weft.ones(3).tolist()
            assert ctx.saved_tensors is first
            return grad * first[0] * 2

    x = weft.ones(3, requires_grad=True)
    y = Square.apply(x).sum()
    together(6, lambda i: [y.backward(retain_graph=True) for _ in range(20)])
    assert x.grad.tolist() == [240.0] * 3


def test_modes_are_per_thread():
    seen = {}

    def work(i):
        with weft.set_grad_enabled(i % 2 == 0):
            for _ in range(100):
                seen.setdefault(i, set()).add((weft.ones(1, requires_grad=True) * 2).requires_grad)

    together(4, work)
    assert seen == {0: {True}, 1: {False}, 2: {True}, 3: {False}}


def test_retained_gradients_of_dying_tensors():
    """Backward and the death of the tensors whose gradients it keeps, at the same time."""

    def work(i):
        for _ in range(200):
            x = weft.ones(4, requires_grad=True)
            ys = [x * k for k in range(4)]
            for y in ys:
                y.retain_grad()
            total = ys[0] + ys[1] + ys[2] + ys[3]
            killer = threading.Thread(target=ys.clear)
            killer.start()
            total.sum().backward()
            killer.join()
            assert x.grad.tolist() == [6.0] * 4

    together(3, work)


def test_leaves_and_their_accumulators_come_and_go():
    x = weft.ones(2, requires_grad=True)

    def work(i):
        for _ in range(500):
            y = x * 2
            del y

    together(4, work)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_one_python_object_for_one_tensor_on_all_threads():
    x = weft.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    together(8, lambda i: [None for _ in range(500) if x.grad is not x.grad and 1 / 0])


def test_views_refreshed_on_several_threads():
    x = weft.ones(8, requires_grad=True)
    base = x * 1
    views = [base[i] for i in range(8)]
    base.mul_(3)
    together(8, lambda i: [view.grad_fn.name() for view in views for _ in range(50)])
    weft.stack(views).sum().backward()
    assert x.grad.tolist() == [3.0] * 8


def test_creating_indexing_and_writing_on_many_threads():
    shared = weft.zeros(16, 100)

    def work(i):
        for k in range(200):
            shared[i] += 1
            assert shared[i, k % 100].item() == k + 1

    together(8, work)
    assert shared.sum().item() == 8 * 200 * 100


def test_a_deep_graph_neither_overflows_the_stack_nor_leaks():
    x = weft.ones(1, requires_grad=True)
    y = x
    for _ in range(200_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    y = x
    for _ in range(200_000):
        y = y + 1
    del y  # freed without a backward


def test_a_wide_graph_of_shared_subgraphs_is_walked_once():
    x = weft.ones(1, requires_grad=True)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


def test_backward_inside_a_hook_on_several_threads():
    w = weft.ones(2, requires_grad=True)

    @weft.enable_grad()
    def again(grad):
        (w * 1).sum().backward()

    def work(i):
        for _ in range(50):
            x = weft.ones(2, requires_grad=True)
            y = x * 2
            y.register_hook(again)
            y.sum().backward()

    together(4, work)
    assert w.grad.tolist() == [200.0, 200.0]


def test_an_exception_on_one_thread_leaves_the_others_alone():
    x = weft.ones(2, requires_grad=True)

    class Fails(weft.autograd.Function):
        @staticmethod
        def forward(ctx, x, fail):
            ctx.fail = fail
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            if ctx.fail:
                raise KeyError("told to")
            return grad, None

    def work(i):
        for _ in range(50):
            y = Fails.apply(x, i % 2 == 0).sum()
            if i % 2 == 0:
                with pytest.raises(KeyError, match="told to"):
                    y.backward()
            else:
                y.backward()

    together(4, work)
    assert x.grad.tolist() == [100.0, 100.0]


class Witness:
    pass


def collected(make):
    """Whether what make(witness) builds around the witness is garbage afterwards."""
    witness = Witness()
    alive = weakref.ref(witness)
    make(witness)
    del witness
    gc.collect()
    return alive() is None


def test_a_cycle_through_an_attribute_is_collected():
    def make(witness):
        x = weft.ones(1)
        x.me, x.witness = x, witness

    assert collected(make)


@pytest.mark.parametrize("leaf", [True, False])
def test_a_cycle_through_a_hook_is_collected(leaf):
    def make(witness):
        x = weft.ones(1, requires_grad=True)
        x = x if leaf else x * 2
        x.register_hook(lambda g: None)

    assert collected(make)


def test_a_cycle_through_a_context_is_collected():
    class Keeps(weft.autograd.Function):
        @staticmethod
        def forward(ctx, x, witness):
            ctx.out = x * 2
            ctx.witness = witness
            return ctx.out

    assert collected(lambda witness: Keeps.apply(weft.ones(1, requires_grad=True), witness))


def test_plain_tensors_are_not_tracked_by_the_collector():
    x = weft.ones(1, requires_grad=True)
    assert not gc.is_tracked(x * 2)
    x.note = 1
    assert gc.is_tracked(x)
