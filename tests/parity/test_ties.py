"""The judge of equal elements takes what defines a result, and nothing else."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tests.parity import ties  # noqa: E402

SOURCE = torch.tensor([3, 5, 5, 1])


@pytest.mark.parametrize(
    ("values", "indices", "good"),
    [
        ([5, 5], [2, 1], True),
        ([5, 5], [1, 2], True),
        ([5, 5], [1, 1], False),  # named twice
        ([5, 5], [1, 0], False),  # leads to another value
        ([5, 3], [1, 0], False),  # not the largest
        ([5, 5], [1, 4], False),  # no element
    ],
)
def test_any_of_equal_elements_may_be_named(values: list[int], indices: list[int], good: bool) -> None:
    theirs = list(torch.topk(SOURCE, 2))
    assert ties.agrees("topk", (SOURCE, [2], {}), theirs, [torch.tensor(values), torch.tensor(indices)]) is good


def test_a_stable_sort_has_one_answer() -> None:
    theirs, mine = [torch.tensor([3, 0, 1, 2])], [torch.tensor([3, 0, 2, 1])]
    assert ties.agrees("argsort", (SOURCE, [], {}), theirs, mine)
    assert not ties.agrees("argsort", (SOURCE, [], {"stable": True}), theirs, mine)


def test_other_operators_are_not_judged() -> None:
    assert not ties.agrees("mode", (SOURCE, [], {}), [torch.tensor(1)], [torch.tensor(1)])
