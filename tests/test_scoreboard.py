from __future__ import annotations

from tests.support.scoreboard import Scoreboard, add_up


def test_counts_of_many_tests_are_added_up_by_what_they_broke() -> None:
    first: list[tuple[str, object]] = [("other", 1)]
    second: list[tuple[str, object]] = []
    Scoreboard(first).add("kill points", 3)
    Scoreboard(second).add("kill points", 4)
    Scoreboard(second).add("corruptions")
    assert add_up([*first, *second]) == {"corruptions": 1, "kill points": 7}
