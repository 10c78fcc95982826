"""OpenMP: weft has its own pool of threads."""

from weft.backends._absent import is_available

__all__ = ["is_available"]
