"""``Timer``: how long a statement takes.

>>> m = weft.utils.benchmark.Timer("x + 1", globals={"x": weft.ones(1)}).timeit(10)
>>> m.mean > 0
True
"""

from weft.utils.benchmark._timer import Measurement, Timer

__all__ = ["Measurement", "Timer"]
