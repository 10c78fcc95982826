"""The order of einsum's products: a switch that is kept."""

from __future__ import annotations

from weft.backends._absent import is_available

__all__ = ["get_opt_einsum", "is_available"]

enabled = False
strategy: str | None = None


def get_opt_einsum() -> None:
    """None: the package is not used."""
