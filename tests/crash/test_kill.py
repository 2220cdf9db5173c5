"""A command that is killed at any moment loses nothing, and the same command again succeeds.

What is killed is a real command, right before one of its system calls: together with all that it
started, as when a container is stopped, or the one process alone, as when memory runs out.
"""

from __future__ import annotations

import pytest

from tests.crash.cutting import Cutter, points_of, spread
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.support.scoreboard import Scoreboard
from tests.support.system_calls import CHANGES, Fault

pytestmark = pytest.mark.slow

KILLED = [scenario for scenario in SCENARIOS if scenario.writes]
POINTS = 22
"""How many kills of a command a run tries at scale 1; fewer of a slow one."""


@pytest.mark.parametrize("scenario", KILLED, ids=lambda scenario: scenario.name)
def test_a_killed_command_loses_nothing(
    cutter: Cutter, scenario: Scenario, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(scenario)
    chosen = spread(points_of(prepared, CHANGES), scale * scenario.share(POINTS))
    for number, point in enumerate(chosen):
        alone = scenario.ours_only or number % 3 == 2
        cutter.check(prepared, Fault(point, "kill one" if alone else "kill tree"))
    scoreboard.add("kill points", len(chosen))
