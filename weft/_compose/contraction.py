"""Sums of products over named dimensions, contracted pair by pair through matrix products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import weft
from weft import Tensor
from weft._compose._registry import composite

#: Stands for the dimensions of "..."; the k-th from the right is ("...", k).
_Label = Any


@composite(
    method=False,
    samples=[
        ("ij,jk->ik", (2, 3), (3, 4)),
        ("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
        ("ij->ji", (2, 3)),
        ("ii->i", (3, 3)),
        ("ij,ij->", (2, 3), (2, 3)),
        ("...i,ij->...j", (2, 2, 3), (3, 2)),
        ("i,j,k->kij", (2,), (3,), (2,)),
    ],
    ref=lambda equation, *operands: __import__("numpy").einsum(equation, *operands),
)
def einsum(*args: Any) -> Tensor:
    """The sum over all products of operands' elements, by Einstein's convention.

    Args:
        args: an equation such as "bij,bjk->bik" and the operands (or a list of them); or operands, each followed by a list
            of its dimensions' numbers, and the list for the result at the end.

    A letter names a dimension. Letters missing after the arrow are summed over; without an arrow the result has the
    letters that occur once, in alphabetical order. A letter twice in an operand takes the diagonal. "..." stands for any
    number of dimensions, which broadcast.

    >>> weft.einsum("ij,j->i", weft.ones(2, 3), weft.ones(3)).tolist()
    [3.0, 3.0]
    """
    equation, operands = _equation(args)
    labels, result = _parse(equation, tuple(t.dim() for t in operands))
    sizes = _sizes(equation, operands, labels)
    terms = [_prepared(t, names, sizes) for t, names in zip(operands, labels, strict=True)]
    while len(terms) > 1:
        i, j = (0, 1) if len(terms) == 2 else _cheapest([n for _, n in terms], result, sizes)
        right, left = terms.pop(j), terms.pop(i)
        needed = set(result).union(*(names for _, names in terms))
        terms.append(_contracted(left, right, needed, sizes))
    tensor, names = _summed(*terms[0], set(result))
    missing = [n for n in result if n not in names]
    assert not missing, f"{missing} went missing from {equation}"
    order = [names.index(n) for n in result]
    return tensor if order == sorted(order) else tensor.permute(order)


def _equation(args: Sequence[Any]) -> tuple[str, Sequence[Tensor]]:
    if not args:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    if isinstance(args[0], str):
        operands = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
        if not operands:
            raise ValueError("einsum(): must specify at least one operand")
        return args[0], operands
    operands = args[: len(args) // 2 * 2 : 2]
    texts = [_letters(numbers) for numbers in args[1 : len(operands) * 2 : 2]]
    arrow = f"->{_letters(args[-1])}" if len(args) % 2 else ""
    return ",".join(texts) + arrow, operands


def _letters(numbers: Sequence[Any]) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for n in numbers:
        if n is not Ellipsis and not 0 <= n < len(alphabet):
            raise ValueError(f"einsum(): not in subscript list [0, {len(alphabet)}): {n}")
    return "".join("..." if n is Ellipsis else alphabet[n] for n in numbers)


@lru_cache(maxsize=256)
def _parse(equation: str, dims: tuple[int, ...]) -> tuple[tuple[tuple[_Label, ...], ...], tuple[_Label, ...]]:
    """The labels of every operand's dimensions, and of the result's."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(dims):
        raise RuntimeError(
            f"einsum(): the equation {equation!r} names {len(terms)} operands, but {len(dims)} were given"
        )
    labels = tuple(_term(term, ndim, equation) for term, ndim in zip(terms, dims, strict=True))
    ellipsis = sorted({n for names in labels for n in names if isinstance(n, tuple)}, key=lambda n: -n[1])
    if arrow:
        result = _term(output, output.replace("...", "").__len__() + len(ellipsis), equation, exact=False)
        known = {n for names in labels for n in names}
        for n in result:
            if n not in known:
                raise RuntimeError(
                    f"einsum(): output subscript {n} does not appear in the equation for any input operand"
                )
            if result.count(n) > 1:
                raise RuntimeError(f"einsum(): output subscript {n} appears more than once in the output")
    else:
        every = [n for names in labels for n in names if isinstance(n, str)]
        result = (*ellipsis, *sorted(n for n in set(every) if every.count(n) == 1))
    return labels, result


