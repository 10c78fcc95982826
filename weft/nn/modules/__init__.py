"""The module classes of ``weft.nn``; each file lists its own in ``__all__``."""

from weft.nn.modules import (
    activation,
    adaptive,
    attention,
    batchnorm,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    lazy,
    linear,
    linear_cross_entropy,
    loss,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    rnn,
    sparse,
    transformer,
    upsampling,
)
from weft.nn.modules.activation import *  # noqa: F403
from weft.nn.modules.adaptive import *  # noqa: F403
from weft.nn.modules.attention import *  # noqa: F403
from weft.nn.modules.batchnorm import *  # noqa: F403
from weft.nn.modules.container import *  # noqa: F403
from weft.nn.modules.conv import *  # noqa: F403
from weft.nn.modules.distance import *  # noqa: F403
from weft.nn.modules.dropout import *  # noqa: F403
from weft.nn.modules.flatten import *  # noqa: F403
from weft.nn.modules.fold import *  # noqa: F403
from weft.nn.modules.instancenorm import *  # noqa: F403
from weft.nn.modules.lazy import *  # noqa: F403
from weft.nn.modules.linear import *  # noqa: F403
from weft.nn.modules.linear_cross_entropy import *  # noqa: F403
from weft.nn.modules.loss import *  # noqa: F403
from weft.nn.modules.module import Module
from weft.nn.modules.normalization import *  # noqa: F403
from weft.nn.modules.padding import *  # noqa: F403
from weft.nn.modules.pixelshuffle import *  # noqa: F403
from weft.nn.modules.pooling import *  # noqa: F403
from weft.nn.modules.rnn import *  # noqa: F403
from weft.nn.modules.sparse import *  # noqa: F403
from weft.nn.modules.transformer import *  # noqa: F403
from weft.nn.modules.upsampling import *  # noqa: F403

__all__ = ["Module"]
__all__ += activation.__all__
__all__ += adaptive.__all__
__all__ += attention.__all__
__all__ += batchnorm.__all__
__all__ += container.__all__
__all__ += conv.__all__
__all__ += distance.__all__
__all__ += dropout.__all__
__all__ += flatten.__all__
__all__ += fold.__all__
__all__ += instancenorm.__all__
__all__ += lazy.__all__
__all__ += linear.__all__
__all__ += linear_cross_entropy.__all__
__all__ += loss.__all__
__all__ += normalization.__all__
__all__ += padding.__all__
__all__ += pixelshuffle.__all__
__all__ += pooling.__all__
__all__ += rnn.__all__
__all__ += sparse.__all__
__all__ += transformer.__all__
__all__ += upsampling.__all__
