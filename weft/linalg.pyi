# Generated from weft/_compose by `python -m gen --docs`. Do not edit.
from weft._compose.exponential import matrix_exp as matrix_exp
from weft._compose.matrices import cond as cond
from weft._compose.matrices import cross as cross
from weft._compose.matrices import diagonal as diagonal
from weft._compose.matrices import householder_product as householder_product
from weft._compose.matrices import ldl_factor as ldl_factor
from weft._compose.matrices import matrix_norm as matrix_norm
from weft._compose.matrices import matrix_power as matrix_power
from weft._compose.matrices import matrix_rank as matrix_rank
from weft._compose.matrices import norm as norm
from weft._compose.matrices import pinv as pinv
from weft._compose.matrices import tensorinv as tensorinv
from weft._compose.matrices import tensorsolve as tensorsolve
from weft._compose.matrices import vander as vander
from weft._compose.matrices import vecdot as vecdot
from weft._compose.products import multi_dot as multi_dot
from weft._core.linalg import *  # noqa: F403