def _term(term: str, ndim: int, equation: str, exact: bool = True) -> tuple[_Label, ...]:
    before, dots, after = term.partition("...")
    for letter in before + after:
        if not (letter.isascii() and letter.isalpha()):
            raise RuntimeError(
                f"einsum(): invalid subscript given in {equation!r}: {letter!r}, subscripts must be in [a-zA-Z]"
            )
    rest = ndim - len(before) - len(after)
    if exact and (rest < 0 or (rest > 0 and not dots)):
        raise RuntimeError(
            f"einsum(): the number of subscripts in {term!r} does not match the number of dimensions ({ndim}) of the operand"
        )
    between = [("...", k) for k in range(rest - 1, -1, -1)] if dots else []
    return (*before, *between, *after)


def _sizes(equation: str, operands: Sequence[Tensor], labels: Sequence[Sequence[_Label]]) -> dict[_Label, int]:
    sizes: dict[_Label, int] = {}
    for operand, names in zip(operands, labels, strict=True):
        for name, size in zip(names, operand.shape, strict=True):
            known = sizes.get(name, 1)
            if size != 1 and known not in (1, size):
                raise RuntimeError(
                    f"einsum(): operands do not broadcast with {equation!r}: subscript {name} has sizes {known} and {size}"
                )
            sizes[name] = size if known == 1 else known
    return sizes


_Term = tuple[Tensor, list[_Label]]


def _prepared(tensor: Tensor, names: Sequence[_Label], sizes: dict[_Label, int]) -> _Term:
    """Repeated labels as diagonals, broadcast dimensions of size one dropped."""
    left = list(names)
    for name in dict.fromkeys(names):
        while left.count(name) > 1:
            first = left.index(name)
            second = left.index(name, first + 1)
            if tensor.size(first) != tensor.size(second):
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for an operand but the sizes don't match, "
                    f"{tensor.size(second)} != {tensor.size(first)}"
                )
            tensor = tensor.diagonal(0, first, second).movedim(-1, first)
            del left[second]
    broadcast = [d for d, name in enumerate(left) if tensor.size(d) != sizes[name]]
    if broadcast:
        tensor = tensor.squeeze(broadcast)
        left = [name for d, name in enumerate(left) if d not in broadcast]
    return tensor, left


def _cheapest(terms: Sequence[list[_Label]], result: Sequence[_Label], sizes: dict[_Label, int]) -> tuple[int, int]:
    """The pair whose product shrinks what is left the most; of equals the one with fewer multiplications."""

    def numel(names: Any) -> int:
        return math.prod(sizes[n] for n in names)

    def price(i: int, j: int) -> tuple[int, int]:
        needed = set(result).union(*(names for k, names in enumerate(terms) if k not in (i, j)))
        both = set(terms[i]) | set(terms[j])
        return numel(both & needed) - numel(terms[i]) - numel(terms[j]), numel(both)

    return min(((i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))), key=lambda pair: price(*pair))


def _summed(tensor: Tensor, names: list[_Label], needed: set[_Label]) -> _Term:
    """Without the labels nobody asks for."""
    dims = [d for d, name in enumerate(names) if name not in needed]
    return (tensor.sum(dims), [n for n in names if n in needed]) if dims else (tensor, names)


def _contracted(a: _Term, b: _Term, needed: set[_Label], sizes: dict[_Label, int]) -> _Term:
    """The product of two terms, summed over what is in both and not needed further on."""
    left, names_a = _summed(*a, needed | set(b[1]))
    right, names_b = _summed(*b, needed | set(a[1]))
    shared = [n for n in names_a if n in names_b]
    batch = [n for n in shared if n in needed]
    inner = [n for n in shared if n not in needed]
    rows = [n for n in names_a if n not in shared]
    columns = [n for n in names_b if n not in shared]
    result = [*batch, *rows, *columns]
    left = _ordered(left, names_a, [*batch, *rows, *inner])
    right = _ordered(right, names_b, [*batch, *inner, *columns])
    if not inner:
        k = len(batch)
        for _ in columns:
            left = left.unsqueeze(-1)
        for _ in rows:
            right = right.unsqueeze(k)
        return left * right, result
    shape = [sizes[n] for n in result]
    k = math.prod(sizes[n] for n in inner)
    m, n = math.prod(sizes[r] for r in rows), math.prod(sizes[c] for c in columns)
    if not batch:
        return weft.mm(left.reshape(m, k), right.reshape(k, n)).reshape(shape), result
    many = math.prod(sizes[b] for b in batch)
    return weft.bmm(left.reshape(many, m, k), right.reshape(many, k, n)).reshape(shape), result


def _ordered(tensor: Tensor, names: list[_Label], wanted: list[_Label]) -> Tensor:
    return tensor if names == wanted else tensor.permute([names.index(n) for n in wanted])
