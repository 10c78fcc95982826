"""The functions behind the modules of ``weft.nn``, without their state.

What is hot is native; the rest is composed of native functions, so it has gradients of every order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from weft._lazy import absent as _absent
from weft.nn._functional.activation import *  # noqa: F403  # each family lists its names in __all__
from weft.nn._functional.attention import *  # noqa: F403
from weft.nn._functional.convolution import *  # noqa: F403
from weft.nn._functional.distance import *  # noqa: F403
from weft.nn._functional.dropout import *  # noqa: F403
from weft.nn._functional.embedding import *  # noqa: F403
from weft.nn._functional.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
from weft.nn._functional.loss import *  # noqa: F403
from weft.nn._functional.normalization import *  # noqa: F403
from weft.nn._functional.pooling import *  # noqa: F403
from weft.nn._functional.vision import *  # noqa: F403

if not _TYPE_CHECKING:  # to a type checker a name that is not there is an error

    def __getattr__(name: str) -> _Any:
        raise _absent("weft.nn.functional", name)
