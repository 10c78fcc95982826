"""Intel's MKL: weft has its own kernels."""

from weft.backends._absent import is_available

__all__ = ["is_available"]
