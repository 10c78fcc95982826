"""First and second derivatives of every operator against central differences in float64, in random directions."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import weft
from tests.ops.cases import SAMPLES, Call, Case, flatten, label, make_call, run, to_tensor

STEP = 1e-5  # about eps ** (1/3): truncation and rounding errors are alike, 1e-10
TOLERANCE = 2e-7


def _weights(results: list[weft.Tensor]) -> list[weft.Tensor]:
    rng = np.random.default_rng(7)
    return [weft.from_numpy(np.asarray(rng.uniform(0.5, 1.5, tuple(r.shape)))) for r in results]


def _loss(results: list[weft.Tensor]) -> weft.Tensor:
    total: Any = 0
    for r, w in zip(results, _weights(results), strict=True):
        total = total + (r.double() * w).sum()
    return total  # type: ignore[no-any-return]


class Problem:
    """A scalar function of all float64 arrays of a call that the operator can be derived for."""

    def __init__(self, case: Case, call: Call) -> None:
        self.case, self.call = case, call
        self.arrays = [
            a for i, a in enumerate(call.arrays()) if a.dtype == np.float64 and i not in case.without_derivative
        ]

    def leaves_and_loss(self, arrays: list[np.ndarray]) -> tuple[list[weft.Tensor], weft.Tensor | None]:
        """The inputs as leaves, and the loss; None when nothing flows back to them."""
        replaced = iter(arrays)
        leaves: list[weft.Tensor] = []
        position = itertools.count()

        def convert(array: np.ndarray) -> weft.Tensor:
            if next(position) in self.case.without_derivative or array.dtype != np.float64:
                return to_tensor(array)
            leaf = to_tensor(next(replaced)).requires_grad_()
            leaves.append(leaf)
            return leaf

        results = [r for r in flatten(run(self.case, self.call, convert)) if r.requires_grad]
        return leaves, _loss(results) if results else None

    def gradients(
        self, arrays: list[np.ndarray], create_graph: bool = False
    ) -> tuple[list[weft.Tensor], list[weft.Tensor | None]]:
        leaves, loss = self.leaves_and_loss(arrays)
        assert loss is not None
        grads = weft.autograd.grad(loss, leaves, create_graph=create_graph, allow_unused=True)
        return leaves, list(grads)


def _directions(arrays: list[np.ndarray], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(a.shape)) for a in arrays]


def _dot(grads: list[weft.Tensor | None], directions: list[np.ndarray]) -> Any:
    return sum((g * weft.from_numpy(d)).sum() for g, d in zip(grads, directions, strict=True) if g is not None)


def _shifted(arrays: list[np.ndarray], directions: list[np.ndarray], step: float) -> list[np.ndarray]:
    return [a + step * d for a, d in zip(arrays, directions, strict=True)]


def _assert_close(actual: float, expected: float, scale: float) -> None:
    assert abs(actual - expected) <= TOLERANCE * max(1.0, scale, abs(expected)), (
        f"got {actual}, differences give {expected}"
    )


def _problem(pair: tuple[Case, Any]) -> Problem:
    case, sample = pair
    problem = Problem(case, make_call(case, sample))
    if not problem.arrays:
        pytest.skip("no floating-point input")
    _, loss = problem.leaves_and_loss(problem.arrays)
    if loss is None:
        if case.op is not None and case.op.vjp:
            raise AssertionError(f"{case.name} has derivatives but its result does not require grad")
        pytest.skip("not differentiable")
    return problem


@pytest.mark.parametrize("pair", SAMPLES, ids=label)
def test_first_derivative(pair: tuple[Case, Any]) -> None:
    problem = _problem(pair)
    directions = _directions(problem.arrays, 1)
    _, grads = problem.gradients(problem.arrays)
    actual = float(_dot(grads, directions))
    losses = [problem.leaves_and_loss(_shifted(problem.arrays, directions, s))[1] for s in (STEP, -STEP)]
    plus, minus = (float(x) for x in losses if x is not None)
    _assert_close(actual, (plus - minus) / (2 * STEP), (abs(plus) + abs(minus)) * 1e-3)


def _promises_two(case: Case) -> bool:
    """Operators that only serve the derivatives of others need one derivative themselves."""
    return case.op is None or case.op.namespace != "_"


@pytest.mark.parametrize("pair", [p for p in SAMPLES if _promises_two(p[0])], ids=label)
def test_second_derivative(pair: tuple[Case, Any]) -> None:
    problem = _problem(pair)
    first, second = _directions(problem.arrays, 2), _directions(problem.arrays, 3)
    leaves, grads = problem.gradients(problem.arrays, create_graph=True)
    slope = _dot(grads, first)
    slopes = [float(_dot(problem.gradients(_shifted(problem.arrays, second, s))[1], first)) for s in (STEP, -STEP)]
    expected = (slopes[0] - slopes[1]) / (2 * STEP)
    if not isinstance(slope, weft.Tensor) or not slope.requires_grad:
        actual = 0.0
    else:
        actual = float(_dot(list(weft.autograd.grad(slope, leaves, allow_unused=True)), second))
    _assert_close(actual, expected, abs(slopes[0]) * 1e-3)
