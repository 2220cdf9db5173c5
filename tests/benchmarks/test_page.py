"""The page says what was measured and what was not, and keeps what was written by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.benchmarks.targets import ageing, compare
from tests.benchmarks.targets.bench import NOISE, SMALL_FILES, TABLE
from tests.benchmarks.targets.page import format_page
from tests.benchmarks.targets.record import CLONES, DVC, FLOOR, MAIN, OURS, Record, Unit, Workload
from tests.benchmarks.targets.scale import many

MIB = 1 << 20


def _record(scale: float = 1) -> Record:
    began = datetime(2026, 1, 2, tzinfo=UTC)
    record = Record(scale, began, {"processor": "Fast"}, {OURS: "1.0", DVC: "3.0"})
    record.file_systems = {MAIN: "a new ext4", CLONES: "a new xfs"}
    record.workloads = {
        SMALL_FILES: Workload(100_000, 800 * MIB),
        TABLE: Workload(1, 2048 * MIB),
        NOISE: Workload(1, 2048 * MIB),
    }
    return record


def _add(
    record: Record,
    role: str,
    workload: str,
    operation: str,
    tool: str,
    value: float,
    *,
    unit: Unit = "seconds",
    peak_bytes: int | None = None,
) -> None:
    series = record.series_of(role, workload, operation, tool, unit)
    series.values.append(value)
    if peak_bytes is not None:
        series.peaks_bytes.append(peak_bytes)


def _rows(page: str, *cells: str) -> list[list[str]]:
    """Return the rows that begin with ``cells``, without those."""
    rows = [line[2:-2].split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [row[len(cells) :] for row in rows if tuple(row[: len(cells)]) == cells]


def test_a_median_is_put_beside_the_peer_and_the_floor() -> None:
    record = _record()
    for ours, theirs, copy in ((3, 24, 4), (2, 20, 6), (9, 22, 5)):
        _add(record, MAIN, SMALL_FILES, compare.FIRST, OURS, ours)
        _add(record, MAIN, SMALL_FILES, compare.FIRST, DVC, theirs)
        _add(record, MAIN, SMALL_FILES, compare.COPY, FLOOR, copy)
    assert _rows(format_page(record), SMALL_FILES, compare.FIRST) == [
        ["3.00 s (2.00–9.00)", "22.0 s (20.0–24.0)", "7.33 ×", "≥ 6 ×", "yes"],
        ["3.00 s (2.00–9.00)", compare.COPY, "5.00 s (4.00–6.00)", "0.60 ×", "≤ 1 ×", "yes"],
    ]


def test_a_target_that_is_missed_stands_out_and_is_counted() -> None:
    record = _record()
    _add(record, MAIN, TABLE, compare.FIRST, OURS, 4)
    _add(record, MAIN, TABLE, compare.FIRST, DVC, 7)
    _add(record, MAIN, TABLE, compare.STORED, OURS, 600, unit="bytes")
    _add(record, MAIN, TABLE, compare.STORED, DVC, 3000, unit="bytes")
    page = format_page(record)
    assert _rows(page, TABLE, compare.FIRST)[0] == [
        *("4.00 s", "7.00 s", "1.75 ×", "≥ 2 ×", "**no**")
    ]
    assert _rows(page, TABLE, compare.STORED)[0][2:] == ["0.20 ×", "≤ 0.3 ×", "yes"]
    assert "Targets met: 1; missed: 1; " in page


def test_what_was_not_measured_says_so() -> None:
    record = _record()
    _add(record, MAIN, SMALL_FILES, compare.STATUS, OURS, 0.3)
    row = _rows(format_page(record), SMALL_FILES, compare.STATUS)[0]
    assert row[:4] == ["0.30 s", "not run", "", "≥ 8 ×"]
    assert "Targets met: 0; missed: 0; " in format_page(record)


def test_fixed_bounds_are_judged_at_full_size_only() -> None:
    for scale, words in ((1, ["≤ 1.00 s", "yes"]), (0.1, ["≤ 1.00 s", ""])):
        record = _record(scale)
        _add(record, CLONES, TABLE, compare.FIRST, OURS, 0.7)
        _add(record, CLONES, TABLE, compare.DISK, OURS, 100 * MIB, unit="bytes")
        page = format_page(record)
        assert ["0.70 s", *words] in _rows(page, TABLE, compare.FIRST)
    assert "0.1 times the full size" in page
    assert ["4.9% of the data", "≤ 2.0% of the data", ""] in _rows(page, TABLE, compare.DISK)


def test_a_rate_is_of_the_data() -> None:
    record = _record()
    _add(record, MAIN, NOISE, compare.CHECK, OURS, 2)
    assert ["1.07 GB/s", "≥ 1.00 GB/s", "yes"] in _rows(format_page(record), NOISE, compare.CHECK)


def test_memory_is_that_of_the_worst_operation() -> None:
    record = _record()
    for peak in (150, 207):
        _add(record, MAIN, SMALL_FILES, compare.STATUS, OURS, 1, peak_bytes=peak * MIB)
    _add(record, MAIN, TABLE, compare.STATUS, OURS, 1, peak_bytes=201 * MIB)
    page = format_page(record)
    assert _rows(page, SMALL_FILES, "a new ext4") == [["207 MiB", "", "≤ 206 MiB", "**no**"]]
    assert _rows(page, TABLE, "a new ext4") == [["201 MiB", "", "≤ 200 MiB", "**no**"]]


def test_an_aged_project_is_put_beside_a_new_one() -> None:
    record = _record()
    name = ageing.aged(SMALL_FILES)
    record.workloads[name] = record.workloads[SMALL_FILES]
    _add(record, MAIN, name, ageing.NEWEST, OURS, 4.5)
    _add(record, MAIN, name, f"{ageing.NEWEST}, {ageing.FRESH}", OURS, 3)
    assert _rows(format_page(record), name, ageing.NEWEST) == [
        ["4.50 s", "in a new project", "3.00 s", "1.50 ×", "≤ 1.3 ×", "**no**"]
    ]


def test_very_many_files_are_put_beside_a_walk_and_beside_fewer() -> None:
    record = _record()
    few, most = many(100), many(1000)
    record.workloads |= {most: Workload(1000, 0), few: Workload(100, 0)}
    for name, seconds in ((few, 2), (most, 21)):
        _add(record, MAIN, name, compare.ONE_FILE, OURS, seconds)
        _add(record, MAIN, name, compare.WALK, FLOOR, seconds / 2)
    page = format_page(record)
    assert _rows(page, few, compare.ONE_FILE) == [
        ["2.00 s", compare.WALK, "1.00 s", "2.00 ×", "", ""]
    ]
    assert _rows(page, most, compare.ONE_FILE) == [
        ["21.0 s", compare.WALK, "10.5 s", "2.00 ×", "≤ 3 ×", "yes"],
        ["21.0 s", few, "2.00 s", "10.5 ×", "≤ 10 ×", "**no**"],
    ]


def test_what_was_written_by_hand_is_kept() -> None:
    page = format_page(_record())
    place = "<!-- prose bounds -->\n"
    written = page.replace(place, f"{place}\nThe disk's `fsync`.\n\nAnd Python.\n\n")
    assert written != page
    assert format_page(_record(), written) == written


def test_what_was_written_by_hand_is_never_dropped() -> None:
    written = "<!-- prose history -->\nLong ago.\n<!-- end of prose -->"
    with pytest.raises(ValueError, match="no place for the prose history"):
        format_page(_record(), written)
