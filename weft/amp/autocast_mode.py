"""``autocast``: inside, products compute in bfloat16 (or float16), losses in float32, the rest in what it is given."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import weft
from weft import _core
from weft._core import dtype as Dtype

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_F = TypeVar("_F", bound=Callable[..., Any])
_DTYPES = (weft.bfloat16, weft.float16)


def is_autocast_available(device_type: str) -> bool:
    """Whether autocast knows a kind of device: the CPU alone.

    >>> weft.amp.is_autocast_available("cpu")
    True
    """
    return weft.device(device_type).type == "cpu"


class autocast:
    """A `with` block, or a decorator of functions, in which operators choose their dtype.

    Args:
        device_type: "cpu"; for a GPU, which is not here, autocast warns and does nothing.
        dtype: of products: bfloat16 (the default) or float16.
        enabled: False switches autocast off inside.
        cache_enabled: whether a parameter is converted once for the outermost block.

    >>> linear = weft.nn.Linear(2, 2)
    >>> with weft.autocast("cpu", dtype=weft.bfloat16):
    ...     linear(weft.ones(1, 2)).dtype
    weft.bfloat16
    """

    def __init__(
        self, device_type: str, dtype: Dtype | None = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = weft.device(device_type).type
        self.fast_dtype = get_autocast_dtype(self.device) if dtype is None else dtype
        if self.device != "cpu":
            if enabled and self.device == "cuda":
                warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            elif self.device != "cuda":
                raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
            enabled = False
        elif enabled and self.fast_dtype not in _DTYPES:
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast only supports "
                "dtypes of torch.bfloat16, torch.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = bool(enabled)
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else bool(cache_enabled)
        self._previous: list[tuple[bool, Dtype, bool]] = []

    def __enter__(self) -> autocast:
        before = _core._get_autocast()
        self._previous.append(before)
        if self.device == "cpu":
            _core._set_autocast(self._enabled, self.fast_dtype, self._cache_enabled)
        else:
            _core._set_autocast(before[0], before[1], self._cache_enabled)
        _core._nest_autocast(1)
        return self

    def __exit__(self, *_: object) -> None:
        if _core._nest_autocast(-1) == 0:
            _core.clear_autocast_cache()
        _core._set_autocast(*self._previous.pop())

    def __call__(self, func: _F) -> _F:
        @functools.wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return call  # type: ignore[return-value]  # the same signature


def _settings(device_type: str | None) -> tuple[bool, Dtype, bool]:
    if device_type is not None and weft.device(device_type).type != "cpu":
        return False, weft.float16, True
    return _core._get_autocast()


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is on in this thread; without an argument, for a GPU as PyTorch has it: False.

    >>> weft.is_autocast_enabled("cpu")
    False
    """
    return device_type is not None and _settings(device_type)[0]


def is_autocast_cpu_enabled() -> bool:
    """Whether autocast is on in this thread."""
    return _core._get_autocast()[0]


def get_autocast_dtype(device_type: str) -> Dtype:
    """The dtype of products under autocast.

    >>> weft.get_autocast_dtype("cpu")
    weft.bfloat16
    """
    return _settings(device_type)[1]


def get_autocast_cpu_dtype() -> Dtype:
    """get_autocast_dtype("cpu")."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> Dtype:
    """get_autocast_dtype("cuda")."""
    return get_autocast_dtype("cuda")


def is_autocast_cache_enabled() -> bool:
    """Whether parameters are converted once for the outermost block."""
    return _core._get_autocast()[2]


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switches autocast in this thread; autocast() is the safer form."""
    if isinstance(device_type, str) and weft.device(device_type).type == "cpu":
        _, dtype, cache = _core._get_autocast()
        _core._set_autocast(bool(enabled), dtype, cache)


def set_autocast_dtype(device_type: str, dtype: Dtype) -> None:
    """Chooses the dtype of products under autocast in this thread."""
    if weft.device(device_type).type == "cpu":
        enabled, _, cache = _core._get_autocast()
        _core._set_autocast(enabled, dtype, cache)


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Chooses whether parameters are converted once."""
    on, dtype, _ = _core._get_autocast()
    _core._set_autocast(on, dtype, enabled)


def custom_fwd(fwd: Any = None, *, device_type: str = "cpu", cast_inputs: Dtype | None = None) -> Any:
    """A decorator for ``Function.forward``: remembers autocast for custom_bwd, or runs without it on converted inputs.

    Args:
        cast_inputs: dtype of floating-point tensors among the arguments; forward then runs without autocast.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(*args: Any, **kwargs: Any) -> Any:
        ctx: Any = args[0]
        ctx._dtype = get_autocast_dtype(device_type)
        enabled = is_autocast_enabled(device_type)
        if cast_inputs is None or not enabled:
            ctx._fwd_used_autocast = enabled
            return fwd(*args, **kwargs)
        ctx._fwd_used_autocast = False
        with autocast(device_type, enabled=False):
            return fwd(*_converted(args, cast_inputs), **_converted(kwargs, cast_inputs))

    return forward


def custom_bwd(bwd: Any = None, *, device_type: str = "cpu") -> Any:
    """A decorator for ``Function.backward``: runs it with autocast as forward had it."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(*args: Any, **kwargs: Any) -> Any:
        ctx: Any = args[0]
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return backward


def _converted(value: Any, dtype: Dtype) -> Any:
    if isinstance(value, weft.Tensor):
        return value.to(dtype) if value.is_floating_point() and value.dtype is not weft.float64 else value
    if isinstance(value, dict):
        return {key: _converted(item, dtype) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_converted(item, dtype) for item in value)
    return value
