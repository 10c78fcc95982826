"""Softmax over many classes of which few are frequent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import weft
from weft import Tensor
from weft.nn import functional as F
from weft.nn.modules.container import ModuleList, Sequential
from weft.nn.modules.linear import Linear
from weft.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log probabilities of targets, with rare classes behind smaller layers.

    Args:
        in_features: size of each input.
        n_classes: number of classes, the most frequent first.
        cutoffs: where each cluster of classes ends, increasing.
        div_value: how much smaller the layer of each further cluster is.
        head_bias: whether the first layer has a bias.

    Source: Grave et al., Efficient softmax approximation for GPUs, 2016.

    Example:
        >>> import weft
        >>> softmax = weft.nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10])
        >>> tuple(softmax(weft.zeros(3, 16), weft.tensor([0, 7, 19])).output.shape)
        (3,)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            cutoffs != sorted(cutoffs)
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or len(set(cutoffs)) != len(cutoffs)
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where "
                "each value is between 1 and n_classes-1"
            )
        place = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **place)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // div_value ** (i + 1))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            projection = Linear(in_features, hidden, bias=False, **place)
            self.tail.append(Sequential(projection, Linear(hidden, size, bias=False, **place)))

    def reset_parameters(self) -> None:
        """Draw all layers anew."""
        self.head.reset_parameters()
        for cluster in self.tail:
            for layer in cluster.children():
                layer.reset_parameters()

    def log_prob(self, input: Tensor) -> Tensor:
        """The log probabilities of all classes: (N, in_features) to (N, n_classes)."""
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            parts.append(F.log_softmax(tail(input), dim=1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return weft.cat(parts, 1)

    def forward(self, input: Tensor, target: Tensor) -> _ASMoutput:
        """The log probability of each target, and minus their mean.

        Args:
            input: shape (N, in_features) or (in_features,).
            target: class indices, shape (N,) or ().
        """
        batched = target.dim() == 1
        if target.dim() > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input.dim() != (2 if batched else 1):
            raise RuntimeError(f"{'1D' if batched else '0D'} target tensor expects {'2D' if batched else '1D'} input")
        rows, targets = (input, target) if batched else (input.unsqueeze(0), target.unsqueeze(0))
        if rows.size(0) != targets.size(0):
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if targets.numel() and not (int(targets.min()) >= 0 and int(targets.max()) < self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{int(targets.min())}, {int(targets.max())}] were found. "
            )
        head = F.log_softmax(self.head(rows), dim=1)
        in_head = targets.clone()
        extra = weft.zeros(rows.size(0), dtype=head.dtype, device=head.device)
        for i, tail in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            which = ((targets >= low) & (targets < high)).nonzero().reshape(-1)
            if which.numel() == 0:
                continue
            in_head = in_head.index_fill(0, which, self.shortlist_size + i)
            inner = F.log_softmax(tail(rows.index_select(0, which)), dim=1)
            picked = inner.gather(1, (targets.index_select(0, which) - low).unsqueeze(1)).squeeze(1)
            extra = extra.index_add(0, which, picked)
        output = head.gather(1, in_head.unsqueeze(1)).squeeze(1) + extra
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each input: (N, in_features) to (N,)."""
        return self.log_prob(input).argmax(1)
