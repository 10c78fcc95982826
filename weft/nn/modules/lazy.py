"""Modules that learn the size of their input from the first one they see."""

from __future__ import annotations

from typing import Any

import weft
from weft.nn.modules import batchnorm, conv, instancenorm, linear
from weft.nn.modules.module import Module
from weft.nn.parameter import UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
    "LazyModuleMixin",
]


class LazyModuleMixin(Module):
    """Waits for the first call, or for a ``state_dict``, to make its parameters.

    A subclass sets ``cls_to_become``, holds ``UninitializedParameter`` objects, and defines
    ``initialize_parameters``, which gets the arguments of the call and materializes them.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyLinear(3)
        >>> _ = layer(weft.zeros(2, 5))
        >>> layer
        Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(_materialize_from, with_module=True)
        self._initialize_hook = self.register_forward_pre_hook(_infer_parameters, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give every parameter its shape, from the arguments of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter still waits for its shape."""
        return any(is_lazy(param) for param in self._parameters.values())

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        for name, param in self._parameters.items():
            if param is not None:
                destination[prefix + name] = param if keep_vars or is_lazy(param) else param.detach()
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()


def _materialize_from(module: Any, state_dict: Any, prefix: str, *_: Any) -> None:
    """Before loading: take the shapes of the tensors to come."""
    for name, param in module._parameters.items():
        value = state_dict.get(prefix + name)
        if is_lazy(param) and value is not None and not is_lazy(value):
            param.materialize(value.shape)


def _infer_parameters(module: Any, args: Any, kwargs: Any) -> None:
    """Before the first call: make the parameters and become an ordinary module."""
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {module._get_name()} has not been fully initialized")
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook, module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, linear.Linear):
    """:class:`Linear` that takes ``in_features`` from its first input.

    Example:
        >>> import weft
        >>> tuple(weft.nn.LazyLinear(3)(weft.zeros(2, 5)).shape)
        (2, 3)
    """

    cls_to_become = linear.Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters, once there are any."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Take ``in_features`` from the last dimension."""
        if self.has_uninitialized_params():
            with weft.no_grad():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()


class _LazyConv(LazyModuleMixin):
    """A convolution that takes ``in_channels`` from its first input."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode)
        self._wait(out_channels, bias, device, dtype)

    def _wait(self: Any, out_channels: int, bias: bool, device: Any, dtype: Any) -> None:
        self.out_channels = out_channels
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self: Any) -> None:
        """Draw the parameters, once there are any."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            self.cls_to_become.reset_parameters(self)

    def initialize_parameters(self: Any, input: Any, *args: Any, **kwargs: Any) -> None:
        """Take ``in_channels`` from the input."""
        if not self.has_uninitialized_params():
            return
        n = len(self.kernel_size)
        if input.dim() not in (n + 1, n + 2):
            raise RuntimeError(
                f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {type(self).__name__}, but got input "
                f"of size: {input.shape}"
            )
        self.in_channels = input.shape[-n - 1]
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        with weft.no_grad():
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyConvTranspose(_LazyConv):
    """A transposed convolution that takes ``in_channels`` from its first input."""

    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super(_LazyConv, self).__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode
        )
        self._wait(out_channels, bias, device, dtype)


class _LazyNorm(LazyModuleMixin):
    """A norm that takes ``num_features`` from its first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, track_running_stats, device, dtype)
        self._place = {"device": device, "dtype": dtype}
        self.affine = affine
        if affine:
            self.weight = UninitializedParameter(**self._place)
            if bias:
                self.bias = UninitializedParameter(**self._place)

    def reset_parameters(self: Any) -> None:
        """Set the parameters, once there are any."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            self.cls_to_become.reset_parameters(self)

    def initialize_parameters(self: Any, input: Any) -> None:
        """Take ``num_features`` from the channels of the input."""
        if self.num_features != 0:
            return
        n = self.num_features = input.shape[1]
        for param in (self.weight, self.bias):
            if is_lazy(param):
                param.materialize((n,))
        if self.track_running_stats:
            self.running_mean = weft.zeros(n, **self._place)
            self.running_var = weft.ones(n, **self._place)
        del self._place
        self.reset_parameters()


class LazyConv1d(_LazyConv, conv.Conv1d):  # type: ignore[misc]
    """:class:`Conv1d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConv1d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.Conv1d


class LazyConv2d(_LazyConv, conv.Conv2d):  # type: ignore[misc]
    """:class:`Conv2d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConv2d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.Conv2d


class LazyConv3d(_LazyConv, conv.Conv3d):  # type: ignore[misc]
    """:class:`Conv3d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConv3d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9, 9, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, conv.ConvTranspose1d):  # type: ignore[misc]
    """:class:`ConvTranspose1d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConvTranspose1d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, conv.ConvTranspose2d):  # type: ignore[misc]
    """:class:`ConvTranspose2d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConvTranspose2d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, conv.ConvTranspose3d):  # type: ignore[misc]
    """:class:`ConvTranspose3d` that takes ``in_channels`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyConvTranspose3d(3, 2)
        >>> _ = layer(weft.zeros(2, 4, 9, 9, 9))
        >>> layer.in_channels
        4
    """

    cls_to_become = conv.ConvTranspose3d


class LazyBatchNorm1d(_LazyNorm, batchnorm.BatchNorm1d):  # type: ignore[misc]
    """:class:`BatchNorm1d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyBatchNorm1d()
        >>> _ = layer(weft.zeros(2, 4, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = batchnorm.BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, batchnorm.BatchNorm2d):  # type: ignore[misc]
    """:class:`BatchNorm2d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyBatchNorm2d()
        >>> _ = layer(weft.zeros(2, 4, 9, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = batchnorm.BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, batchnorm.BatchNorm3d):  # type: ignore[misc]
    """:class:`BatchNorm3d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyBatchNorm3d()
        >>> _ = layer(weft.zeros(2, 4, 9, 9, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = batchnorm.BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, instancenorm.InstanceNorm1d):  # type: ignore[misc]
    """:class:`InstanceNorm1d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyInstanceNorm1d()
        >>> _ = layer(weft.zeros(2, 4, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = instancenorm.InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, instancenorm.InstanceNorm2d):  # type: ignore[misc]
    """:class:`InstanceNorm2d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyInstanceNorm2d()
        >>> _ = layer(weft.zeros(2, 4, 9, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = instancenorm.InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, instancenorm.InstanceNorm3d):  # type: ignore[misc]
    """:class:`InstanceNorm3d` that takes ``num_features`` from its first input.

    Example:
        >>> import weft
        >>> layer = weft.nn.LazyInstanceNorm3d()
        >>> _ = layer(weft.zeros(2, 4, 9, 9, 9))
        >>> layer.num_features
        4
    """

    cls_to_become = instancenorm.InstanceNorm3d
