"""Comparisons, logic and tests of elements: the result is a bool."""

from __future__ import annotations

from ops.table import COMPARE, TEST, Op, pointwise

for _name, _alias, _symbol in (
    ("eq", "", "=="),
    ("ne", "not_equal", "!="),
    ("lt", "less", "<"),
    ("le", "less_equal", "<="),
    ("gt", "greater", ">"),
    ("ge", "greater_equal", ">="),
):
    Op(
        f"{_name}(self: Tensor, other: Tensor | Number) -> Tensor",
        f"""self {_symbol} other, as bools.

        >>> weft.tensor([1, 2]).{_name}(2).dtype
        weft.bool
        """,
        rule=COMPARE,
        types="fdlbcs" if _name in ("eq", "ne") else "fdlbs",
        cost=pointwise(0.12),
        operator=(_name,),
        aliases=(_alias,) if _alias else (),
        ref={"eq": "numpy.equal", "ne": "numpy.not_equal"}.get(_name, f"numpy.{_alias}"),
    )
for _name in ("logical_and", "logical_or", "logical_xor"):
    Op(
        f"{_name}(self: Tensor, other: Tensor) -> Tensor",
        f"""{_name.replace("_", " ").capitalize()}; anything but zero is true.

        >>> weft.{_name}(weft.tensor([1, 0]), weft.tensor([2, 0])).dtype
        weft.bool
        """,
        rule=COMPARE,
        types="fdlbc",
        cost=pointwise(0.15),
        ref=f"numpy.{_name}",
    )
Op(
    "logical_not(self: Tensor) -> Tensor",
    """Where elements are zero.

    >>> weft.tensor([0, 3]).logical_not()
    tensor([ True, False])
    """,
    rule=COMPARE,
    types="fdlbc",
    cost=pointwise(0.1),
    inplace_function=False,
    ref="numpy.logical_not",
)
for _name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit"):
    Op(
        f"{_name}(self: Tensor) -> Tensor",
        f"""NumPy's {_name}, element by element.

        >>> weft.tensor([1.0]).{_name}().dtype
        weft.bool
        """,
        rule=TEST,
        types="fdlbc" if _name in ("isnan", "isinf", "isfinite") else "fdlb",
        functor={
            "isnan": "IsNan",
            "isinf": "IsInf",
            "isfinite": "IsFinite",
            "isposinf": "IsPosInf",
            "isneginf": "IsNegInf",
            "signbit": "Signbit",
        }[_name],
        cost=pointwise(0.1),
        out=_name in ("isposinf", "isneginf", "signbit"),
        ref=f"numpy.{_name}",
    )
