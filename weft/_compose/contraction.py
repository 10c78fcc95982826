"""Sums of products over named dimensions, contracted pair by pair through matrix products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
    plan = _plan(equation, tuple([tuple(t.shape) for t in operands]))
    tensors = list(operands)
    for i, j, left_steps, right_steps, product in plan.products:
        right, left = tensors.pop(j), tensors.pop(i)
        tensors.append(product(_after(left_steps, left), _after(right_steps, right)))
    return _after(plan.last_steps, tensors[0])


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


def _parse(equation: str, dims: Sequence[int]) -> tuple[tuple[tuple[_Label, ...], ...], tuple[_Label, ...]]:
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


#: A function of a tensor and the arguments after it.
_Step = tuple[Callable[..., Tensor], tuple[Any, ...]]


def _after(steps: Sequence[_Step], tensor: Tensor) -> Tensor:
    for function, args in steps:
        tensor = function(tensor, *args)
    return tensor


class _Product(NamedTuple):
    """The tensors at i < j leave the list, go through their steps, and their product is appended."""

    i: int
    j: int
    left_steps: Sequence[_Step]
    right_steps: Sequence[_Step]
    product: Callable[[Tensor, Tensor], Tensor]


class _Plan(NamedTuple):
    """All that is to be done with operands of given shapes."""

    products: Sequence[_Product]
    last_steps: Sequence[_Step]


class _Term(NamedTuple):
    """A tensor to come: the labels of its dimensions, and how it follows from an operand or a product."""

    names: list[_Label]
    steps: list[_Step]

    def without(self, dims: Sequence[int], step: Callable[..., Tensor]) -> _Term:
        """`step` takes the dimensions away."""
        if not dims:
            return self
        return _Term([n for d, n in enumerate(self.names) if d not in dims], [*self.steps, (step, (list(dims),))])

    def summed(self, needed: set[_Label]) -> _Term:
        """Without the labels nobody asks for."""
        return self.without([d for d, name in enumerate(self.names) if name not in needed], Tensor.sum)

    def ordered(self, wanted: list[_Label]) -> _Term:
        if self.names == wanted:
            return self
        return _Term(wanted, [*self.steps, (Tensor.permute, ([self.names.index(n) for n in wanted],))])


@lru_cache(maxsize=256)
def _plan(equation: str, shapes: tuple[tuple[int, ...], ...]) -> _Plan:
    labels, result = _parse(equation, [len(shape) for shape in shapes])
    sizes = _sizes(equation, shapes, labels)
    terms = [_prepared(shape, names, sizes) for shape, names in zip(shapes, labels, strict=True)]
    products = []
    while len(terms) > 1:
        i, j = (0, 1) if len(terms) == 2 else _cheapest([t.names for t in terms], result, sizes)
        right, left = terms.pop(j), terms.pop(i)
        needed = set(result).union(*(t.names for t in terms))
        left, right, product, term = _contracted(left, right, needed, sizes)
        products.append(_Product(i, j, left.steps, right.steps, product))
        terms.append(term)
    return _Plan(products, terms[0].summed(set(result)).ordered(list(result)).steps)


def _sizes(equation: str, shapes: Sequence[Sequence[int]], labels: Sequence[Sequence[_Label]]) -> dict[_Label, int]:
    sizes: dict[_Label, int] = {}
    for shape, names in zip(shapes, labels, strict=True):
        for name, size in zip(names, shape, strict=True):
            known = sizes.get(name, 1)
            if size != 1 and known not in (1, size):
                raise RuntimeError(
                    f"einsum(): operands do not broadcast with {equation!r}: subscript {name} has sizes {known} and {size}"
                )
            sizes[name] = size if known == 1 else known
    return sizes


def _prepared(shape: Sequence[int], names: Sequence[_Label], sizes: dict[_Label, int]) -> _Term:
    """Repeated labels as diagonals, broadcast dimensions of size one dropped."""
    left, extents, steps = list(names), list(shape), list[_Step]()
    for name in dict.fromkeys(names):
        while left.count(name) > 1:
            first = left.index(name)
            second = left.index(name, first + 1)
            if extents[first] != extents[second]:
                raise RuntimeError(
                    f"einsum(): subscript {name} is repeated for an operand but the sizes don't match, "
                    f"{extents[second]} != {extents[first]}"
                )
            steps += [(Tensor.diagonal, (0, first, second)), (Tensor.movedim, (-1, first))]
            del left[second], extents[second]
    broadcast = [d for d, name in enumerate(left) if extents[d] != sizes[name]]
    return _Term(left, steps).without(broadcast, Tensor.squeeze)


def _cheapest(terms: Sequence[list[_Label]], result: Sequence[_Label], sizes: dict[_Label, int]) -> tuple[int, int]:
    """The pair whose product shrinks what is left the most; of equals the one with fewer multiplications."""

    def numel(names: Any) -> int:
        return math.prod(sizes[n] for n in names)

    def price(i: int, j: int) -> tuple[int, int]:
        needed = set(result).union(*(names for k, names in enumerate(terms) if k not in (i, j)))
        both = set(terms[i]) | set(terms[j])
        return numel(both & needed) - numel(terms[i]) - numel(terms[j]), numel(both)

    return min(((i, j) for i in range(len(terms)) for j in range(i + 1, len(terms))), key=lambda pair: price(*pair))


def _contracted(
    a: _Term, b: _Term, needed: set[_Label], sizes: dict[_Label, int]
) -> tuple[_Term, _Term, Callable[[Tensor, Tensor], Tensor], _Term]:
    """Both factors, what multiplies them, and their product, summed over what is in both and not needed further on."""
    left, right = a.summed(needed.union(b.names)), b.summed(needed.union(a.names))
    shared = [n for n in left.names if n in right.names]
    batch = [n for n in shared if n in needed]
    inner = [n for n in shared if n not in needed]
    rows = [n for n in left.names if n not in shared]
    columns = [n for n in right.names if n not in shared]
    result = [*batch, *rows, *columns]
    left = left.ordered([*batch, *rows, *inner])
    right = right.ordered([*batch, *inner, *columns])
    if not inner:
        left.steps.extend([(Tensor.unsqueeze, (-1,))] * len(columns))
        right.steps.extend([(Tensor.unsqueeze, (len(batch),))] * len(rows))
        return left, right, weft.mul, _Term(result, [])
    if len(inner) == len(rows) == len(columns) == 1:
        return left, right, weft.matmul, _Term(result, [])
    shape = [sizes[n] for n in result]
    many = [math.prod(sizes[n] for n in batch)] if batch else []
    m, n, k = (math.prod(sizes[n] for n in names) for names in (rows, columns, inner))
    left.steps.append((Tensor.reshape, ((*many, m, k),)))
    right.steps.append((Tensor.reshape, ((*many, k, n),)))
    return left, right, weft.bmm if batch else weft.mm, _Term(result, [(Tensor.reshape, (shape,))])
