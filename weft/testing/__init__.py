"""``weft.testing``: assertions that tensors, numbers, and containers of them are close.

>>> weft.testing.assert_close(weft.ones(2), weft.ones(2) + 1e-7)
"""

from weft.testing._comparison import assert_allclose, assert_close
from weft.testing._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
