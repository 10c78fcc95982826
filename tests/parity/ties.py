"""Which of equal elements is named, of which PyTorch promises nothing unless a sort is stable.

Where only indices differ, they pass when they do what defines them: the values are PyTorch's to the bit, each index leads
to its value, and no element is named twice.
"""

from __future__ import annotations

from typing import Any

import torch

#: Where the dimension stands among the arguments after the tensor.
_DIMENSION = {"topk": 1, "sort": 0, "argsort": 0, "kthvalue": 1}


def agrees(name: str, arguments: Any, expected: list[torch.Tensor], got: list[torch.Tensor]) -> bool:
    """Whether results of an operator that orders elements name as good ones as PyTorch's.

    Args:
        name: the operator; False for all but those of which this is known.
        arguments: the first argument, the others, and the keyword arguments it was called with.
    """
    source, args, kwargs = arguments
    if name not in _DIMENSION or kwargs.get("stable") or source.dim() == 0:
        return False
    place = _DIMENSION[name]
    dim = args[place] if len(args) > place else kwargs.get("dim", -1)
    if name == "kthvalue" and not (kwargs.get("keepdim") or (len(args) > 2 and args[2])):
        expected, got = [t.unsqueeze(dim) for t in expected], [t.unsqueeze(dim) for t in got]
    indices = got[-1]
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < source.shape[dim]:
        return False
    ordered = indices.sort(dim).values
    if bool((ordered.diff(dim=dim) == 0).any()):
        return False
    wanted = source.detach().gather(dim, expected[-1])
    same = all(torch.equal(a.detach(), b) for a, b in zip(expected[:-1], got[:-1], strict=True))
    return same and torch.equal(source.detach().gather(dim, indices), wanted)
