"""``weft.cuda`` as programs ask for it: there is no GPU, and every question about it has that answer.

What PyTorch's build for the CPU answers is answered the same; what it refuses is refused with the same class of error.

>>> weft.cuda.is_available(), weft.cuda.device_count()
(False, 0)
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Any

import weft
from weft._device import device as _device
from weft._errors import AcceleratorError as AcceleratorError
from weft._errors import OutOfMemoryError as OutOfMemoryError
from weft._legacy import refusing
from weft.cuda import amp as amp
from weft.cuda import nvtx as nvtx

_MESSAGE = "Torch not compiled with CUDA enabled: weft runs on the CPU"
_refuse = refusing(_MESSAGE)

default_generators: tuple[Any, ...] = ()
has_half = False

# What needs a device: PyTorch's build for the CPU raises here too.
init = current_device = set_device = synchronize = get_device_name = get_device_properties = _refuse
get_device_capability = current_stream = default_stream = set_stream = mem_get_info = ipc_collect = _refuse
get_rng_state = set_rng_state = can_device_access_peer = current_blas_handle = utilization = temperature = _refuse
power_draw = clock_rate = memory_usage = list_gpu_processes = memory_summary = memory_snapshot = _refuse
graph = make_graphed_callables = CUDAGraph = graph_pool_handle = caching_allocator_alloc = _refuse


def is_available() -> bool:
    """Whether there is a GPU: no."""
    return False


def is_initialized() -> bool:
    """Whether a GPU is in use: no."""
    return False


def device_count() -> int:
    """How many GPUs there are: none."""
    return 0


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU computes in bfloat16: there is none."""
    return False


def is_tf32_supported() -> bool:
    """Whether a GPU computes in TF32: there is none."""
    return False


def is_current_stream_capturing() -> bool:
    """Whether a GPU's stream is captured: no."""
    return False


def get_arch_list() -> list[str]:
    """The GPUs this build has code for: none."""
    return []


def get_gencode_flags() -> str:
    """The compiler flags of the GPU's code: none."""
    return ""


def manual_seed(seed: int) -> None:
    """Nothing to seed."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed."""


def seed() -> None:
    """Nothing to seed."""


def seed_all() -> None:
    """Nothing to seed."""


def get_rng_state_all() -> list[weft.Tensor]:
    """The generators' states: an empty list."""
    return []


def set_rng_state_all(new_states: Any) -> None:
    """Nothing to set."""


def empty_cache() -> None:
    """Nothing to empty."""


def _no_memory(device: Any = None) -> int:
    """0: no memory of a GPU is in use."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _no_memory
memory_cached = max_memory_cached = _no_memory


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing to reset."""


reset_max_memory_allocated = reset_max_memory_cached = reset_accumulated_memory_stats = reset_peak_memory_stats


def memory_stats(device: Any = None) -> OrderedDict[str, Any]:
    """Statistics of the GPU's memory: none."""
    return OrderedDict()


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Raises: there is no device."""
    _refuse()


class device(contextlib.AbstractContextManager[None]):
    """Chooses a GPU for a `with`; None or a negative number chooses none, any other raises."""

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else device if isinstance(device, int) else (_device(device).index or 0)

    def __enter__(self) -> None:
        if self.idx >= 0:
            _refuse()

    def __exit__(self, *_: object) -> None:
        pass


class device_of(device):
    """Chooses the GPU of a tensor: tensors have none."""

    def __init__(self, obj: Any) -> None:
        super().__init__(None)


class Stream:
    """A queue of a GPU's work: making one raises."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Stream:
        raise RuntimeError("torch.cuda.Stream requires CUDA support: weft runs on the CPU")


class ExternalStream(Stream):
    """A queue of somebody else: making one raises."""


class Event:
    """A mark in a GPU's work: making one raises."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Event:
        raise RuntimeError("torch.cuda.Event requires CUDA support: weft runs on the CPU")


class StreamContext(contextlib.AbstractContextManager[None]):
    """Chooses a stream for a `with`; None changes nothing."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __exit__(self, *_: object) -> None:
        pass


def stream(stream: Any) -> StreamContext:
    """Chooses a stream for a `with`; None changes nothing."""
    return StreamContext(stream)


class _GpuTensorType:
    """torch.cuda.FloatTensor and the like: making one raises, and nothing is an instance."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"type torch.cuda.{self.__name__} not available. {_MESSAGE}.")

    def __instancecheck__(self, instance: Any) -> bool:
        return False


FloatTensor, DoubleTensor, HalfTensor = map(_GpuTensorType, ("FloatTensor", "DoubleTensor", "HalfTensor"))
LongTensor, IntTensor, ShortTensor = map(_GpuTensorType, ("LongTensor", "IntTensor", "ShortTensor"))
ByteTensor, CharTensor, BoolTensor = map(_GpuTensorType, ("ByteTensor", "CharTensor", "BoolTensor"))
BFloat16Tensor = _GpuTensorType("BFloat16Tensor")
