"""DataParallel: a module around another, as PyTorch behaves where there is no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.nn.modules.module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls ``module``: with one device there is nothing to divide a batch over; its threads do that already.

    Args:
        module: what is called, and kept as ``.module``.
        device_ids, output_device, dim: kept for PyTorch's sake.

    >>> import weft
    >>> model = weft.nn.DataParallel(weft.nn.Linear(2, 3))
    >>> model(weft.ones(4, 2)).shape, list(model.state_dict())
    (weft.Size([4, 3]), ['module.weight', 'module.bias'])
    """

    def __init__(
        self, module: Module, device_ids: Sequence[Any] | None = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[Any] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """``module(*inputs, **module_kwargs)``; what is no tuple is the only input."""
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*arguments, **(module_kwargs or {}))
