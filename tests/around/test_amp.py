"""autocast and GradScaler: the dtypes and the numbers of PyTorch on the CPU."""

from __future__ import annotations

import pytest
from oracle import agree

import weft


def inside(operation, dtype="bfloat16"):
    def case(m):
        with m.autocast("cpu", dtype=getattr(m, dtype)):
            return operation(m).dtype

    return case


OPERATIONS = [
    lambda m: m.ones(2, 2) @ m.ones(2, 2),
    lambda m: m.mm(m.ones(2, 2), m.ones(2, 2)),
    lambda m: m.bmm(m.ones(1, 2, 2), m.ones(1, 2, 2)),
    lambda m: m.addmm(m.ones(2), m.ones(2, 2), m.ones(2, 2)),
    lambda m: m.ones(2, 2).double() @ m.ones(2, 2).double(),
    lambda m: m.nn.functional.linear(m.ones(1, 2), m.ones(3, 2), m.ones(3)),
    lambda m: m.nn.Linear(2, 2)(m.ones(1, 2)),
    lambda m: m.nn.Conv2d(1, 1, 3)(m.ones(1, 1, 4, 4)),
    lambda m: m.nn.functional.conv_transpose1d(m.ones(1, 1, 4), m.ones(1, 1, 2)),
    lambda m: m.nn.functional.scaled_dot_product_attention(*m.ones(3, 1, 2, 4).unbind()),
    lambda m: m.einsum("ij,jk->ik", m.ones(2, 2), m.ones(2, 2)),
    lambda m: m.nn.functional.softmax(m.ones(2, 2) @ m.ones(2, 2), 1),
    lambda m: m.nn.functional.mse_loss(m.ones(2).bfloat16(), m.ones(2).bfloat16()),
    lambda m: m.nn.functional.cross_entropy(m.ones(2, 3).bfloat16(), m.tensor([0, 1])),
    lambda m: m.ones(2).bfloat16().prod(),
    lambda m: m.cat([m.ones(2).bfloat16(), m.ones(2)]),
    lambda m: m.stack([m.ones(2).bfloat16(), m.ones(2).bfloat16()]),
    lambda m: m.ones(2) + m.ones(2),
    lambda m: m.ones(2).bfloat16() + m.ones(2),
    lambda m: m.nn.functional.relu(m.nn.Linear(2, 2)(m.ones(1, 2))),
    lambda m: m.nn.LayerNorm(2)(m.ones(1, 2)),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=range(len(OPERATIONS)))
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_each_operator_has_the_dtype_that_torch_gives_it(operation, dtype: str) -> None:
    if dtype == "float16" and operation in OPERATIONS[15:17]:
        pytest.skip("PyTorch refuses to join bfloat16 under a float16 autocast")
    agree(inside(operation, dtype))


def test_blocks_nest_and_end() -> None:
    def case(m):
        states = [m.is_autocast_enabled("cpu")]
        with m.autocast("cpu", dtype=m.bfloat16):
            states.append((m.is_autocast_enabled("cpu"), m.get_autocast_dtype("cpu")))
            with m.autocast("cpu", enabled=False):
                states.append(m.is_autocast_enabled("cpu"))
                states.append((m.ones(1, 1) @ m.ones(1, 1)).dtype)
            with m.autocast("cpu", dtype=m.float16):
                states.append((m.ones(1, 1) @ m.ones(1, 1)).dtype)
            states.append((m.ones(1, 1) @ m.ones(1, 1)).dtype)
        states.append(m.is_autocast_enabled("cpu"))
        return states

    agree(case)


def test_block_that_raises_ends_too() -> None:
    with pytest.raises(ValueError, match="out"), weft.autocast("cpu"):
        raise ValueError("out")
    assert not weft.is_autocast_enabled("cpu")


def test_decorated_function_runs_under_autocast() -> None:
    @weft.autocast("cpu", dtype=weft.bfloat16)
    def f(x):
        return x @ x

    assert f(weft.ones(1, 1)).dtype is weft.bfloat16
    assert (weft.ones(1, 1) @ weft.ones(1, 1)).dtype is weft.float32


def _trained(m, cache: bool):
    weight = m.nn.Parameter(m.linspace(-1, 1, 6).view(2, 3))
    x = m.linspace(0, 1, 6).view(2, 3)
    with m.autocast("cpu", dtype=m.bfloat16, cache_enabled=cache):
        hidden = m.nn.functional.linear(x, weight)
        again = m.nn.functional.linear(x * 2, weight)
        loss = m.nn.functional.mse_loss(hidden + again, m.zeros(2, 2))
    loss.backward()
    return loss, weight.grad


@pytest.mark.parametrize("cache", [True, False])
def test_gradients_are_torchs(cache: bool) -> None:
    agree(lambda m: _trained(m, cache), tolerance=2**-7)


def test_other_dtypes_disable_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="not supported"), weft.autocast("cpu", dtype=weft.float64):
        assert not weft.is_autocast_enabled("cpu")


def test_threads_have_their_own_autocast() -> None:
    import threading

    seen = []
    with weft.autocast("cpu"):
        thread = threading.Thread(target=lambda: seen.append(weft.is_autocast_enabled("cpu")))
        thread.start()
        thread.join()
    assert seen == [False]


def _scaled(m):
    weight = m.nn.Parameter(m.ones(2))
    optimizer = m.optim.SGD([weight], lr=0.5)
    scaler = m.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    history = []
    for factor in (1.0, float("inf"), 1.0, 1.0, 1.0):
        optimizer.zero_grad()
        scaler.scale((weight * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        history.append((weight.detach().tolist(), scaler.get_scale()))
    return history, scaler.state_dict()


def test_scaler_skips_infinities_and_adapts_as_torch_does() -> None:
    agree(_scaled)


@pytest.mark.parametrize(
    "misuse",
    [
        lambda m, s, o: (s.unscale_(o), s.unscale_(o)),
        lambda m, s, o: (s.step(o), s.step(o)),
        lambda m, s, o: s.update(),
        lambda m, s, o: s.step(o, closure=lambda: 0),
        lambda m, s, o: s.load_state_dict({}),
    ],
)
def test_misuse_of_the_scaler_raises_as_in_torch(misuse) -> None:
    def case(m):
        weight = m.nn.Parameter(m.ones(2))
        scaler = m.amp.GradScaler("cpu")
        scaler.scale(weight.sum()).backward()
        misuse(m, scaler, m.optim.SGD([weight], lr=0.5))

    agree(case)
