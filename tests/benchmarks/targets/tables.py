"""The tables of the page: one row for each operation that was measured or promised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jupyter_mlops.units import format_bytes
from tests.benchmarks.targets.goals import Bound, FloorGoal, MemoryGoal, PeerGoal
from tests.benchmarks.targets.record import DVC, OURS, Record, Series

_NOT_RUN = "not run"
_MET = {True: "yes", False: "**no**", None: ""}


def peer_table(record: Record, goals: Iterable[PeerGoal], peer: str = DVC) -> str:
    """Return a table of ours beside the tool ``peer``, which all of ``goals`` are about."""
    rows = [
        (
            goal.workload,
            goal.operation,
            _cell(record.find(goal.role, goal.workload, goal.operation)),
            _cell(record.find(goal.role, goal.workload, goal.operation, peer)),
            _times(goal.ratio(record)),
            goal.promise(record),
            _MET[goal.is_met(record)],
        )
        for goal in goals
        if goal.promise(record) or record.find(goal.role, goal.workload, goal.operation)
    ]
    return _table(("data", "operation", OURS, peer, "ratio", "target", "met"), rows)


def floor_table(record: Record, goals: Iterable[FloorGoal]) -> str:
    """Return a table of ours beside what no tool can be faster than, or beside a new project."""
    rows = [
        (
            goal.workload,
            goal.operation,
            _cell(record.find(goal.role, goal.workload, goal.operation)),
            goal.beside or goal.floor,
            _cell(goal.find_floor(record)),
            _times(goal.ratio(record)),
            goal.promise(record),
            _MET[goal.is_met(record)],
        )
        for goal in goals
        if goal.promise(record) or record.find(goal.role, goal.workload, goal.operation)
    ]
    head = ("data", "operation", OURS, "beside", "its time", "ratio", "target", "met")
    return _table(head, rows)


def bound_table(record: Record, goals: Iterable[Bound]) -> str:
    """Return a table of ours against fixed bounds."""
    rows = [
        (
            goal.workload,
            goal.operation,
            goal.told(record),
            goal.promise(record),
            _MET[goal.is_met(record)],
        )
        for goal in goals
    ]
    return _table(("data", "operation", OURS, "target", "met"), rows)


def memory_table(record: Record, goals: Iterable[MemoryGoal]) -> str:
    """Return a table of the memory that each workload took."""
    rows = [
        (
            goal.workload,
            record.file_systems.get(goal.role, goal.role),
            _size(goal.peak_bytes(record)),
            _size(goal.peak_bytes(record, DVC)),
            goal.promise(record),
            _MET[goal.is_met(record)],
        )
        for goal in goals
    ]
    return _table(("data", "on", OURS, DVC, "target", "met"), rows)


def series_table(series: Iterable[Series]) -> str:
    """Return a table of series that nothing is compared with."""
    rows = [
        (one.workload, one.operation, _cell(one), _size(max(one.peaks_bytes, default=None)))
        for one in series
    ]
    return _table(("data", "operation", OURS, "memory"), rows)


def _cell(series: Series | None) -> str:
    if series is None:
        return _NOT_RUN
    if series.unit == "bytes":
        return format_bytes(round(series.middle))
    text = f"{_seconds(series.middle)} s"
    if len(series.values) > 1:
        text += f" ({_seconds(min(series.values))}–{_seconds(max(series.values))})"
    return text


def _seconds(value: float) -> str:
    digits = 3 if value < 0.1 else 2 if value < 10 else 1
    return f"{value:.{digits}f}"


def _size(size_bytes: int | None) -> str:
    return "" if size_bytes is None else format_bytes(size_bytes)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f} ×" if ratio < 10 else f"{ratio:.1f} ×"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
