"""What a data loader does to samples, and the threads that do it."""

from weft.utils.data._utils import collate, worker

__all__ = ["collate", "worker"]
