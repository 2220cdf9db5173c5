from __future__ import annotations

import random

from sklearn.metrics import confusion_matrix

from jupyter_mlops.plots.confusion import (
    CLASSES_LIMIT,
    choose_classes,
    count_pairs,
    fill_matrix,
    subtract,
)


def test_as_scikit_learn_has_it() -> None:
    chance = random.Random(1)
    actual = [chance.choice("abcd") for _ in range(300)]
    predicted = [chance.choice("abcde") for _ in range(300)]
    pairs = count_pairs(actual, predicted)
    classes, left = choose_classes([pairs])
    assert classes == ("a", "b", "c", "d", "e")
    assert left == 0
    filled = fill_matrix(pairs, classes, others=False)
    assert [list(row) for row in filled] == confusion_matrix(actual, predicted).tolist()


def test_numbers_come_in_their_order_and_what_is_missing_does_not_count() -> None:
    pairs = count_pairs(["10", "9", None, "x"], ["9", "10", "9", None])
    assert choose_classes([pairs]) == (("9", "10"), 0)
    assert choose_classes([count_pairs(["b", "10", "2"], ["b", "10", "2"])])[0] == ("2", "10", "b")


def test_of_ten_thousand_classes_the_most_frequent_are_shown_and_the_others_as_one() -> None:
    names = [str(at) for at in range(10_000)]
    actual = [*names, *names[:40] * 3]
    predicted = [*names[1:], "0", *names[:40] * 3]
    pairs = count_pairs(actual, predicted)
    classes, left = choose_classes([pairs])
    assert len(classes) == CLASSES_LIMIT
    assert left == 10_000 - CLASSES_LIMIT
    filled = fill_matrix(pairs, classes, others=True)
    assert len(filled) == CLASSES_LIMIT + 1
    assert sum(map(sum, filled)) == len(actual)
    assert all(filled[at][at] == 3 for at in range(CLASSES_LIMIT))


def test_a_difference_is_the_newer_one_without_the_older() -> None:
    assert subtract(((3, 0), (1, 2)), ((1, 1), (1, 0))) == ((2, -1), (0, 2))
