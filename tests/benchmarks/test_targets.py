"""All that ``make bench`` measures can be measured: a run of a few files, without other tools."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.benchmarks.targets import compare
from tests.benchmarks.targets.bench import NOISE, SMALL_FILES, TABLE, Bench
from tests.benchmarks.targets.goals import (
    AGEING_GOALS,
    FLOOR_GOALS,
    NOTEBOOK_FLOOR_GOALS,
    NOTEBOOK_GOALS,
    FloorGoal,
    growth_goals,
    walk_goals,
)
from tests.benchmarks.targets.page import format_page
from tests.benchmarks.targets.parts import PARTS
from tests.benchmarks.targets.places import Places
from tests.benchmarks.targets.record import (
    CLONES,
    FLOOR,
    MAIN,
    Record,
    begin_record,
    read_record,
    write_record,
)
from tests.benchmarks.targets.run import measure
from tests.benchmarks.targets.scale import many
from tests.benchmarks.targets.tools import OUR_TOOL
from tests.benchmarks.workloads import Sizes
from tests.support.project import IDENTITY

SIZES = Sizes(
    small_files_count=100,
    big_file_bytes=1 << 20,
    code_files_count=20,
    many_files_count=1000,
    notebooks_count=1,
)


def _measure(part: str, folder: Path) -> Record:
    places = Places(folder, disks=False)
    record = begin_record(0.001, {})
    record.file_systems = places.file_systems
    with places.open(MAIN, 0) as sources:
        PARTS[part](
            Bench(
                record,
                places,
                sources,
                [OUR_TOOL],
                os.environ | IDENTITY,
                SIZES,
                rounds=1,
                repeats=1,
                versions_count=2,
                pause_seconds=0,
            )
        )
    assert list(folder.iterdir()) == []
    write_record(record, folder / "record.json")
    assert read_record(folder / "record.json") == record
    return record


def _has_both(record: Record, goal: FloorGoal) -> bool:
    return goal.ratio(record) is not None


@pytest.mark.slow
def test_the_part_beside_dvc_measures_every_operation(tmp_path: Path) -> None:
    record = _measure("peer", tmp_path)
    operations = {
        *(compare.FIRST, compare.STATUS, compare.UNCHANGED, compare.SECOND, compare.BACK),
        *(compare.FORTH, compare.NOTHING_THERE, compare.STORED, compare.DISK, compare.CHECK),
        compare.START,
    }
    for workload, more in ((SMALL_FILES, {compare.ONE_FILE}), (TABLE, set()), (NOISE, set())):
        series = [one for one in record.series if one.workload == workload]
        ours = {one.operation for one in series if one.tool == OUR_TOOL.name}
        floors = {one.operation for one in series if one.tool == FLOOR}
        assert ours == operations | more
        assert floors == {compare.COPY, compare.WALK, compare.HASH}
    assert all(one.peaks_bytes for one in record.series if one.unit == "seconds")
    stored = record.find(MAIN, NOISE, compare.STORED)
    assert stored is not None and 1 << 20 < stored.middle < 3 << 20
    assert "| small files | first snapshot |" in format_page(record)


@pytest.mark.slow
def test_the_part_beside_git_status(tmp_path: Path) -> None:
    record = _measure("git", tmp_path)
    assert [_has_both(record, goal) for goal in FLOOR_GOALS] == [
        *[False] * (len(FLOOR_GOALS) - 1),
        True,
    ]


@pytest.mark.slow
def test_the_part_of_notebooks(tmp_path: Path) -> None:
    record = _measure("notebooks", tmp_path)
    assert all(goal.ratio(record) is not None for goal in NOTEBOOK_GOALS)
    assert all(_has_both(record, goal) for goal in NOTEBOOK_FLOOR_GOALS)
    assert record.workloads["notebooks"].files_count == 1
    assert "| notebooks | git add of all |" in format_page(record)


@pytest.mark.slow
def test_the_part_of_many_versions(tmp_path: Path) -> None:
    record = _measure("ageing", tmp_path)
    measured = [goal for goal in AGEING_GOALS if "after gc" not in goal.operation]
    assert len(measured) == 4
    assert all(_has_both(record, goal) for goal in measured)


@pytest.mark.slow
def test_the_part_of_very_many_files(tmp_path: Path) -> None:
    record = _measure("scale", tmp_path)
    few, more = many(100), many(1000)
    for goal in (*walk_goals(few, None), *walk_goals(more, None), *growth_goals(more, few, 10)):
        assert _has_both(record, goal)


def test_without_a_file_system_that_clones_its_part_measures_nothing(tmp_path: Path) -> None:
    record = _measure("clones", tmp_path)
    assert CLONES not in record.file_systems
    assert record.series == []


def test_a_command_is_measured_with_the_memory_of_its_processes(tmp_path: Path) -> None:
    small = measure("true", tmp_path, os.environ)
    big = measure("""python -c 'bytes(200 << 20); "x" * (200 << 20)'""", tmp_path, os.environ)
    assert small.peak_bytes < 50 << 20
    assert 200 << 20 < big.peak_bytes < 400 << 20
    assert 0 < small.seconds < big.seconds


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="exited 3\nno room"):
        measure("echo no room; exit 3", tmp_path, os.environ)
