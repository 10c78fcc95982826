"""weft: PyTorch's API on a small C++ core for many CPU threads, which knows when to let go of Python's lock.

>>> import weft
>>> x = weft.ones(2, requires_grad=True)
>>> (x * 3).sum().backward()
>>> x.grad
tensor([3., 3.])
"""

from __future__ import annotations

import math as _math
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

try:
    from weft._core import Tensor as Tensor
except ImportError as error:
    if error.__cause__ is not None:  # the native module is there, and says what is wrong
        raise error.__cause__ from None
    raise ImportError(
        "weft's native module is not beside this file. In a source tree: run Python from another folder, so that the "
        "installed weft is found, or build in place with tools/dev_build.sh."
    ) from error
from weft import _core, _einops, _lazy
from weft._core import *  # noqa: F403  # the functions, dtypes and classes of the native module
from weft._core import _standard_gamma as _standard_gamma
from weft._creation import *  # noqa: F403
from weft._device import device as device
from weft._dlpack import from_dlpack as from_dlpack
from weft._dlpack import to_dlpack as to_dlpack
from weft._layout import *  # noqa: F403
from weft._legacy import *  # noqa: F403
from weft.storage import *  # noqa: F403

__version__ = "0.1.0"

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None
bool = _core.bool
double, float, half = _core.float64, _core.float32, _core.float16
long, int, short = _core.int64, _core.int32, _core.int16
cfloat, cdouble = _core.complex64, _core.complex128

from weft import _dense as _dense  # noqa: E402  # more of them
from weft import _tensor as _tensor  # noqa: E402  # attaches Tensor's methods
from weft import autograd as autograd  # noqa: E402
from weft import fft as fft  # noqa: E402
from weft import gil as gil  # noqa: E402
from weft import linalg as linalg  # noqa: E402
from weft import memory as memory  # noqa: E402
from weft import nn as nn  # noqa: E402
from weft import optim as optim  # noqa: E402
from weft import overrides as overrides  # noqa: E402  # subclasses of Tensor
from weft import random as random  # noqa: E402
from weft import special as special  # noqa: E402
from weft import utils as utils  # noqa: E402
from weft._compose import *  # noqa: E402, F403  # also attaches composed methods
from weft._printing import *  # noqa: E402, F403
from weft._settings import *  # noqa: E402, F403
from weft._type_info import *  # noqa: E402, F403
from weft.autograd.grad_mode import *  # noqa: E402, F403
from weft.nn._functional.recurrent import gru_cell as gru_cell  # noqa: E402
from weft.nn._functional.recurrent import lstm_cell as lstm_cell  # noqa: E402
from weft.nn._functional.recurrent import rnn_relu_cell as rnn_relu_cell  # noqa: E402
from weft.nn._functional.recurrent import rnn_tanh_cell as rnn_tanh_cell  # noqa: E402
from weft.nn.functional import alpha_dropout as alpha_dropout  # noqa: E402
from weft.nn.functional import bilinear as bilinear  # noqa: E402
from weft.nn.functional import channel_shuffle as channel_shuffle  # noqa: E402
from weft.nn.functional import cosine_similarity as cosine_similarity  # noqa: E402
from weft.nn.functional import feature_alpha_dropout as feature_alpha_dropout  # noqa: E402
from weft.nn.functional import pairwise_distance as pairwise_distance  # noqa: E402
from weft.nn.functional import pdist as pdist  # noqa: E402
from weft.nn.functional import pixel_shuffle as pixel_shuffle  # noqa: E402
from weft.nn.functional import pixel_unshuffle as pixel_unshuffle  # noqa: E402
from weft.nn.functional import rrelu as rrelu  # noqa: E402
from weft.random import *  # noqa: E402, F403

_einops.install()
_lazy.mark_absent(Tensor)

if _TYPE_CHECKING:  # what _lazy finds
    from weft import _dynamo as _dynamo
    from weft import accelerator as accelerator
    from weft import amp as amp
    from weft import backends as backends
    from weft import compiler as compiler
    from weft import cpu as cpu
    from weft import cuda as cuda
    from weft import distributed as distributed
    from weft import hub as hub
    from weft import jit as jit
    from weft import library as library
    from weft import masked as masked
    from weft import mps as mps
    from weft import multiprocessing as multiprocessing
    from weft import onnx as onnx
    from weft import ops as ops
    from weft import profiler as profiler
    from weft import serialization as serialization
    from weft import signal as signal
    from weft import sparse as sparse
    from weft import testing as testing
    from weft import types as types
    from weft import version as version
    from weft import xpu as xpu
    from weft._errors import AcceleratorError as AcceleratorError
    from weft._errors import OutOfMemoryError as OutOfMemoryError
    from weft._numbers import *  # noqa: F403
    from weft._segments import *  # noqa: F403
    from weft.amp import autocast as autocast
    from weft.amp.autocast_mode import get_autocast_cpu_dtype as get_autocast_cpu_dtype
    from weft.amp.autocast_mode import get_autocast_dtype as get_autocast_dtype
    from weft.amp.autocast_mode import get_autocast_gpu_dtype as get_autocast_gpu_dtype
    from weft.amp.autocast_mode import is_autocast_cache_enabled as is_autocast_cache_enabled
    from weft.amp.autocast_mode import is_autocast_cpu_enabled as is_autocast_cpu_enabled
    from weft.amp.autocast_mode import is_autocast_enabled as is_autocast_enabled
    from weft.amp.autocast_mode import set_autocast_cache_enabled as set_autocast_cache_enabled
    from weft.amp.autocast_mode import set_autocast_dtype as set_autocast_dtype
    from weft.amp.autocast_mode import set_autocast_enabled as set_autocast_enabled
    from weft.compiler import compile as compile
    from weft.cpu import Event as Event
    from weft.cpu import Stream as Stream
    from weft.nn._lower import *  # noqa: F403
    from weft.nn._summary import summary as summary
    from weft.serialization import load as load
    from weft.serialization import save as save
    from weft.sparse import hspmm as hspmm
    from weft.sparse import smm as smm
    from weft.sparse import sparse_compressed_tensor as sparse_compressed_tensor
    from weft.sparse import sparse_coo_tensor as sparse_coo_tensor
    from weft.sparse import sparse_csr_tensor as sparse_csr_tensor
    from weft.sparse import spmm as spmm


def __getattr__(name: str) -> _Any:
    return _lazy.find(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_lazy.MODULES, *_lazy.NAMES})
