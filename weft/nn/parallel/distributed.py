"""DistributedDataParallel, of which there is only the refusal: it needs a process group."""

from __future__ import annotations

from typing import Any

from weft.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Refuses to be made, as PyTorch's does without a process group; programs test against the class.

    Raises:
        ValueError: always.
    """

    module: Module

    def __init__(self, module: Module, *args: Any, **kwargs: Any) -> None:
        raise ValueError(
            "DistributedDataParallel needs a process group, and weft has none (distributed.is_available() is False): "
            "use the module itself, whose operators run on all threads"
        )
