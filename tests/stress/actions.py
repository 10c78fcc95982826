"""What a thread of the stress suite does, step by step: each action checks its own result, whatever the others do.

Shared by all threads are leaves, whose gradients must add up, and tensors that are only read. An action takes the world
and a random generator of its own, so a seed fixes what each thread does, though not how the threads interleave.
"""

from __future__ import annotations

import gc
import random
import threading
from collections.abc import Callable

import weft

__all__ = ["ACTIONS", "World", "run"]


class World:
    """What the threads share."""

    def __init__(self, seed: int) -> None:
        weft.manual_seed(seed)
        self.leaf = weft.zeros(64, requires_grad=True)
        self.constant = weft.arange(4096.0).reshape(64, 64)
        self.constant_sum = self.constant.sum().item()
        self.graph = (weft.ones(32, requires_grad=True) * 3).exp().sum()
        self.slots: list[weft.Tensor | None] = [None] * 8  # tensors handed from thread to thread
        self.lock = threading.Lock()
        self.expected = 0.0  # what leaf.grad must be in the end; guarded by lock

    def check(self) -> None:
        """Every gradient arrived, and what was only read is as it was."""
        grad = weft.zeros(64) if self.leaf.grad is None else self.leaf.grad
        assert grad.tolist() == [self.expected] * 64
        assert self.constant.sum().item() == self.constant_sum


Action = Callable[[World, random.Random], None]


def add_to_shared_leaf(world: World, rng: random.Random) -> None:
    k = rng.randrange(1, 9)
    (world.leaf * k).sum().backward()
    with world.lock:
        world.expected += k


def read_shared(world: World, rng: random.Random) -> None:
    row = rng.randrange(64)
    assert (world.constant @ weft.eye(64))[row].tolist() == world.constant[row].tolist()


def create_view_mutate(world: World, rng: random.Random) -> None:
    n = rng.randrange(1, 5000)
    x = weft.zeros(n, 2)
    x.T[1].add_(2)
    x[:, 0] = 1
    assert x.sum().item() == 3 * n


def differentiate_own(world: World, rng: random.Random) -> None:
    x = weft.full((rng.randrange(1, 40),), 2.0, requires_grad=True)
    (first,) = weft.autograd.grad((x * x * x).sum(), x, create_graph=True)
    (second,) = weft.autograd.grad(first.sum(), x)
    assert second.tolist() == [12.0] * x.numel()


def shared_graph(world: World, rng: random.Random) -> None:
    world.graph.backward(retain_graph=True)


def hand_over(world: World, rng: random.Random) -> None:
    slot = rng.randrange(len(world.slots))
    found, world.slots[slot] = world.slots[slot], weft.full((rng.randrange(1, 100_000),), 7.0)
    if found is not None:
        assert found.min().item() == found.max().item() == 7.0


def failing_hook(world: World, rng: random.Random) -> None:
    y = weft.ones(3, requires_grad=True) * 2

    def fail(grad: weft.Tensor) -> None:
        raise KeyError("told to")

    y.register_hook(fail)
    try:
        y.sum().backward()
    except KeyError:
        return
    raise AssertionError("the hook's error was lost")


class Cube(weft.autograd.Function):
    """Runs a backward pass inside backward, and collects garbage there."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        with weft.enable_grad():
            inner = x.detach().requires_grad_()
            (again,) = weft.autograd.grad((inner**3).sum(), inner)
        gc.collect(0)
        return grad * again


def reentrant(world: World, rng: random.Random) -> None:
    x = weft.full((5,), 2.0, requires_grad=True)
    Cube.apply(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [12.0] * 5


def cycle(world: World, rng: random.Random) -> None:
    x = weft.ones(1000, requires_grad=True)
    x.register_hook(lambda grad, me=x: None)
    if rng.random() < 0.1:
        gc.collect()


def train(world: World, rng: random.Random) -> None:
    net = weft.nn.Linear(8, 1)
    optimizer = weft.optim.SGD(net.parameters(), lr=0.05)
    x = weft.ones(16, 8)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = ((net(x) - 1) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] <= losses[0]


def change_policy(world: World, rng: random.Random) -> None:
    with weft.gil.policy(rng.choice(["auto", "release", "hold"])):
        create_view_mutate(world, rng)
        differentiate_own(world, rng)


def profile_if_free(world: World, rng: random.Random) -> None:
    if rng.random() > 0.02:
        return
    prof = weft.profiler.profile()
    try:
        prof.start()
    except RuntimeError:  # another thread profiles
        return
    create_view_mutate(world, rng)
    prof.stop()
    assert len(prof.events()) > 0


ACTIONS: tuple[Action, ...] = (
    add_to_shared_leaf, read_shared, create_view_mutate, differentiate_own, shared_graph, hand_over, failing_hook,
    reentrant, cycle, train, change_policy, profile_if_free,
)  # fmt: skip


def run(seed: int, threads: int, keep_on: Callable[[int], bool]) -> World:
    """Threads that act at random while `keep_on(actions done)`; raises what one of them raised."""
    world = World(seed)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        rng = random.Random(f"{seed} {number}")
        done = 0
        try:
            while keep_on(done) and not errors:
                rng.choice(ACTIONS)(world, rng)
                done += 1
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=(i,), name=f"stress {i}") for i in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if errors:
        raise errors[0]
    world.check()
    return world
