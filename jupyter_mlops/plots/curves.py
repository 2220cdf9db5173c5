"""Curves of a score that should tell two classes apart: ROC and precision-recall; pure.

The points and areas are scikit-learn's: one point for each score that occurs, equal scores taken
together; the area under ROC by trapezoids, the average precision by steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_YES = frozenset({"1", "true", "yes", "positive", "pos", "t", "y"})


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve in order, and the one number that sums it up."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    area: float


def find_positive(labels: Iterable[str | None], wanted: str | None = None) -> str:
    """Return the label of the positive class, of two: ``wanted``, or the one that says so.

    Raises:
        ValueError: there are not two, none of them says so, or ``wanted`` is not there.
    """
    found = sorted({label for label in labels if label is not None})
    shown = ", ".join(found[:10]) + ("…" if len(found) > 10 else "")
    if wanted is not None:
        if wanted not in found:
            raise ValueError(f"no row has the class {wanted}; there is: {shown}")
        return wanted
    if len(found) != 2:
        raise ValueError(
            f"its actual values are not two classes but {len(found)}: say which is positive"
        )
    saying = [label for label in found if label.lower() in _YES]
    if len(saying) != 1:
        raise ValueError(f"it does not say which class is positive: {shown}")
    return saying[0]


def draw_roc(positives: Sequence[bool], scores: Sequence[float]) -> Curve:
    """Return the share of positives found over that of negatives taken for such, from 0 to 1.

    Raises:
        ValueError: there is no positive, or no negative.
    """
    steps = _count_steps(positives, scores)
    found, wrong = steps[-1]
    if not found or not wrong:
        raise ValueError("its actual values are all of one class")
    x = tuple(false / wrong for _, false in steps)
    y = tuple(true / found for true, _ in steps)
    area = math.fsum((x[at] - x[at - 1]) * (y[at] + y[at - 1]) / 2 for at in range(1, len(x)))
    return Curve(x, y, area)


def draw_precision_recall(positives: Sequence[bool], scores: Sequence[float]) -> Curve:
    """Return precision over recall, recall rising from 0; ``area`` is the average precision.

    Raises:
        ValueError: there is no positive.
    """
    steps = _count_steps(positives, scores)
    found = steps[-1][0]
    if not found:
        raise ValueError("no row is of the positive class")
    recall = [true / found for true, _ in steps]
    precision = [true / (true + false) if true + false else 1.0 for true, false in steps]
    area = math.fsum((recall[at] - recall[at - 1]) * precision[at] for at in range(1, len(recall)))
    return Curve(tuple(recall), tuple(precision), area)


def _count_steps(positives: Sequence[bool], scores: Sequence[float]) -> list[tuple[int, int]]:
    """Return how many positives and negatives have at least each score, the highest first."""
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    steps = [(0, 0)]
    true = false = 0
    for place, at in enumerate(order):
        if positives[at]:
            true += 1
        else:
            false += 1
        if place + 1 == len(order) or scores[order[place + 1]] != scores[at]:
            steps.append((true, false))
    return steps
