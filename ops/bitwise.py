"""Bitwise operations on integers and bools."""

from __future__ import annotations

from ops.table import INTEGRAL, Op, pointwise

for _name, _numpy in (("and", "numpy.bitwise_and"), ("or", "numpy.bitwise_or"), ("xor", "numpy.bitwise_xor")):
    Op(
        f"bitwise_{_name}(self: Tensor | Number, other: Tensor | Number) -> Tensor",
        f"""Bitwise {_name}; of bools the logical one.

        >>> weft.tensor([6]).bitwise_{_name}(6).dtype
        weft.int64
        """,
        rule=INTEGRAL,
        types="lbs",
        checks="not_only_numbers",
        cost=pointwise(0.15),
        operator=(_name,),
        ref=_numpy,
    )
Op(
    "bitwise_not(self: Tensor) -> Tensor",
    """Every bit inverted; of bools the logical not.

    >>> ~weft.tensor([0, 1])
    tensor([-1, -2])
    """,
    rule=INTEGRAL,
    out_casts=False,
    types="lbs",
    cost=pointwise(0.1),
    inplace_function=False,
    operator=("invert",),
    ref="numpy.bitwise_not",
)
for _name, _operator, _functor in (("left", "lshift", "LeftShift"), ("right", "rshift", "RightShift")):
    Op(
        f"bitwise_{_name}_shift(self: Tensor | Number, other: Tensor | Number) -> Tensor",
        f"""Bits moved {_name} by so many places.

        >>> weft.tensor([4]).bitwise_{_name}_shift(0)
        tensor([4])
        """,
        rule=INTEGRAL,
        types="l",
        functor=_functor,
        checks="not_only_numbers",
        cost=pointwise(0.2),
        operator=(_operator,),
    )
for _name in ("gcd", "lcm"):
    Op(
        f"{_name}(self: Tensor, other: Tensor) -> Tensor",
        f"""{"Greatest common divisor" if _name == "gcd" else "Least common multiple"}.

        >>> weft.{_name}(weft.tensor([4]), weft.tensor([4]))
        tensor([4])
        """,
        rule=INTEGRAL,
        types="l",
        cost=pointwise(20),
        inplace_function=True,
        ref=f"numpy.{_name}",
    )
