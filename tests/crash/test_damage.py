"""One damaged file at a time: every command gives what is right, or says what is wrong.

Nothing of the user's is lost meanwhile, and all works again when the file is put back.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.damage import PRIVATE, WAYS, Sample, make_sample, try_damage, victims
from tests.crash.model import quick_folder
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

COUNTS = {
    "pack": 32,
    "plain pack": 16,
    "index": 16,
    "format": 16,
    "pointer": 28,
    "stat cache": 14,
    "origin": 14,
    "operation": 14,
    "mark": 14,
    "snapshot ref": 14,
    "snapshot object": 24,
    "snapshot blob": 16,
}
"""How many files of each kind are damaged for each scale: in each slice once or twice in every way.

At scale 1 it is half as many: each way stands in one of the slices.
"""

SENSELESS = {("unreadable", what) for what in PRIVATE} | {
    ("swap", "pointer"),
    ("swap", "snapshot object"),
}
"""A swapped pointer is one that names other data, and a restore does what it says.

Git believes a folder or commit that stands under another's name; ``check --read-data`` does not.
"""

SLICES = 2
HARMLESS = ("format", "operation", "mark", "stat cache", "origin", "index", "pointer")
"""Kinds of files that the content of a snapshot is read without."""


@pytest.fixture(scope="module")
def sample() -> Iterator[Sample]:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        yield make_sample(Path(folder))


@pytest.mark.parametrize("number", range(SLICES))
@pytest.mark.parametrize("what", COUNTS)
def test_damage_gives_no_wrong_bytes_and_loses_nothing(
    sample: Sample, what: str, number: int, scale: int, scoreboard: Scoreboard
) -> None:
    names = victims(sample)[what]
    ways = [way for way in WAYS if (way, what) not in SENSELESS]
    chance = random.Random(number)
    tried = detected = 0
    numbers = range(COUNTS[what] * scale // SLICES)
    if scale == 1:
        numbers = numbers[number::SLICES]
    for count in numbers:
        way = ways[count % len(ways)]
        found = try_damage(sample, what, chance.choice(names), way, chance)
        tried += found is not None
        detected += bool(found)
    if what in HARMLESS and what != "format":
        assert detected == 0
    elif what != "format":
        assert detected > 0
    scoreboard.add("corruptions", tried)


def test_a_reader_that_trusts_what_it_reads_is_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.damage"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "AssertionError" in done.stderr
