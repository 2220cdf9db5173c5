"""The tests of this folder find a step that is done wrongly."""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_mlops.errors import MlopsError
from tests.crash.cutting import Cutter, points_of
from tests.crash.power import PowerRounds
from tests.crash.runner import Runner
from tests.crash.scenarios import find_scenario
from tests.support.disks import make_disk
from tests.support.system_calls import CHANGES, SYNCS, Fault, can_watch

pytestmark = pytest.mark.slow

KILLED = [
    ("pointers are written before content", "first snapshot", "/packs/", "what the store lacks"),
    ("files are written in place", "restore", "/data/", "neither the old nor the new"),
    ("temporary files stay", "first snapshot", "/mlops/tmp/", "left behind"),
    ("temporary files of a remote stay", "push", "/remote/tmp/", "left behind"),
    ("objects of a remote are written in place", "push", "/remote/packs/", "of that name"),
    ("our lock on the index stays", "snapshot of a change", "index.lock", "left behind|staged"),
    ("locks of Git stay", "snapshot drop", "/refs/mlops/", "File exists|left behind"),
]
"""The step, the scenario, what calls that show it are about, and what is found."""

UNSYNCED = [
    ("files are not synced", True),
    ("folders are not synced", False),
    ("Git syncs nothing", True),
    ("references are moved before objects are durable", True),
]
"""The step, and whether another program commits the journal before the power goes."""


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cutter]:
    """What runs scenarios with one step broken."""
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    with Runner(request.param) as runner:
        yield Cutter(tmp_path, runner)


@pytest.mark.parametrize("broken, name, about, message", KILLED, indirect=["broken"])
def test_killing_finds_a_broken_step(broken: Cutter, name: str, about: str, message: str) -> None:
    prepared = broken.prepare(find_scenario(name))
    with pytest.raises(AssertionError, match=message):
        for point in points_of(prepared, CHANGES):
            if about not in prepared.calls[point - 1].path:
                continue
            broken.check(prepared, Fault(point))


@pytest.mark.parametrize("broken", ["failures to sync are passed over"], indirect=True)
def test_errors_find_a_failure_that_is_passed_over(broken: Cutter) -> None:
    prepared = broken.prepare(find_scenario("first snapshot"))
    with pytest.raises(AssertionError, match="passed over"):
        for point in points_of(prepared, SYNCS):
            broken.check(prepared, Fault(point, "fail", errno.EIO))


@pytest.mark.parametrize("step, journal_first", UNSYNCED)
def test_losing_power_finds_what_is_not_synced(
    step: str, journal_first: bool, memory: Path
) -> None:
    with (
        begin_power_rounds(step, memory) as project,
        pytest.raises((AssertionError, MlopsError)),
    ):
        for _ in range(20):
            project.lose_after(journal_first)


def test_losing_power_finds_a_name_without_its_bytes(memory: Path) -> None:
    with begin_power_rounds("names are given before bytes are synced", memory) as project:
        calls = project.take_snapshot().calls
        named = [
            number
            for number, call in enumerate(calls, 1)
            if call.name in SYNCS and call.path.endswith(".pack")
        ]
        with pytest.raises(AssertionError, match="are not the bytes of that name"):
            for point in range(named[0] - 2, named[0] + 3):
                project.lose_in_between(point, journal_first=True)


@contextmanager
def begin_power_rounds(step: str, folder: Path) -> Iterator[PowerRounds]:
    """Yield a project on a disk that loses power, with one step broken."""
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    with make_disk("xfs", folder) as disk, Runner(step) as runner:
        project = PowerRounds(disk, runner, random.Random(step), big=False)
        project.begin()
        yield project
