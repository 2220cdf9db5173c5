"""The tests of this folder find a step that is done wrongly."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.errors import MlopsError
from tests.crash.cutting import Cutter, points_of
from tests.crash.power import PowerRounds
from tests.crash.runner import Runner
from tests.crash.scenarios import SCENARIOS
from tests.support.disks import make_disk
from tests.support.system_calls import CHANGES, SYNCS, Fault, can_watch

pytestmark = pytest.mark.slow

KILLED = [
    ("pointers are written before content", "first snapshot", "/packs/", "what the store lacks"),
    ("files are written in place", "restore", "/data/", "neither the old nor the new"),
    ("temporary files stay", "first snapshot", "/mlops/tmp/", "left behind"),
    ("our lock on the index stays", "snapshot of a change", "index.lock", "left behind|staged"),
    ("locks of Git stay", "snapshot drop", "/refs/mlops/", "File exists|left behind"),
]
"""The step, the scenario, what calls that show it are about, and what is found."""


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cutter]:
    """What runs scenarios with one step broken."""
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    with Runner(request.param) as runner:
        yield Cutter(tmp_path, runner)


@pytest.mark.parametrize("broken, name, about, message", KILLED, indirect=["broken"])
def test_killing_finds_a_broken_step(broken: Cutter, name: str, about: str, message: str) -> None:
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == name)
    prepared = broken.prepare(scenario)
    with pytest.raises(AssertionError, match=message):
        for point in points_of(prepared, CHANGES):
            if about not in prepared.calls[point - 1].path:
                continue
            broken.check(prepared, Fault(point))


@pytest.mark.parametrize("broken", ["failures to sync are passed over"], indirect=True)
def test_errors_find_a_failure_that_is_passed_over(broken: Cutter) -> None:
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == "first snapshot")
    prepared = broken.prepare(scenario)
    with pytest.raises(AssertionError, match="passed over"):
        for point in points_of(prepared, SYNCS):
            broken.check(prepared, Fault(point, "fail", errno.EIO))


@pytest.mark.parametrize("step", ["files are not synced", "Git syncs nothing"])
def test_losing_power_finds_what_is_not_synced(step: str, memory: Path) -> None:
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    with make_disk("xfs", memory) as disk, Runner(step) as runner:
        project = PowerRounds(disk, runner, random.Random(step), big=False)
        project.begin()
        with pytest.raises((AssertionError, MlopsError)):
            for _ in range(20):
                project.lose_after(journal_first=True)
