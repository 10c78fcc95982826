"""tensorboardX's writer with PyTorch's arguments; tensors become arrays on the way."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import weft

try:
    import tensorboardX
except ImportError as error:
    raise ImportError("weft.utils.tensorboard needs tensorboardX: pip install 'weft[tensorboard]'") from error

__all__ = ["SummaryWriter"]


def _plain(value: Any) -> Any:
    """A value whose tensors are NumPy arrays; single numbers become Python's."""
    if isinstance(value, weft.Tensor):
        value = value.detach()
        if value.dtype in (weft.bfloat16, weft.float16):
            value = value.float()
        return value.item() if value.dim() == 0 else value.numpy()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value) if type(value) in (list, tuple) else value
    return value


def _with_arrays(method: Any) -> Any:
    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *(_plain(value) for value in args), **{name: _plain(v) for name, v in kwargs.items()})

    return call


class SummaryWriter(tensorboardX.SummaryWriter):  # type: ignore[misc]  # no types there
    """Writes scalars, histograms, images, text and more to event files that TensorBoard shows.

    Args:
        log_dir: folder of the files; default: a new one below "runs".
        comment: end of that folder's name.
        purge_step: events from this step on, of a run that crashed, are hidden.
        max_queue, flush_secs: how many events, and seconds, may wait before they are written.
        filename_suffix: end of the file's name.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        super().__init__(
            None if log_dir is None else str(log_dir),
            comment=comment,
            purge_step=purge_step,
            max_queue=max_queue,
            flush_secs=flush_secs,
            filename_suffix=filename_suffix,
        )
        self.log_dir = self.logdir

    def get_logdir(self) -> str:
        """The folder of the files."""
        return str(self.logdir)

    def add_graph(self, *args: Any, **kwargs: Any) -> None:
        """Raises NotImplementedError: the recorded graph is not exported."""
        raise NotImplementedError("SummaryWriter.add_graph: weft does not export graphs")


for _name, _method in inspect.getmembers(tensorboardX.SummaryWriter, inspect.isfunction):
    if _name.startswith("add_") and _name not in vars(SummaryWriter):
        setattr(SummaryWriter, _name, _with_arrays(_method))
