"""Which lines two texts have in common: the shortest edit, within a bound on the time.

Myers, "An O(ND) difference algorithm and its variations", Algorithmica 1 (1986).
"""

from __future__ import annotations

from collections.abc import Sequence

Span = tuple[int, int, int, int]
"""(a, b, c, d): elements ``a`` to ``b`` of the old stand where ``c`` to ``d`` of the new do."""


class LineComparer:
    """Compares sequences with a bound on the work that all comparisons do together.

    When it is used up, what differs between the beginnings and the ends that two sequences have in
    common counts as replaced as a whole.
    """

    def __init__(self, effort: int = 1_000_000) -> None:
        self._effort = effort

    def find_changes(self, old: Sequence[str], new: Sequence[str]) -> list[Span]:
        """Return the spans that differ, in order, none beside another; none when all is equal."""
        start = 0
        while start < min(len(old), len(new)) and old[start] == new[start]:
            start += 1
        old_end, new_end = len(old), len(new)
        while min(old_end, new_end) > start and old[old_end - 1] == new[new_end - 1]:
            old_end -= 1
            new_end -= 1
        if start == old_end and start == new_end:
            return []
        common = self._find_common(old[start:old_end], new[start:new_end])
        changes = []
        here = there = start
        for a, b in [*((start + x, start + y) for x, y in common), (old_end, new_end)]:
            if here < a or there < b:
                changes.append((here, a, there, b))
            here, there = a + 1, b + 1
        return changes

    def _find_common(self, old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
        """Return the places of a longest common subsequence, none when that takes too long."""
        if not old or not new:
            return []
        reached: list[list[int]] = []  # by the number of edits: how far each diagonal leads
        for edits in range(len(old) + len(new) + 1):
            row = []
            for step in range(edits + 1):
                k = 2 * step - edits
                x = _advance(reached, k, edits)
                y = x - k
                while x < len(old) and y < len(new) and old[x] == new[y]:
                    x += 1
                    y += 1
                    self._effort -= 1
                row.append(x)
                if x == len(old) and y == len(new):
                    return _walk_back([*reached, row], x, y)
            reached.append(row)
            self._effort -= edits + 1
            if self._effort < 0:
                break
        return []


def _advance(reached: list[list[int]], k: int, edits: int) -> int:
    """Return where diagonal ``k`` is entered by one more edit."""
    if edits == 0:
        return 0
    before, step = reached[edits - 1], (k + edits) // 2
    return before[step] if _is_addition(before, step) else before[step - 1] + 1


def _is_addition(before: list[int], step: int) -> bool:
    """Return whether the way leads further when an element of the new is added last."""
    return step == 0 or (step < len(before) and before[step - 1] < before[step])


def _walk_back(reached: list[list[int]], x: int, y: int) -> list[tuple[int, int]]:
    """Return the common places on the way that led to ``x`` and ``y``, in order."""
    common = []
    for edits in range(len(reached) - 1, -1, -1):
        k = x - y
        start = _advance(reached, k, edits)
        while x > start:
            x -= 1
            y -= 1
            common.append((x, y))
        if edits:
            if _is_addition(reached[edits - 1], (k + edits) // 2):
                y -= 1
            else:
                x -= 1
    return common[::-1]
