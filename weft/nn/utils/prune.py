"""Pruning: entries of a parameter masked out, by their size or at random."""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import weft
from weft import Tensor
from weft.nn.modules.module import Module

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]


class BasePruningMethod(ABC):
    """What all ways of pruning share: the mask, and the hook that applies it before each call.

    A subclass says in ``PRUNING_TYPE`` what it removes ("unstructured", "structured" or "global") and makes the mask
    in ``compute_mask``.
    """

    PRUNING_TYPE: str = "unstructured"
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for the values (or scores) ``t``, within ``default_mask``."""

    def apply_mask(self, module: Module) -> Tensor:
        """The original parameter times the mask."""
        mask = getattr(module, self._tensor_name + "_mask")
        original = getattr(module, self._tensor_name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune ``module.<name>``, once more if it is pruned already.

        Args:
            args, kwargs: of the class.
            importance_scores: what the mask is computed from; the values themselves unless given.
        """
        found = [(key, hook) for key, hook in _hooks(module) if hook._tensor_name == name]
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        for key, hook in found:
            del module._forward_pre_hooks[key]
            container = PruningContainer(hook) if not isinstance(hook, PruningContainer) else hook
            container.add_pruning_method(method)
            method = container
        tensor = getattr(module, name)
        scores = tensor if importance_scores is None else importance_scores
        if scores.shape != tensor.shape:
            raise AssertionError(f"importance_scores should have the same shape as parameter {name} of {module}")
        if found:
            default_mask = getattr(module, name + "_mask").detach().clone()
        else:
            default_mask = weft.ones_like(tensor).detach()
            module.register_parameter(name + "_orig", module._parameters.pop(name))
        mask = method.compute_mask(scores, default_mask=default_mask)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """The pruned version of the tensor ``t``."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        return t * self.compute_mask(scores, weft.ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the pruning permanent: the parameter is a plain one again."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original = module._parameters[name + "_orig"]
        if original is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        original.data = weight.data
        del module._parameters[name + "_orig"]
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


def _hooks(module: Module) -> Iterator[tuple[int, BasePruningMethod]]:
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, BasePruningMethod):
            yield key, hook


class PruningContainer(BasePruningMethod):
    """Several prunings of one parameter, each of what the ones before it left."""

    def __init__(self, *args: Any) -> None:
        methods = list(args[0]) if len(args) == 1 and isinstance(args[0], Iterable) else list(args)
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if methods:
            self._tensor_name = methods[0]._tensor_name
        for method in methods:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a pruning of the same parameter.

        Raises:
            TypeError: it is no pruning method.
            ValueError: it is of another parameter.
        """
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the last method, applied to what the mask so far leaves."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            kept: Any = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim if method.dim >= 0 else method.dim + t.dim()  # type: ignore[attr-defined]
            others = [d for d in range(t.dim()) if d != dim]
            channels = mask.sum(dim=others) != 0 if others else mask != 0
            kept = (slice(None),) * dim + (channels,)
        elif method.PRUNING_TYPE == "global":
            kept = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new_mask = mask.clone()
        new_mask[kept] = method.compute_mask(t[kept], mask[kept]).to(dtype=mask.dtype)
        return new_mask


class Identity(BasePruningMethod):
    """Prunes nothing, but makes mask and hook."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask``."""
        return default_mask


class _Amount(BasePruningMethod):
    def __init__(self, amount: int | float) -> None:
        _check_amount(amount)
        self.amount = amount


class RandomUnstructured(_Amount):
    """Prunes entries drawn at random; ``amount`` is their number, or their part if a float."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask`` with entries set to zero."""
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count != 0:
            chosen = weft.topk(weft.rand_like(t).view(-1), k=count)
            mask.view(-1)[chosen.indices] = 0
        return mask


class L1Unstructured(_Amount):
    """Prunes the entries nearest to zero; ``amount`` is their number, or their part if a float."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask`` with entries set to zero."""
        count = _count(self.amount, t.nelement())
        mask = default_mask.clone()
        if count != 0:
            chosen = weft.topk(t.abs().reshape(-1), k=count, largest=False)
            mask.view(-1)[chosen.indices] = 0
        return mask


class _Structured(_Amount):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: int | float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def _scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask`` with whole channels set to zero."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        channels = t.shape[self.dim]
        pruned = _count(self.amount, channels)
        kept = weft.topk(self._scores(t), k=channels - pruned, largest=True).indices
        mask = weft.zeros_like(t)
        index: list[Any] = [slice(None)] * t.dim()
        index[self.dim] = kept
        mask[tuple(index)] = 1
        return default_mask * mask.to(dtype=default_mask.dtype)


