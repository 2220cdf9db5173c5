"""Confusion matrices: how often each actual class was taken for each; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

CLASSES_LIMIT = 30
"""How many classes a matrix shows; of more, the most frequent, and the others as one."""

Pairs = Mapping[tuple[str, str], int]
"""How often each pair of an actual and a predicted class occurs."""


def count_pairs(actual: Iterable[str | None], predicted: Iterable[str | None]) -> Pairs:
    """Return how often each pair occurs; rows that lack one of them do not count."""
    return Counter(
        (one, other)
        for one, other in zip(actual, predicted, strict=True)
        if one is not None and other is not None
    )


def choose_classes(several: Sequence[Pairs]) -> tuple[tuple[str, ...], int]:
    """Return the classes that matrices of ``several`` show, in order, and how many are left out.

    Numbers come in their order, other texts by theirs.
    """
    frequency: Counter[str] = Counter()
    for pairs in several:
        for (actual, predicted), count in pairs.items():
            frequency[actual] += count
            frequency[predicted] += count
    by_frequency = sorted(frequency, key=lambda one: (-frequency[one], _order(one)))
    shown = sorted(by_frequency[:CLASSES_LIMIT], key=_order)
    return tuple(shown), len(by_frequency) - len(shown)


def fill_matrix(
    pairs: Pairs, classes: Sequence[str], *, others: bool
) -> tuple[tuple[int, ...], ...]:
    """Return a row for each actual class, a column for each predicted one.

    With ``others`` the last row and column are all classes that are not among ``classes``.
    """
    place = {name: at for at, name in enumerate(classes)}
    size = len(classes) + others
    matrix = [[0] * size for _ in range(size)]
    for (actual, predicted), count in pairs.items():
        matrix[place.get(actual, size - 1)][place.get(predicted, size - 1)] += count
    return tuple(tuple(row) for row in matrix)


def subtract(
    new: Sequence[Sequence[int]], old: Sequence[Sequence[int]]
) -> tuple[tuple[int, ...], ...]:
    """Return ``new - old``, cell by cell."""
    return tuple(
        tuple(one - other for one, other in zip(row, before, strict=True))
        for row, before in zip(new, old, strict=True)
    )


def _order(label: str) -> tuple[bool, float, str]:
    try:
        number = float(label)
    except ValueError:
        return True, 0.0, label
    return False, number if number == number else 0.0, label
