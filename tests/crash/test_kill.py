"""A command that is killed at any moment loses nothing, and the same command again succeeds.

What is killed is a real command, right before one of its system calls: together with all that it
started, as when a container is stopped, or the one process alone, as when memory runs out.
"""

from __future__ import annotations

import pytest

from jupyter_mlops.errors import ConflictError
from tests.crash.cutting import Cutter, count_of, let_time_pass, points_of, spread
from tests.crash.judge import Files, check_left_clean, read_state
from tests.crash.scenarios import SCENARIOS, Scenario, find_scenario
from tests.support.data_project import DataProject
from tests.support.scoreboard import Scoreboard
from tests.support.system_calls import CHANGES, Fault

pytestmark = pytest.mark.slow

KILLED = [scenario for scenario in SCENARIOS if scenario.writes]
QUICK, POINTS = 4, 6
"""How many kills of a command are tried at scale 1, and for each scale above; of slow ones less."""


@pytest.mark.parametrize("scenario", KILLED, ids=lambda scenario: scenario.name)
def test_a_killed_command_loses_nothing(
    cutter: Cutter, scenario: Scenario, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(scenario)
    chosen = spread(
        points_of(prepared, CHANGES), count_of(scale, scenario.share(QUICK), scenario.share(POINTS))
    )
    for number, point in enumerate(chosen):
        alone = scenario.ours_only or number % 2 == 1
        cutter.check(prepared, Fault(point, "kill one" if alone else "kill tree"))
    scoreboard.add("kill points", len(chosen))


def test_a_killed_restore_is_finished_by_one_that_names_nothing(
    cutter: Cutter, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(find_scenario("restore"))
    old, new = prepared.after.files, prepared.before.files
    chosen = spread(points_of(prepared, CHANGES), scale * POINTS)
    ends = []
    for point in chosen:
        with cutter.copy(prepared.start) as root:
            cutter.runner.run(root, prepared.scenario.command, fault=Fault(point))
            let_time_pass(root)
            killed = DataProject(root)
            files, state = killed.files("data"), killed.state("data")
            assert state in ("clean", "missing", "diverged"), point
            if state == "diverged" and files not in (_in(old), _in(new)):
                with pytest.raises(ConflictError):
                    killed.snapshot()
                assert killed.files("data") == files, point
            cutter.runner.ours(root, "restore")
            ended = killed.files("data")
            assert ended in (_in(old), _in(new)), point
            assert set(killed.states().values()) == {"clean"}, point
            ends.append(ended == _in(old))
    assert set(ends) == {True, False}
    scoreboard.add("kill points", len(chosen))


def test_a_killed_snapshot_lets_nothing_be_lost_when_git_moves_its_pointers(
    cutter: Cutter, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(find_scenario("snapshot of a change"))
    before = prepared.before
    chosen = spread(points_of(prepared, CHANGES), scale * POINTS)
    for point in chosen:
        with cutter.copy(prepared.start) as root:
            cutter.runner.run(root, prepared.scenario.command, fault=Fault(point))
            let_time_pass(root)
            killed = DataProject(root)
            killed.states()  # any command of ours takes a lock away that it died with
            killed.git("reset", "--hard", "--quiet", "HEAD~1")
            cutter.runner.ours(root, "restore")
            now = read_state(root)
            for path, content in before.files.items():
                if path.startswith("data/") and now.files.get(path) != content:
                    assert now.holds(path, content), (point, path)
            check_left_clean(root)
    scoreboard.add("kill points", len(chosen))


def _in(files: Files) -> dict[str, bytes | str]:
    """Return what lies in the folder ``data``."""
    return {
        path.removeprefix("data/"): content
        for path, content in files.items()
        if path.startswith("data/")
    }
