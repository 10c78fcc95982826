"""L-BFGS: steps along an estimate of Newton's direction, from the last few gradients."""

from __future__ import annotations

from typing import Any

import weft
from weft import Tensor
from weft.optim._line_search import Point, strong_wolfe
from weft.optim.optimizer import Closure, Optimizer, ParamsT, check_lr

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Limited-memory BFGS; each step runs the closure several times.

    Args:
        params: tensors; parameter groups are not possible.
        lr: factor of each step.
        max_iter: iterations in one step.
        max_eval: calls of the closure in one step; default ``1.25 * max_iter``.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when the loss or the parameters change less.
        history_size: how many gradients are remembered.
        line_search_fn: None or "strong_wolfe".

    Source: Liu, Nocedal, On the limited memory BFGS method for large scale optimization, 1989.

    Example:
        >>> import weft
        >>> x = weft.nn.Parameter(weft.tensor([3.0, -2.0]))
        >>> optimizer = weft.optim.LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (x * x).sum()
        ...     loss.backward()
        ...     return loss
        >>> _ = optimizer.step(closure)
        >>> bool(x.abs().max() < 1e-4)
        True
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list[Tensor]:
        return self.param_groups[0]["params"]

    def _flat_grad(self) -> Tensor:
        grads = [weft.zeros_like(param) if param.grad is None else param.grad for param in self._params]
        return weft.cat([grad.reshape(-1) for grad in grads])

    def _move(self, t: Any, direction: Tensor) -> None:
        offset = 0
        for param in self._params:
            n = param.numel()
            param.add_(direction[offset : offset + n].reshape(param.shape), alpha=t)
            offset += n

    def _direction(self, grad: Tensor, state: dict[str, Any], history_size: int) -> Tensor:
        """The two-loop recursion over the remembered steps."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return grad.neg()
        change = grad.sub(state["prev_flat_grad"])
        step = state["d"].mul(state["t"])
        curvature = change.dot(step)
        old_dirs, old_stps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        if curvature > 1e-10:
            if len(old_dirs) == history_size:
                for history in (old_dirs, old_stps, ro):
                    history.pop(0)
            old_dirs.append(change)
            old_stps.append(step)
            ro.append(1.0 / curvature)
            state["H_diag"] = curvature / change.dot(change)
        alphas = state.setdefault("al", [None] * history_size)
        direction = grad.neg()
        for i in reversed(range(len(old_dirs))):
            alphas[i] = old_stps[i].dot(direction) * ro[i]
            direction.add_(old_dirs[i], alpha=-alphas[i])
        direction.mul_(state["H_diag"])
        for i in range(len(old_dirs)):
            beta = old_dirs[i].dot(direction) * ro[i]
            direction.add_(old_stps[i], alpha=alphas[i] - beta)
        return direction

    def _search(
        self, closure: Closure, t: Any, direction: Tensor, start: Point, max_evaluations: int
    ) -> tuple[Point, int]:
        """A good point along ``direction``; the parameters are where they were."""
        origin = [param.clone() for param in self._params]

        def evaluate(length: Any) -> Point:
            self._move(length, direction)
            loss = _number(self._call(closure))
            grad = self._flat_grad()
            for param, value in zip(self._params, origin, strict=True):
                param.copy_(value)
            return Point(length, loss, grad, grad.dot(direction))

        norm = direction.abs().max().item()
        return strong_wolfe(evaluate, start, t, norm, max_evaluations=max_evaluations)

    def step(self, closure: Closure | None = None) -> Any:
        """Iterate up to ``max_iter`` times; returns the loss before the first.

        Args:
            closure: clears the gradients, computes the loss and its gradients, and returns the loss.
        """
        if closure is None:
            raise TypeError("LBFGS.step() needs a closure that computes the loss and its gradients again")
        group = self.param_groups[0]
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        with weft.no_grad():
            return self._iterate(closure, group)

    def _iterate(self, closure: Closure, group: dict[str, Any]) -> Any:
        lr, max_iter, max_eval = group["lr"], group["max_iter"], group["max_eval"]
        tolerance_grad, tolerance_change = group["tolerance_grad"], group["tolerance_change"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = self._call(closure)
        loss, evaluations = _number(first_loss), 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max().item() <= tolerance_grad:
            return first_loss
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            direction = self._direction(grad, state, group["history_size"])
            is_first = state["n_iter"] == 1
            t = min(1.0, 1.0 / grad.abs().sum()) * lr if is_first else lr
            previous_loss, slope = loss, grad.dot(direction)
            state.update(d=direction, t=t, prev_flat_grad=grad.clone(), prev_loss=loss)
            if slope > -tolerance_change:
                break
            calls = 0
            if group["line_search_fn"] is not None:
                start = Point(0, loss, grad, slope)
                point, calls = self._search(closure, t, direction, start, max_eval - evaluations)
                t, loss, grad = point.t, point.loss, point.grad
                self._move(t, direction)
            else:
                self._move(t, direction)
                if iteration != max_iter:
                    loss, calls = _number(self._call(closure)), 1
                    grad = self._flat_grad()
            state["t"] = t
            evaluations += calls
            state["func_evals"] += calls
            if (
                evaluations >= max_eval
                or grad.abs().max().item() <= tolerance_grad
                or direction.mul(t).abs().max().item() <= tolerance_change
                or abs(loss - previous_loss) < tolerance_change
            ):
                break
        return first_loss


def _number(loss: Any) -> float:
    return loss.item() if isinstance(loss, Tensor) else float(loss)
