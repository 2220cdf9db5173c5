from __future__ import annotations

import random

import pytest
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from jupyter_mlops.plots.curves import draw_precision_recall, draw_roc, find_positive

CASES = {
    "two of each": ([True, False, True, False], [0.9, 0.8, 0.7, 0.1]),
    "all alike": ([True, False, False], [0.5, 0.5, 0.5]),
    "upside down": ([False, False, True], [3.0, 2.0, 1.0]),
    "infinite": ([True, False, True], [float("inf"), 0.0, float("-inf")]),
}


def _made(seed: int) -> tuple[list[bool], list[float]]:
    chance = random.Random(seed)
    positives = [chance.random() < 0.3 for _ in range(500)]
    # Rounded, so that many scores are equal.
    scores = [round(chance.gauss(float(one), 1.0), seed % 3) for one in positives]
    return positives, scores


@pytest.mark.parametrize(("positives", "scores"), [*CASES.values(), *map(_made, range(6))], ids=str)
def test_as_scikit_learn_has_it(positives: list[bool], scores: list[float]) -> None:
    roc = draw_roc(positives, scores)
    finite = [max(min(one, 1e9), -1e9) for one in scores]
    x, y, _ = roc_curve(positives, finite, drop_intermediate=False)
    assert roc.x == pytest.approx(list(x))
    assert roc.y == pytest.approx(list(y))
    assert roc.area == pytest.approx(roc_auc_score(positives, finite))
    curve = draw_precision_recall(positives, scores)
    precision, recall, _ = precision_recall_curve(positives, finite)
    assert curve.x == pytest.approx(list(recall[::-1]))
    assert curve.y == pytest.approx(list(precision[::-1]))
    assert curve.area == pytest.approx(average_precision_score(positives, finite))


def test_one_class_alone_has_no_curve() -> None:
    with pytest.raises(ValueError, match="all of one class"):
        draw_roc([True, True], [0.1, 0.2])
    with pytest.raises(ValueError, match="no row is of the positive class"):
        draw_precision_recall([False], [0.1])


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (["0", "1"], "1"),
        (["False", "True"], "True"),
        (["no", "yes", None], "yes"),
        (["-1", "1"], "1"),
    ],
)
def test_the_positive_class_is_the_one_that_says_so(
    labels: list[str | None], positive: str
) -> None:
    assert find_positive(labels) == positive


def test_or_the_one_that_is_named() -> None:
    assert find_positive(["cat", "dog", "cow"], "dog") == "dog"
    with pytest.raises(ValueError, match="no row has the class fish; there is: cat, dog"):
        find_positive(["cat", "dog"], "fish")
    with pytest.raises(ValueError, match="which class is positive: cat, dog"):
        find_positive(["cat", "dog"])
    with pytest.raises(ValueError, match="not two classes but 3: say which is positive"):
        find_positive(["0", "1", "2"])
