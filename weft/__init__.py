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
    raise ImportError(
        "weft's native module is not beside this file. In a source tree: run Python from another folder, so that the "
        "installed weft is found, or build in place with tools/dev_build.sh."
    ) from error
from weft import _core, _lazy
from weft._core import *  # noqa: F403  # the functions, dtypes and classes of the native module
from weft._creation import *  # noqa: F403
from weft._device import device as device
from weft.storage import *  # noqa: F403

__version__ = "0.1.0"

inf, nan, pi, e = _math.inf, _math.nan, _math.pi, _math.e
newaxis = None
bool = _core.bool
double, float, half = _core.float64, _core.float32, _core.float16
long, int, short = _core.int64, _core.int32, _core.int16
cfloat, cdouble = _core.complex64, _core.complex128
strided = "strided"

from weft import _tensor as _tensor  # noqa: E402  # attaches Tensor's methods
from weft import autograd as autograd  # noqa: E402
from weft import gil as gil  # noqa: E402
from weft import linalg as linalg  # noqa: E402
from weft import memory as memory  # noqa: E402
from weft import nn as nn  # noqa: E402
from weft import optim as optim  # noqa: E402
from weft import random as random  # noqa: E402
from weft import special as special  # noqa: E402
from weft import utils as utils  # noqa: E402
from weft._compose import *  # noqa: E402, F403  # also attaches composed methods
from weft._printing import *  # noqa: E402, F403
from weft._type_info import *  # noqa: E402, F403
from weft.autograd.grad_mode import *  # noqa: E402, F403
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

if _TYPE_CHECKING:  # what _lazy finds
    from weft import distributed as distributed
    from weft import masked as masked
    from weft import profiler as profiler
    from weft import serialization as serialization
    from weft.serialization import load as load
    from weft.serialization import save as save


def __getattr__(name: str) -> _Any:
    return _lazy.find(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_lazy.MODULES, *_lazy.NAMES})
