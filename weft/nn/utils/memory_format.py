"""Weights of convolutions in another order in memory."""

from __future__ import annotations

from typing import Any, TypeVar

from weft.nn.modules.conv import Conv2d, Conv3d, ConvTranspose2d, ConvTranspose3d
from weft.nn.modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]

_Module = TypeVar("_Module", bound=Module)


def _convert(module: _Module, memory_format: Any, kinds: tuple[type[Module], ...]) -> _Module:
    for part in module.modules():
        if isinstance(part, kinds):
            part.weight.data = part.weight.detach().clone().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: _Module, memory_format: Any) -> _Module:
    """Give the weights of all 2d convolutions in ``module`` the order ``memory_format``.

    >>> import weft
    >>> conv = convert_conv2d_weight_memory_format(weft.nn.Conv2d(8, 4, 3), weft.channels_last)
    >>> conv.weight.is_contiguous(memory_format=weft.channels_last)
    True
    """
    return _convert(module, memory_format, (Conv2d, ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: _Module, memory_format: Any) -> _Module:
    """Give the weights of all 3d convolutions in ``module`` the order ``memory_format``."""
    return _convert(module, memory_format, (Conv3d, ConvTranspose3d))
