"""Sequences of different lengths as one tensor: padded, or packed step by step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import weft
from weft import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


class _PackedSequence(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_PackedSequence):
    """Sequences packed step by step: first all first elements, then all second ones, ...

    Attributes:
        data: shape (all elements, ...), longest sequence first within a step.
        batch_sizes: how many sequences reach each step; int64, on the CPU.
        sorted_indices: how the sequences were sorted by length; None: they were.
        unsorted_indices: how to undo that.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With the data converted as ``Tensor.to`` does."""
        return type(self)(self.data.to(*args, **kwargs), self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    def double(self) -> PackedSequence:
        """In float64."""
        return self.to(weft.float64)

    def float(self) -> PackedSequence:
        """In float32."""
        return self.to(weft.float32)

    def pin_memory(self) -> PackedSequence:
        """Itself: there is no other memory."""
        return self

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes ``permutation``.

    >>> import weft
    >>> invert_permutation(weft.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    return weft.empty_like(permutation).scatter_(
        0, permutation, weft.arange(permutation.numel(), device=permutation.device)
    )


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack padded sequences.

    Args:
        input: shape (T, B, ...), or (B, T, ...) if ``batch_first``.
        lengths: of the sequences, all positive.
        enforce_sorted: the sequences are sorted by length, longest first.

    Raises:
        RuntimeError: a length is not positive, or they are not sorted.

    >>> import weft
    >>> pack_padded_sequence(weft.tensor([[1, 2], [3, 0]]), [2, 1], batch_first=True).data
    tensor([1, 3, 2])
    """
    if batch_first:
        input = input.transpose(0, 1)
    sizes = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if len(sizes) != input.size(1):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={input.size(1)})"
        )
    if not sizes or min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    sorted_indices = None
    if enforce_sorted:
        if any(a < b for a, b in itertools.pairwise(sizes)):
            raise RuntimeError(
                "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                "requirement if you do not need ONNX exportability."
            )
    else:
        order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
        sizes = [sizes[i] for i in order]
        sorted_indices = weft.tensor(order, dtype=weft.int64)
        input = input.index_select(1, sorted_indices)
    if sizes[0] > input.size(0):
        raise RuntimeError(f"Expected lengths of at most {input.size(0)} steps, got {sizes[0]}")
    batch_sizes = [sum(size > t for size in sizes) for t in range(sizes[0])]
    data = weft.cat([input[t, :rows] for t, rows in enumerate(batch_sizes)])
    return PackedSequence(data, weft.tensor(batch_sizes, dtype=weft.int64), sorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undo :func:`pack_padded_sequence`.

    Args:
        padding_value: what to fill up with.
        total_length: length to pad to; default: the longest.

    Returns:
        The padded sequences, and their lengths.

    >>> import weft
    >>> packed = pack_sequence([weft.tensor([1, 2]), weft.tensor([3])])
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[1, 2],
            [3, 0]]), tensor([2, 1]))
    """
    rows = sequence.batch_sizes.tolist()
    steps = len(rows)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    data = sequence.data
    shape = [steps, rows[0], *data.shape[1:]]
    padded = weft.full(shape, padding_value, dtype=data.dtype, device=data.device)
    index = [(t, b) for t, n in enumerate(rows) for b in range(n)]
    where = weft.tensor(index, dtype=weft.int64)
    padded = padded.index_put((where[:, 0], where[:, 1]), data)
    lengths = weft.tensor([sum(n > b for n in rows) for b in range(rows[0])], dtype=weft.int64)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences of shape (L, ...) filled up to the longest, shape (T, B, ...) or (B, T, ...).

    >>> import weft
    >>> pad_sequence([weft.tensor([1, 2]), weft.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if not isinstance(sequences, (Iterable, Tensor)):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    rows = list(sequences.unbind(0) if isinstance(sequences, Tensor) else sequences)
    longest = max(row.size(0) for row in rows)
    padded = []
    for row in rows:
        fill = weft.full([longest - row.size(0), *row.shape[1:]], padding_value, dtype=row.dtype, device=row.device)
        padded.append(weft.cat([row, fill] if padding_side == "right" else [fill, row]))
    return weft.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Undo :func:`pad_sequence`.

    >>> import weft
    >>> unpad_sequence(weft.tensor([[1, 2], [3, 0]]), weft.tensor([2, 1]), batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(n)] for row, n in zip(rows.unbind(0), lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of shape (L, ...).

    >>> import weft
    >>> pack_sequence([weft.tensor([1, 2]), weft.tensor([3])]).batch_sizes
    tensor([2, 1])
    """
    lengths = [sequence.size(0) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo :func:`pack_sequence`.

    >>> import weft
    >>> unpack_sequence(pack_sequence([weft.tensor([1, 2]), weft.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
