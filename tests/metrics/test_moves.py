from __future__ import annotations

import math
from datetime import UTC, datetime

from jupyter_mlops.metrics.history import Point
from jupyter_mlops.metrics.moves import follow_metric, list_moves
from jupyter_mlops.metrics.read import Number

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def line(*values: dict[str, Number]) -> list[Point]:
    return [Point(str(at), None, ("main",), NOON, "", one) for at, one in enumerate(values)]


def readings(points: list[Point], wanted: str) -> dict[str, list[tuple[str | None, Number]]]:
    found = follow_metric(points, wanted)
    return {
        name: [(one.point.commit, one.value) for one in series] for name, series in found.items()
    }


def test_points_that_lack_it_are_passed_over() -> None:
    points = line({"m.json:acc": 1}, {"m.json:loss": 5}, {"m.json:acc": 3})
    assert readings(points, "acc") == {"m.json:acc": [("0", 1), ("2", 3)]}


def test_a_renamed_file_goes_on() -> None:
    points = line({"a.json:acc": 1, "a.json:loss": 5}, {"b.json:acc": 2, "b.json:loss": 4})
    whole = {"b.json:acc": [("0", 1), ("1", 2)]}
    assert readings(points, "acc") == whole
    assert readings(points, "a.json:acc") == whole
    assert readings(points, "b.json:acc") == whole


def test_a_second_file_is_no_new_name() -> None:
    points = line({"a.json:acc": 1}, {"a.json:acc": 1, "b.json:acc": 2}, {"b.json:acc": 3})
    assert readings(points, "acc") == {
        "a.json:acc": [("0", 1), ("1", 1)],
        "b.json:acc": [("1", 2), ("2", 3)],
    }


def test_a_metric_that_moves_between_files_that_stay_is_another_one() -> None:
    points = line({"a.json:acc": 1, "a.json:loss": 5}, {"a.json:loss": 4, "b.json:acc": 2})
    assert set(readings(points, "acc")) == {"a.json:acc", "b.json:acc"}
    points = line({"a.json:acc": 1, "b.json:loss": 5}, {"b.json:loss": 4, "b.json:acc": 2})
    assert set(readings(points, "acc")) == {"a.json:acc", "b.json:acc"}


def test_two_files_that_went_leave_it_open_which_was_renamed() -> None:
    points = line({"a.json:acc": 1, "b.json:acc": 2}, {"c.json:acc": 3})
    assert set(readings(points, "acc")) == {"a.json:acc", "b.json:acc", "c.json:acc"}


def test_a_file_that_came_back_goes_on() -> None:
    points = line({"a.json:acc": 1}, {"b.json:loss": 2}, {"a.json:acc": 3})
    assert readings(points, "acc") == {"a.json:acc": [("0", 1), ("2", 3)]}


def test_the_full_name_is_meant_before_the_end_of_others() -> None:
    points = line({"m.json:acc": 1, "m.json:val.acc": 2})
    assert set(readings(points, "m.json:acc")) == {"m.json:acc"}
    assert set(readings(points, "acc")) == {"m.json:acc", "m.json:val.acc"}
    assert readings(points, "none") == {}


def test_moves_by_nothing_and_to_no_number() -> None:
    values: list[Number] = [1, 1, math.nan, math.nan, 2.5, math.inf]
    (series,) = follow_metric(line(*({"m.json:acc": one} for one in values)), "acc").values()
    moves = list_moves(series)
    assert [move.is_any for move in moves] == [False, True, False, True, True]
    assert [move.delta for move in moves] == [0, None, None, None, math.inf]
