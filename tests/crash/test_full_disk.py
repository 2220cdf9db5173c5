"""Disks with too little room, and places that cannot be written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.crash.cutting import Cutter, copy_project
from tests.crash.judge import check_left_clean, check_manners, check_nothing_lost, read_state
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.support.disks import make_read_only, mount_tmpfs
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

OURS = [scenario for scenario in SCENARIOS if scenario.is_ours and scenario.writes]
ROOMS = 2
"""With how much less room than it needs a command is run at scale 1, beside none at all."""

DISK = "32m"
PAGE_BYTES = 4096


@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.name)
def test_a_full_disk_loses_nothing(
    cutter: Cutter, scenario: Scenario, tmp_path: Path, scale: int, scoreboard: Scoreboard
) -> None:
    prepared = cutter.prepare(scenario)
    before, after = prepared.before, prepared.after
    project, filler = tmp_path / "project", tmp_path / "filler"
    with mount_tmpfs(tmp_path, DISK):
        copy_project(prepared.start, project)
        needed = shutil.disk_usage(tmp_path).free
        cutter.runner.run(project, scenario.command)
        needed -= shutil.disk_usage(tmp_path).free
        for part in range(ROOMS * scale):
            shutil.rmtree(project)
            copy_project(prepared.start, project)
            room = max(needed, 4 * PAGE_BYTES) * part // (ROOMS * scale) // PAGE_BYTES * PAGE_BYTES
            filler.write_bytes(bytes(shutil.disk_usage(tmp_path).free - room))
            said = cutter.runner.run(project, scenario.command)
            check_manners(said)
            filler.unlink()
            now = read_state(project, damaged=scenario.damaged)
            check_nothing_lost(now, before, after, scenario.data)
            again = cutter.runner.run(project, scenario.command)
            check_manners(again)
            assert again.status == 0 or scenario.repeated, (room, said.told, again.told)
            now = read_state(project)
            check_nothing_lost(now, before, after, scenario.data)
            assert now.files == after.files or scenario.back_and_forth, (room, said.told)
            check_left_clean(project)
    scoreboard.add("disks too small", ROOMS * scale)


@pytest.mark.parametrize("scenario", OURS, ids=lambda scenario: scenario.name)
def test_what_cannot_be_written_is_told_and_untouched(cutter: Cutter, scenario: Scenario) -> None:
    prepared = cutter.prepare(scenario)
    with cutter.copy(prepared.start) as root:
        with make_read_only(root):
            outcome = cutter.runner.run(root, scenario.command)
            check_manners(outcome)
            assert outcome.status not in (0, 1), outcome.told
        assert read_state(root, damaged=scenario.damaged) == prepared.before
        assert cutter.runner.run(root, scenario.command).status == 0
        assert read_state(root).files == prepared.after.files


@pytest.mark.parametrize(
    "scenario",
    [one for one in SCENARIOS if one.is_ours and not one.writes],
    ids=lambda scenario: scenario.name,
)
def test_what_only_reads_needs_no_right_to_write(cutter: Cutter, scenario: Scenario) -> None:
    prepared = cutter.prepare(scenario)
    assert [call for call in prepared.calls if "/mlops/running" not in call.path] == []
    with cutter.copy(prepared.start) as root, make_read_only(root):
        assert cutter.runner.run(root, scenario.command).status == 0
