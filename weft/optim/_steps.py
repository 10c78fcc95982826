"""How optimizers take their steps: one native call for a whole group, or one tensor after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import weft
from weft import Tensor, _core
from weft.optim.optimizer import Closure, Optimizer, new_step

__all__ = ["FusedOptimizer", "GroupedOptimizer", "PerTensorOptimizer", "zeros_of"]


def zeros_of(param: Tensor) -> Tensor:
    """A state of zeros, laid out as its parameter."""
    return weft.zeros_like(param, memory_format=weft.preserve_format).detach()


class GroupedOptimizer(Optimizer):
    """An optimizer that treats the parameters of a group together.

    A subclass changes them in ``_step_together``. (A step makes few objects, for small networks in several threads: each
    comes from memory that another thread has just freed.)
    """

    _sparse_step: Callable[[dict[str, Any], Any, Any], None] | None = None  # for a parameter whose gradient is sparse

    def _step_together(self, group: dict[str, Any], params: Sequence[Any]) -> None:
        """Change parameters that all have dense gradients, float64 or none of them."""
        raise NotImplementedError

    step = _core._OptimizerBase.step

    def _step_alone(self, group: dict[str, Any], param: Tensor) -> None:
        grad: Any = param.grad
        if self._sparse_step is None or not grad.is_sparse:
            self._step_together(group, (param,))  # the native step says what it cannot do
            return
        with weft.no_grad():
            self._sparse_step(group, param, grad)


class FusedOptimizer(GroupedOptimizer):
    """An optimizer whose step is one native call for each group.

    A subclass names its ``_rule`` (core/kernels/optimizer.h) and its ``_states``, and computes the ``_numbers`` of the
    rule for a parameter.
    """

    _rule: str

    def _states(self, group: dict[str, Any]) -> tuple[str | None, ...]:
        """The names of the rule's states; None for one that the options make unnecessary."""
        raise NotImplementedError

    def _numbers(self, state: dict[str, Any], group: dict[str, Any], lr: float, step: float) -> tuple[float, ...]:
        """The numbers of the rule for the step of that count."""
        raise NotImplementedError

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        for name in self._states(group):
            if name is not None:
                state[name] = zeros_of(param)

    def _shrink(self, state: dict[str, Any], group: dict[str, Any], lr: float) -> float:
        """What the parameter is multiplied by before it is changed."""
        return 1.0 - lr * group["weight_decay"] if group.get("decoupled_weight_decay") else 1.0

    def _step_together(self, group: dict[str, Any], params: Sequence[Any]) -> None:
        lr = float(group["lr"])
        sign = -1.0 if group["maximize"] else 1.0
        decay = 0.0 if group.get("decoupled_weight_decay") else float(group.get("weight_decay", 0))
        states, numbers = [], []
        for param in params:
            state = self.state[param]
            if not state:
                state["step"] = new_step()
                self._init_state(param, state, group)
            step = state["step"].item() + 1
            state["step"].fill_(step)
            numbers += [sign, decay, self._shrink(state, group, lr), *self._numbers(state, group, lr, step)]
            states.append(state)
        lists = [[] if name is None else [state[name] for state in states] for name in self._states(group)]
        first, second, third = lists + [[]] * (3 - len(lists))
        _core.internal._fused_update(self._rule, params, first, second, third, numbers)


class PerTensorOptimizer(Optimizer):
    """An optimizer whose step treats one tensor after the other.

    A subclass makes the state of a parameter in ``_init_state`` and changes the parameter in ``_update``.
    """

    _decays_gradient = True  # whether "weight_decay" is added to the gradient before _update
    _counts_steps = True  # whether the state has a "step"

    def _init_state(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError

    def _update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        raise NotImplementedError

    def step(self, closure: Closure | None = None) -> Any:
        """Change the parameters once; returns the loss of ``closure``."""
        loss = None if closure is None else self._call(closure)
        with weft.no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is None:
                        continue
                    state = self.state[param]
                    if not state:
                        if self._counts_steps:
                            state["step"] = new_step()
                        self._init_state(param, state, group)
                    if self._counts_steps:
                        state["step"] += 1
                    grad = -param.grad if group.get("maximize") else param.grad
                    decay = group.get("weight_decay", 0)
                    if decay and self._decays_gradient and not group.get("decoupled_weight_decay"):
                        grad = grad.add(param, alpha=decay)
                    self._update(param, grad, state, group)
        return loss
