from __future__ import annotations

import itertools
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.line_changes import LineComparer

TEXTS = st.lists(st.sampled_from("abc"), max_size=9)


def longest_common(old: list[str], new: list[str]) -> int:
    """Return the length of a longest common subsequence, by the textbook's table."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old):
        for j, other in enumerate(new):
            best = max(table[i][j + 1], table[i + 1][j])
            table[i + 1][j + 1] = table[i][j] + 1 if one == other else best
    return table[-1][-1]


@given(TEXTS, TEXTS)
def test_what_is_between_changes_is_equal_and_as_long_as_can_be(
    old: list[str], new: list[str]
) -> None:
    changes = LineComparer().find_changes(old, new)
    here = there = common = 0
    for a, b, c, d in [*changes, (len(old), len(old), len(new), len(new))]:
        assert old[here:a] == new[there:c]
        common += a - here
        here, there = b, d
    assert common == longest_common(old, new)
    assert all(a < b or c < d for a, b, c, d in changes)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(changes))


def test_more_work_than_allowed_is_not_done() -> None:
    chance = random.Random(3)
    old, new = (chance.choices("abcdefgh", k=50_000) for _ in range(2))
    comparer = LineComparer()
    began = time.monotonic()
    for _ in range(20):
        changes = comparer.find_changes(["same", *old], ["same", *new, "more"])
        assert changes[0][0] >= 1
    assert time.monotonic() - began < 10


def test_with_no_work_left_beginning_and_end_are_still_told() -> None:
    changes = LineComparer(effort=0).find_changes(list("axxbyyc"), list("azzbwwc"))
    assert changes == [(1, 6, 1, 6)]
