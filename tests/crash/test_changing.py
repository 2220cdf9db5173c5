"""Files that change while they are read, and clocks that go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.changing import (
    SIZES,
    WAYS,
    is_state,
    keep_again_and_again,
    keep_changing,
    tells_writes_apart,
    version,
)
from tests.support.data_project import DataProject, make_data_project
from tests.support.later import run_at
from tests.support.scoreboard import Scoreboard

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
COUNT = 6
CLOCKS = ("-365d", "-1h", "+1h", "+365d")


@pytest.fixture
def changing(tmp_path: Path) -> DataProject:
    project = make_data_project(tmp_path / "project")
    for size, size_bytes in SIZES.items():
        project.write(f"{size}.bin", version(0, size_bytes))
    return project


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", WAYS)
def test_a_changing_file_is_kept_as_it_was_at_one_moment_or_refused(
    changing: DataProject, way: str, size: str, scale: int, scoreboard: Scoreboard
) -> None:
    path = f"{size}.bin"
    whole = way == "replace" or tells_writes_apart(changing.root)
    with keep_changing(way, changing.root / path):
        taken, refused = keep_again_and_again(changing.root, path, COUNT * scale, whole=whole)
    assert taken + refused == COUNT * scale
    assert changing.leftovers() == []
    body = changing.read(path)
    kept = changing.snapshot(path, keep_mine=True)
    changing.remove(path)
    changing.restore(kept.id)
    assert changing.read(path) == body
    scoreboard.add("changing files", COUNT * scale)


def test_a_mixture_is_told_from_a_state() -> None:
    old, new = version(1, 640), version(2, 640)
    assert is_state(old)
    assert is_state(new[:320] + old[320:])
    assert not is_state(old[:320] + new[320:])
    assert not is_state(old[:300] + new[300:])


def test_a_reader_that_does_not_look_twice_is_found(changing: DataProject) -> None:
    if not tells_writes_apart(changing.root):
        pytest.skip("not run: the files' times here are too coarse to tell writes apart")
    command = [sys.executable, "-m", "tests.crash.changing", "keep", str(changing.root)]
    huge = changing.write("huge.bin", version(0, 30_000_000))
    with keep_changing("rewrite", huge):
        done = subprocess.run(
            [*command, "huge.bin", "30"], cwd=ROOT, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert "AssertionError" in done.stderr


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_that_is_set_hides_no_edit_and_loses_nothing(
    changing: DataProject, clock: str
) -> None:
    changing.snapshot("small.bin", name="first", commit=True)
    file = changing.root / "small.bin"
    for number, at in ((1, clock), (2, "+0"), (3, clock)):
        assert "clean" in run_at(changing.root, at, "status")
        seen = file.stat()
        file.write_bytes(version(number, SIZES["small"]))
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        assert "changed" in run_at(changing.root, at, "status")
        run_at(changing.root, at, "snapshot", "--name", f"number-{number}")
    for name, number in (("first", 0), ("number-1", 1), ("number-2", 2), ("number-3", 3)):
        changing.restore(name)
        assert changing.read("small.bin") == version(number, SIZES["small"])
    for _ in range(2):
        changing.undo()
    assert changing.read("small.bin") == version(3, SIZES["small"])
    assert changing.leftovers() == []


@pytest.mark.parametrize("days", [-20_000, -1, 1, 3_650])
def test_an_edit_of_a_file_whose_time_is_far_off_is_seen(changing: DataProject, days: int) -> None:
    file = changing.root / "small.bin"
    when = file.stat().st_mtime_ns + days * 86_400_000_000_000
    os.utime(file, ns=(when, when))
    changing.snapshot("small.bin")
    for number in range(1, 4):
        assert changing.state("small.bin") == "clean"
        file.write_bytes(version(number, SIZES["small"]))
        os.utime(file, ns=(when, when))
        assert changing.state("small.bin") == "changed"
        changing.snapshot()
