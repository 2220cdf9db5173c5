"""A disk that fails at any moment: a sentence that says so, nothing lost, and a way on."""

from __future__ import annotations

import errno

import pytest

from tests.crash.cutting import Cutter, count_of, points_of, spread
from tests.crash.errors import ERRORS
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.support.scoreboard import Scoreboard
from tests.support.system_calls import WATCHED, WRITES, Fault

pytestmark = pytest.mark.slow

FAILED = [scenario for scenario in SCENARIOS if scenario.writes]
QUICK, POINTS = 2, 4
"""How many errors a command meets at scale 1, and for each scale above; fewer where it is slow."""

READS = 1
"""How many more it meets when it reads."""


@pytest.mark.parametrize("scenario", FAILED, ids=lambda scenario: scenario.name)
def test_an_error_loses_nothing(
    cutter: Cutter, scenario: Scenario, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(scenario)
    errors = [
        (point, error)
        for point in points_of(prepared, WATCHED)
        for error in ERRORS.get(prepared.calls[point - 1].name, ())
    ]
    chosen = spread(errors, count_of(scale, scenario.share(QUICK), scenario.share(POINTS)))
    first = FAILED.index(scenario)  # so that each way to fail has its share of the scenarios
    for number, (point, error) in enumerate(chosen, first):
        writes = prepared.calls[point - 1].name in WRITES
        if writes and number % 4 == 0:
            cutter.check(prepared, Fault(point, "cut"))
            continue
        # what lasts hits Git as well, which cannot do without taking its own files away
        lasting = number % 3 == 2 and (writes or not scenario.ours_only)
        cutter.check(prepared, Fault(point, "fail", error, lasting=lasting))
    scoreboard.add("injected errors", len(chosen))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_file_that_cannot_be_read_is_told(
    cutter: Cutter, scenario: Scenario, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(scenario)
    reads = cutter.count_reads(prepared)
    chosen = spread(reads, scale * scenario.share(READS))
    for point in chosen:
        cutter.check(prepared, Fault(point, "fail", errno.EIO), "reads")
    scoreboard.add("injected errors", len(chosen))
