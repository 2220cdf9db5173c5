"""Losing power: what a command has said is done stays done, and nothing kept before is lost.

A file system in a file is shut down without a flush, right after a command has ended with status 0
or was killed, and is mounted again. In half of the cases another program has made a file of its own
durable just before, which commits names whose content may not be there yet.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.crash.power import PowerRounds
from tests.crash.runner import Runner
from tests.support.disks import Kind, make_disk
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

PLACES: list[tuple[Kind, bool]] = [("ext4", False), ("xfs", False), ("xfs", True)]
"""File systems, and whether a file is big enough to be kept as a clone where clones are made."""

SUCCEEDED, KILLED = 16, 6
"""How many points a place gets at scale 1."""

ROUNDS = {False: 25, True: 10}
"""How many rounds a disk has room for."""


def _split(count: int, size: int) -> list[int]:
    return [min(size, count - start) for start in range(0, count, size)]


@pytest.mark.parametrize("kind, big", PLACES)
@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_what_succeeded_survives(
    kind: Kind,
    big: bool,
    shared: bool,
    runner: Runner,
    memory: Path,
    scale: int,
    scoreboard: Scoreboard,
) -> None:
    count = scale * SUCCEEDED // 2
    for number, rounds in enumerate(_split(count, ROUNDS[big])):
        rng = random.Random(f"{kind} {big} {shared} {number}")
        with make_disk(kind, memory / f"{number}") as disk:
            project = PowerRounds(disk, runner, rng, big, shared)
            project.begin()
            for turn in range(rounds):
                project.lose_after(journal_first=turn % 2 == 0)
    scoreboard.add(f"power losses after success ({kind}, {'clones' if big else 'records'})", count)


@pytest.mark.parametrize("kind, big", PLACES)
def test_what_was_killed_costs_nothing(
    kind: Kind, big: bool, runner: Runner, memory: Path, scale: int, scoreboard: Scoreboard
) -> None:
    count = scale * KILLED
    for number, rounds in enumerate(_split(count, ROUNDS[big])):
        rng = random.Random(f"{kind} {big} {number}")
        with make_disk(kind, memory / f"{number}") as disk:
            project = PowerRounds(disk, runner, rng, big)
            project.begin()
            for turn in range(rounds):
                project.lose_in_between(rng.randrange(1, 240), journal_first=turn % 2 == 0)
    scoreboard.add("power losses after a kill", count)
