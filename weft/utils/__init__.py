"""Loading data, hooks, and other tools around training."""

from weft.utils import data, hooks

__all__ = ["data", "hooks"]
