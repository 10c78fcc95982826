"""vmap: examples one by one are the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import weft
from weft import nn
from weft.nn import functional as F

_IMAGES = (3, 2, 4, 6, 6)  # vmapped, batch, channels, height, width

AGAINST_LOOP: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "conv2d": (lambda x: F.conv2d(x, weft.ones(5, 4, 3, 3), padding=1), _IMAGES),
    "conv2d of one image": (lambda x: F.conv2d(x[0], weft.ones(5, 4, 3, 3)), _IMAGES),
    "conv2d with weights of its own": (
        lambda x: F.conv2d(x, x[:, :, :3, :3].transpose(0, 1)[:4, :].repeat(1, 2, 1, 1)),
        _IMAGES,
    ),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), _IMAGES),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, 1), _IMAGES),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x[0], 3), _IMAGES),
    "group_norm": (lambda x: F.group_norm(x, 2), _IMAGES),
    "batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), _IMAGES),
    "layer_norm with weights of its own": (lambda x: F.layer_norm(x, (6,), x[0, 0, 0], x[0, 0, 1]), _IMAGES),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2.0), _IMAGES),
    "pad": (lambda x: F.pad(x, (1, 2), value=3.0), _IMAGES),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), _IMAGES),
    "embedding with a table of its own": (lambda x: F.embedding(weft.tensor([0, 1, 0]), x[0, 0]), _IMAGES),
    "index by a batch": (lambda x: x[x.sum((1, 2, 3)).argmax()], _IMAGES),
    "assignment by rows": (lambda x: _assigned(x), _IMAGES),
    "scatter": (lambda x: weft.zeros_like(x[0, 0]).scatter(0, (x[0, 0] > 0).long(), x[0, 0]), _IMAGES),
    "maximum of none of the dims": (lambda x: weft.maximum(x, x[:, :1]), _IMAGES),
    "0-dim in promotion": (lambda x: x[0, 0, 0] * x.double().sum(), _IMAGES),
    "clamp": (lambda x: x.clamp(-0.5, 0.5), _IMAGES),
    "masked_fill": (lambda x: x.masked_fill(x > 0, 1.0), _IMAGES),
    "roll and flip": (lambda x: x.roll(1, 0).flip(-1), _IMAGES),
    "diagonal": (lambda x: x.diagonal(0, -2, -1), _IMAGES),
    "unfold": (lambda x: x.unfold(2, 2, 1), _IMAGES),
    "movedim": (lambda x: x.movedim(0, -1), _IMAGES),
    "cumprod": (lambda x: x.cumprod(1), _IMAGES),
    "norm": (lambda x: x.norm(dim=(0, 1)), _IMAGES),
    "any": (lambda x: (x > 2).any(), _IMAGES),
    "prod": (lambda x: x[0, 0].prod(), _IMAGES),
    "median": (lambda x: x.median(), _IMAGES),
    "mse": (lambda x: F.mse_loss(x, x * 2), _IMAGES),
    "einsum": (lambda x: weft.einsum("nchw,ndhw->cd", x, x), _IMAGES),
    "new_zeros": (lambda x: x.new_zeros(2, 3) + x.sum(), _IMAGES),
    "chunks": (lambda x: x.chunk(2, 1), _IMAGES),
    "split": (lambda x: x.split(1), _IMAGES),
}


def _assigned(x: Any) -> Any:
    y = x.clone()
    y[0] = x[1] * 2
    y[:, 1] = 0
    y[1, 2, 3] += 1
    return y


def _leaves(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple | list) else [result]


@pytest.mark.parametrize("name", AGAINST_LOOP)
@pytest.mark.parametrize("in_dim", [0, 2])
def test_vmap_gives_the_examples_results(name: str, in_dim: int) -> None:
    case, shape = AGAINST_LOOP[name]
    weft.manual_seed(0)
    x = weft.randn(shape)
    results = _leaves(weft.vmap(case, in_dims=in_dim)(x.movedim(0, in_dim)))
    expected = [_leaves(case(example)) for example in x]
    assert len(results) == len(expected[0])
    for k, result in enumerate(results):
        assert weft.allclose(result.double(), weft.stack([e[k] for e in expected]).double(), rtol=1e-5, atol=1e-5)
        assert result.dtype == expected[0][k].dtype


def test_gradients_of_every_example_at_once() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    params = {name: p.detach() for name, p in model.named_parameters()}
    x, target = weft.randn(4, 1, 6, 6), weft.tensor([0, 2, 1, 1])

    def loss(params: Any, x: Any, target: Any) -> Any:
        output = weft.func.functional_call(model, params, (x.unsqueeze(0),))
        return F.cross_entropy(output, target.unsqueeze(0))

    each = weft.vmap(weft.func.grad(loss), in_dims=(None, 0, 0))(params, x, target)
    for i in range(4):
        alone = weft.func.grad(loss)(params, x[i], target[i])
        for name in params:
            assert weft.allclose(each[name][i], alone[name], atol=1e-5)


def test_an_ensemble_of_models() -> None:
    models = [nn.Linear(3, 2) for _ in range(4)]
    params, buffers = weft.func.stack_module_state(models)
    x = weft.randn(5, 3)
    call = lambda p, b: weft.func.functional_call(models[0], (p, b), (x,))  # noqa: E731
    together = weft.vmap(call)(params, buffers)
    assert weft.allclose(together, weft.stack([m(x) for m in models]), atol=1e-6)
    together.sum().backward()
    assert params["weight"].grad is not None


def test_random_numbers_need_a_choice() -> None:
    x = weft.zeros(3, 5)
    with pytest.raises(RuntimeError, match="randomness error mode"):
        weft.vmap(lambda a: a + weft.randn(5))(x)
    same = weft.vmap(lambda a: a + weft.randn(5), randomness="same")(x)
    assert (same[0] == same[1]).all()
    different = weft.vmap(lambda a: a + weft.randn(5), randomness="different")(x)
    assert (different[0] != different[1]).any()
    dropped = weft.vmap(lambda a: F.dropout(a + 1, 0.5), randomness="same")(weft.zeros(3, 64))
    assert (dropped[0] == dropped[2]).all()
    assert 0 < (dropped[0] == 0).sum() < 64
    dropped = weft.vmap(lambda a: F.dropout(a + 1, 0.5), randomness="different")(weft.zeros(3, 64))
    assert (dropped[0] != dropped[2]).any()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: weft.vmap(lambda x: x.item())(weft.ones(2)), RuntimeError, r"\.item\(\)"),
        (lambda: weft.vmap(lambda x: x if x > 0 else -x)(weft.ones(2)), RuntimeError, "data-dependent"),
        (lambda: weft.vmap(lambda x: x)(weft.ones(())), ValueError, "dimensionality 0"),
        (lambda: weft.vmap(lambda x: x, in_dims=None)(weft.ones(2)), ValueError, "in_dims"),
        (lambda: weft.vmap(lambda x: x, in_dims=(0, 0))(weft.ones(2)), ValueError, "not compatible"),
        (lambda: weft.vmap(lambda x, y: x)(weft.ones(2), weft.ones(3)), ValueError, "same size"),
        (lambda: weft.vmap(lambda x: 3)(weft.ones(2)), ValueError, "must only return Tensors"),
        (lambda: weft.vmap(lambda x: x, out_dims=(0, 0))(weft.ones(2)), ValueError, "out_dims"),
        (lambda: weft.vmap(lambda x: x[x > 0])(weft.tensor([[1.0, -1.0], [1.0, 1.0]])), RuntimeError, "depends on the data"),
        (lambda: weft.vmap(lambda x: weft.ones(1).add_(x))(weft.ones(2)), RuntimeError, "not possible"),
        (lambda: weft.vmap(lambda x: x, randomness="maybe")(weft.ones(2)), RuntimeError, "randomness"),
        (lambda: weft.vmap(lambda x: x.sum().backward())(weft.ones(2, 2)), RuntimeError, "backward"),
        (lambda: weft.vmap(lambda x: x.sum(3))(weft.ones(2, 2)), IndexError, "out of range"),
    ],
)  # fmt: skip
def test_vmap_says_what_is_wrong(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_a_tensor_that_escapes_its_vmap_is_refused() -> None:
    kept: list[Any] = []
    weft.vmap(lambda x: kept.append(x) or x)(weft.ones(2))
    with pytest.raises(RuntimeError, match="after it ended"):
        kept[0] + 1


def test_pytrees_of_arguments_and_results() -> None:
    def f(tree: Any, scale: Any) -> Any:
        return {"sum": tree["a"] + tree["b"][0], "scaled": (tree["a"] * scale,)}

    tree = {"a": weft.ones(2, 3), "b": [weft.ones(3, 2)]}
    result = weft.vmap(f, in_dims=({"a": 0, "b": [1]}, None), out_dims={"sum": 1, "scaled": (0,)})(tree, 2.0)
    assert result["sum"].tolist() == [[2, 2]] * 3
    assert result["scaled"][0].tolist() == [[2, 2, 2]] * 2


class Cube(weft.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (x,) = ctx.saved_tensors
        return grad * 3 * x**2


class CubeOfBatches(Cube):
    generate_vmap_rule = False

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Any) -> Any:
        assert info.batch_size == 3
        assert in_dims == (0,)
        return CubeOfBatches.apply(x), 0


@pytest.mark.parametrize("function", [Cube, CubeOfBatches])
def test_functions_written_in_python_run_under_vmap(function: Any) -> None:
    x = weft.randn(3, 2)
    assert weft.allclose(weft.vmap(function.apply)(x), x**3)
    slopes = weft.vmap(weft.func.grad(lambda x: function.apply(x).sum()))(x)
    assert weft.allclose(slopes, 3 * x**2)


def test_a_function_without_a_rule_is_refused() -> None:
    class Plain(Cube):
        generate_vmap_rule = False

    with pytest.raises(RuntimeError, match="generate_vmap_rule=True"):
        weft.vmap(Plain.apply)(weft.ones(2))