class RandomStructured(_Structured):
    """Prunes channels along ``dim`` drawn at random; ``amount`` is their number, or their part if a float."""

    def _scores(self, t: Tensor) -> Tensor:
        return weft.rand(t.shape[self.dim])


class LnStructured(_Structured):
    """Prunes the channels along ``dim`` with the smallest n-norm; ``amount`` as for the others."""

    def __init__(self, amount: int | float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _scores(self, t: Tensor) -> Tensor:
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        return weft.norm(t, p=self.n, dim=others)


class CustomFromMask(BasePruningMethod):
    """Prunes where ``mask`` is zero."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """``default_mask`` within the given one."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError("mask and default_mask must have the same shape")
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Give a parameter mask and hook without pruning it."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: int | float) -> Module:
    """Prune ``amount`` entries (a number, or a part if a float) of a parameter at random.

    >>> import weft
    >>> layer = random_unstructured(weft.nn.Linear(2, 3), "weight", amount=1)
    >>> int(layer.weight_mask.sum())
    5
    """
    RandomUnstructured.apply(module, name, amount=amount)
    return module


def l1_unstructured(module: Module, name: str, amount: int | float, importance_scores: Tensor | None = None) -> Module:
    """Prune the ``amount`` entries (a number, or a part if a float) nearest to zero, or of the smallest scores.

    >>> import weft
    >>> layer = l1_unstructured(weft.nn.Linear(2, 3), "weight", amount=0.5)
    >>> sorted(layer.state_dict())
    ['bias', 'weight_mask', 'weight_orig']
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: int | float, dim: int) -> Module:
    """Prune ``amount`` channels (a number, or a part if a float) along ``dim`` at random."""
    RandomStructured.apply(module, name, amount=amount, dim=dim)
    return module


def ln_structured(
    module: Module, name: str, amount: int | float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Prune the ``amount`` channels (a number, or a part if a float) along ``dim`` with the smallest ``n``-norm."""
    LnStructured.apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Prune a parameter where ``mask`` is zero.

    >>> import weft
    >>> layer = custom_from_mask(weft.nn.Linear(3, 1, bias=False), "weight", weft.tensor([[1, 0, 1]]))
    >>> bool(layer.weight[0, 1] == 0)
    True
    """
    CustomFromMask.apply(module, name, mask=mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: type[BasePruningMethod], importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune several parameters as if they were one.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: an unstructured one.
        importance_scores: scores by such a pair; the values themselves unless given.
        kwargs: of the method, such as ``amount``.

    Raises:
        TypeError: the method is not unstructured.

    >>> import weft
    >>> net = weft.nn.Sequential(weft.nn.Linear(10, 4), weft.nn.Linear(4, 1))
    >>> global_unstructured([(net[0], "weight"), (net[1], "weight")], L1Unstructured, amount=10)
    >>> int(sum((layer.weight == 0).sum() for layer in net))
    10
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs = list(parameters)
    scores = importance_scores or {}
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    values = [scores.get((module, name), getattr(module, name)) for module, name in pairs]
    masks = [getattr(module, name + "_mask", weft.ones_like(getattr(module, name))) for module, name in pairs]
    method = PruningContainer()
    method._tensor_name = "temp"
    single = pruning_method(**kwargs)
    single._tensor_name = "temp"
    if single.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {single.PRUNING_TYPE}"
        )
    method.add_pruning_method(single)
    with weft.no_grad():
        whole = method.compute_mask(
            weft.cat([value.reshape(-1) for value in values]), weft.cat([mask.reshape(-1) for mask in masks])
        )
    for (module, name), mask in zip(pairs, whole.split([value.numel() for value in values]), strict=True):
        custom_from_mask(module, name, mask=mask.reshape(getattr(module, name).shape))


def remove(module: Module, name: str) -> Module:
    """Make the pruning of a parameter permanent: mask and hook go, the zeros stay.

    Raises:
        ValueError: the parameter is not pruned.

    >>> import weft
    >>> layer = remove(random_unstructured(weft.nn.Linear(2, 3), "weight", amount=0.5), "weight")
    >>> sorted(layer.state_dict())
    ['bias', 'weight']
    """
    for key, hook in _hooks(module):
        if hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of one below it, is pruned.

    >>> import weft
    >>> is_pruned(weft.nn.Linear(2, 3))
    False
    """
    return any(True for part in module.modules() for _ in _hooks(part))


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if (isinstance(amount, numbers.Integral) and amount < 0) or (
        not isinstance(amount, numbers.Integral) and not 0.0 <= float(amount) <= 1.0
    ):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: int | float, size: int) -> int:
    """How many of ``size`` entries ``amount`` means."""
    if isinstance(amount, numbers.Integral):
        if amount > size:
            raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
        return int(amount)
    return round(amount * size)
