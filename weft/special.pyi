# Generated from weft/_compose by `python -m gen --docs`. Do not edit.
from weft._compose.numeric import multigammaln as multigammaln
from weft._core.special import *  # noqa: F403
