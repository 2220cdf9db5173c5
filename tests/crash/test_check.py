"""``check`` names exactly what reading cannot give, and ``repair`` never makes it less."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mlops.commands.check import check
from jupyter_mlops.commands.repair import repair
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.snapshots.listing import find_snapshot
from tests.crash.damage import (
    NEW,
    OLD,
    WAYS,
    Sample,
    damage,
    make_sample,
    read_snapshot,
    victims,
)
from tests.crash.model import quick_folder
from tests.support.data_project import DataProject
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

COUNTS = {
    "pack": 16,
    "plain pack": 8,
    "index": 8,
    "snapshot ref": 6,
    "snapshot object": 12,
    "snapshot blob": 7,
}
"""How many files of each kind are damaged: once or twice in every way."""

SENSELESS = {
    ("delete", "snapshot ref"),
    ("unreadable", "snapshot ref"),
    ("swap", "snapshot object"),
    ("unreadable", "snapshot object"),
    ("unreadable", "snapshot blob"),
}
"""A snapshot whose reference is gone was dropped, for all that anybody can tell.

Git reads a folder or commit that stands under another's name; and at a folder in the place of an
object it ends without saying which, so that ``check`` names no snapshot.
"""

DATA = ("pack", "plain pack")


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        yield make_sample(Path(folder))


def _reads(sample: Sample, project: DataProject, name: str) -> bool:
    """Return whether all data of a snapshot can be read; what is read is right."""
    try:
        found = dict(read_snapshot(project, name))
    except MlopsError:
        return False
    assert found == sample.holds[name]
    return True


@pytest.mark.parametrize("what", COUNTS)
def test_check_and_repair_after_damage(
    sample: Sample, what: str, scale: int, scoreboard: Scoreboard
) -> None:
    ids = {name: find_snapshot(sample.project.open().git, name).id for name in (OLD, NEW)}
    ways = [way for way in WAYS if (way, what) not in SENSELESS]
    names = victims(sample)[what]
    chance = random.Random(what)
    tried = 0
    for count in range(COUNTS[what] * scale):
        way = ways[count % len(ways)]
        name = chance.choice(names)
        said = f"{way} of {name}"
        with tempfile.TemporaryDirectory(dir=quick_folder()) as top:
            project = sample.project.copy(Path(top) / "copy")
            touched = damage(sample, project.root, name, way, chance)
            if not touched:
                continue
            tried += 1
            reads = {one: _reads(sample, project, one) for one in ids}
            result = check(project.open(), read_data=True)
            named = {id for damaged in result.damaged for id in damaged.snapshots}
            for one, id in ids.items():
                assert reads[one] or id in named, (said, one, result)
                if what in DATA:
                    assert reads[one] != (id in named), (said, one, result)
            if what in DATA:
                assert not result.ok, said
            before = project.files()
            done = repair(project.open(), yes=True)
            assert project.files() == before, said
            assert done.remaining == check(project.open(), read_data=True).damaged, said
            for one in ids:
                if reads[one] or (what in DATA and not done.remaining):
                    assert _reads(sample, project, one), (said, one)
            assert project.leftovers() == [], said
    scoreboard.add("corruptions", tried)
