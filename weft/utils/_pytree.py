"""Nested tuples, lists, dicts and named tuples as flat lists of their leaves, and back."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["TreeSpec", "tree_flatten", "tree_leaves", "tree_map", "tree_unflatten"]


@dataclass(frozen=True)
class TreeSpec:
    """The shape of a tree: what its leaves have to be put into."""

    kind: type | None  # None for a leaf
    context: Any  # a dict's keys, a defaultdict's factory
    children: tuple[TreeSpec, ...]

    @property
    def num_leaves(self) -> int:
        return 1 if self.kind is None else sum(child.num_leaves for child in self.children)


_LEAF = TreeSpec(None, None, ())


def _is_namedtuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _is_node(value: Any) -> bool:
    return type(value) in (tuple, list, dict, OrderedDict, defaultdict) or _is_namedtuple(value) or _is_result(value)


def _is_result(value: Any) -> bool:
    """A named tuple of an operator, weft.return_types.*"""
    return isinstance(value, tuple) and type(value).__module__ == "weft.return_types"


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the shape of the tree.

    >>> tree_flatten({"a": 1, "b": (2, 3)})[0]
    [1, 2, 3]
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, leaves, is_leaf)


def _flatten(tree: Any, leaves: list[Any], is_leaf: Callable[[Any], bool] | None) -> TreeSpec:
    if not _is_node(tree) or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return _LEAF
    context: Any = None
    items = tree
    if isinstance(tree, dict):
        context = (list(tree), tree.default_factory if isinstance(tree, defaultdict) else None)
        items = tree.values()
    return TreeSpec(type(tree), context, tuple(_flatten(item, leaves, is_leaf) for item in items))


def tree_unflatten(leaves: list[Any], treespec: TreeSpec) -> Any:
    """The tree of this shape with these leaves."""
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"tree_unflatten: expected {treespec.num_leaves} leaves for this tree, got {len(leaves)}")
    return _unflatten(iter(leaves), treespec)


def _unflatten(leaves: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(leaves)
    items = [_unflatten(leaves, child) for child in spec.children]
    if issubclass(spec.kind, dict):
        keys, factory = spec.context
        pairs = zip(keys, items, strict=True)
        return defaultdict(factory, pairs) if spec.kind is defaultdict else spec.kind(pairs)
    kind: Any = spec.kind
    return kind(*items) if hasattr(spec.kind, "_fields") else kind(items)


def tree_map(function: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Any = None) -> Any:
    """function of every leaf, in the same shape; further trees give further arguments."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_flatten(rest, is_leaf)[0] for rest in rests]
    return tree_unflatten([function(*items) for items in zip(leaves, *others, strict=True)], spec)


def tree_leaves(tree: Any) -> list[Any]:
    """The leaves from left to right."""
    return tree_flatten(tree)[0]
