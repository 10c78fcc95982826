# Generated from weft/_compose by `python -m gen --docs`. Do not edit.
from weft._compose.products import multi_dot as multi_dot
from weft._core.linalg import *  # noqa: F403
