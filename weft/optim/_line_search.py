"""A line search for the strong Wolfe conditions: enough decrease, and a slope that has flattened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

__all__ = ["Point", "strong_wolfe"]


@dataclasses.dataclass
class Point:
    """A step length with the loss, gradient and slope along the direction found there.

    Length and slope are numbers or tensors of one, so that they round as the parameters do.
    """

    t: Any
    loss: float
    grad: Any
    slope: Any


def _cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic through both points with their slopes is smallest, within the bounds.

    Source: Nocedal, Wright, Numerical Optimization, equation 3.59.
    """
    low, high = bounds if bounds is not None else (min(a.t, b.t), max(a.t, b.t))
    if a.t == b.t:
        return (low + high) / 2.0
    left, right = (a, b) if a.t <= b.t else (b, a)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square**0.5
    denominator = right.slope - left.slope + 2 * d2
    if denominator == 0:
        return (low + high) / 2.0
    position = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / denominator)
    return min(max(position, low), high)


def strong_wolfe(
    evaluate: Callable[[float], Point],
    start: Point,
    t: float,
    step_norm: float,
    c1: float = 1e-4,
    c2: float = 0.9,
    tolerance_change: float = 1e-9,
    max_evaluations: int = 25,
) -> tuple[Point, int]:
    """The point found and the number of evaluations.

    Args:
        evaluate: the point at a step length.
        start: the point at length 0.
        t: the first length tried.
        step_norm: the largest element of the direction.
        c1, c2: how much the loss must fall, and how much flatter the slope must be.
        tolerance_change: smallest interval that is searched.
    """

    def is_too_high(point: Point) -> bool:
        return point.loss > start.loss + c1 * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    # Go on until an interval is found that holds a good point.
    previous, current = start, evaluate(t)
    evaluations, iteration = 1, 0
    bracket: list[Point] = []
    while iteration < max_evaluations:
        if is_too_high(current) or (iteration > 1 and current.loss >= previous.loss):
            bracket = [previous, current]
            break
        if is_flat(current):
            return current, evaluations
        if current.slope >= 0:
            bracket = [previous, current]
            break
        bounds = (current.t + 0.01 * (current.t - previous.t), current.t * 10)
        t = _cubic_minimum(previous, current, bounds)
        previous, current = current, evaluate(t)
        evaluations += 1
        iteration += 1
    if not bracket:
        bracket = [start, current]

    # Then make the interval smaller.
    stuck = False
    low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
    while iteration < max_evaluations and abs(bracket[1].t - bracket[0].t) * step_norm >= tolerance_change:
        t = _cubic_minimum(bracket[0], bracket[1])
        left, right = min(p.t for p in bracket), max(p.t for p in bracket)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # too close to an end: twice in a row means no progress
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        current = evaluate(t)
        evaluations += 1
        iteration += 1
        if is_too_high(current) or current.loss >= bracket[low].loss:
            bracket[high] = current
            low, high = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
            continue
        done = is_flat(current)
        if not done and current.slope * (bracket[high].t - bracket[low].t) >= 0:
            bracket[high] = bracket[low]
        bracket[low] = current
        if done:
            break
    return bracket[low], evaluations
