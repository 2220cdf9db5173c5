"""What is aimed at: each operation against DVC, against a floor, or against a fixed bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jupyter_mlops.units import format_bytes
from tests.benchmarks.targets import ageing, compare, notebooks, remotes
from tests.benchmarks.targets.bench import FEW_SMALL_FILES, MIB, NOISE, SMALL_FILES, TABLE
from tests.benchmarks.targets.git_files import CODE, GIT_STATUS
from tests.benchmarks.targets.record import CLONES, DVC, FLOOR, MAIN, OURS, Record, Series

MEMORY_BYTES = 200 * MIB
MEMORY_A_FILE_BYTES = 64
ONE_FILE_TIMES = 3


@dataclass(frozen=True, slots=True)
class PeerGoal:
    """An operation beside another tool.

    Attributes:
        at_least: how many times as fast ours is to be; None where nothing is promised.
        at_most: how many times as much room it may take, for what is counted in bytes.
        peer: the other tool.
    """

    role: str
    workload: str
    operation: str
    at_least: float | None = None
    at_most: float | None = None
    peer: str = DVC

    def ratio(self, record: Record) -> float | None:
        """Return how many times as fast, or as big, ours is; None where it was not measured."""
        ours = record.find(self.role, self.workload, self.operation)
        theirs = record.find(self.role, self.workload, self.operation, self.peer)
        if ours is None or theirs is None:
            return None
        if ours.unit == "bytes":
            return ours.middle / theirs.middle if theirs.middle > 0 else None
        return theirs.middle / ours.middle

    def is_met(self, record: Record) -> bool | None:
        """Return whether it is met, None where nothing is promised or it was not measured."""
        ratio = self.ratio(record)
        if ratio is None:
            return None
        if self.at_least is not None:
            return ratio >= self.at_least
        return None if self.at_most is None else ratio <= self.at_most

    def promise(self, record: Record) -> str:
        """Return what is aimed at, as it is written in a table."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g} ×"
        return "" if self.at_most is None else f"≤ {self.at_most:g} ×"


@dataclass(frozen=True, slots=True)
class FloorGoal:
    """An operation beside what no tool can be faster than, or beside another one of ours.

    Attributes:
        floor: the operation that it is compared with.
        at_most: how many times as long as that it may take; None where nothing is promised.
        beside: what the comparison is called, where it is with ours.
        floor_workload: the data of the other one, where it is not the same.
    """

    role: str
    workload: str
    operation: str
    floor: str
    at_most: float | None
    beside: str | None = None
    floor_workload: str | None = None

    def find_floor(self, record: Record) -> Series | None:
        """Return what it is compared with; None where that was not measured."""
        tool = FLOOR if self.beside is None else OURS
        return record.find(self.role, self.floor_workload or self.workload, self.floor, tool)

    def ratio(self, record: Record) -> float | None:
        """Return how many times as long ours takes; None where it was not measured."""
        ours = record.find(self.role, self.workload, self.operation)
        floor = self.find_floor(record)
        return None if ours is None or floor is None else ours.middle / floor.middle

    def is_met(self, record: Record) -> bool | None:
        """Return whether it is met, None where nothing is promised or it was not measured."""
        ratio = self.ratio(record)
        return None if ratio is None or self.at_most is None else ratio <= self.at_most

    def promise(self, record: Record) -> str:
        """Return what is aimed at, as it is written in a table."""
        return "" if self.at_most is None else f"≤ {self.at_most:g} ×"


@dataclass(frozen=True, slots=True)
class Bound:
    """A fixed bound of an operation.

    Attributes:
        kind: what is bounded: the seconds at most, the share of the data's size at most, or the
            bytes of the data a second at least.
    """

    role: str
    workload: str
    operation: str
    kind: Literal["seconds", "share", "rate"]
    bound: float

    def is_met(self, record: Record) -> bool | None:
        """Return whether it is met; None where it was not measured, or not at full size."""
        value = self._value(record)
        if value is None or record.scale < 1:
            return None
        return value >= self.bound if self.kind == "rate" else value <= self.bound

    def promise(self, record: Record) -> str:
        """Return what is aimed at, as it is written in a table."""
        return f"{'≥' if self.kind == 'rate' else '≤'} {self._text(self.bound)}"

    def told(self, record: Record) -> str:
        """Return what was measured, as it is written in a table."""
        value = self._value(record)
        return "not run" if value is None else self._text(value)

    def _value(self, record: Record) -> float | None:
        ours = record.find(self.role, self.workload, self.operation)
        if ours is None:
            return None
        size = record.workloads[self.workload].size_bytes
        if self.kind == "rate":
            return size / ours.middle
        return ours.middle / size if self.kind == "share" else ours.middle

    def _text(self, value: float) -> str:
        if self.kind == "rate":
            return f"{value / 1e9:.2f} GB/s"
        return f"{value:.1%} of the data" if self.kind == "share" else f"{value:.2f} s"


@dataclass(frozen=True, slots=True)
class MemoryGoal:
    """The memory of one workload's operations."""

    role: str
    workload: str

    def peak_bytes(self, record: Record, tool: str = OURS) -> int | None:
        """Return the most memory that any operation took; None where none was measured."""
        peaks = [
            peak
            for one in record.series
            if (one.file_system, one.workload, one.tool) == (self.role, self.workload, tool)
            for peak in one.peaks_bytes
        ]
        return max(peaks, default=None)

    def is_met(self, record: Record) -> bool | None:
        """Return whether it is met, None where it was not measured."""
        peak = self.peak_bytes(record)
        return None if peak is None else peak <= self._most_bytes(record)

    def promise(self, record: Record) -> str:
        """Return what is aimed at, as it is written in a table."""
        return f"≤ {format_bytes(self._most_bytes(record))}"

    def _most_bytes(self, record: Record) -> int:
        return MEMORY_BYTES + MEMORY_A_FILE_BYTES * record.workloads[self.workload].files_count


def _peer_goals(role: str, promised: dict[tuple[str, str], float]) -> tuple[PeerGoal, ...]:
    times = (
        *(compare.FIRST, compare.STATUS, compare.UNCHANGED, compare.SECOND, compare.ONE_FILE),
        *(compare.BACK, compare.FORTH, compare.NOTHING_THERE),
    )
    return tuple(
        PeerGoal(role, workload, operation, promised.get((workload, operation)))
        for workload in (SMALL_FILES, TABLE, NOISE)
        for operation in times
    )


PEER_GOALS = (
    *_peer_goals(
        MAIN,
        {
            (SMALL_FILES, compare.FIRST): 6,
            (TABLE, compare.FIRST): 2,
            (NOISE, compare.FIRST): 1.5,
            (SMALL_FILES, compare.STATUS): 8,
            (SMALL_FILES, compare.SECOND): 10,
            (TABLE, compare.SECOND): 5,
            (SMALL_FILES, compare.BACK): 10,
            (SMALL_FILES, compare.FORTH): 10,
            (TABLE, compare.BACK): 3,
            (TABLE, compare.FORTH): 3,
        },
    ),
    PeerGoal(MAIN, SMALL_FILES, compare.STORED, at_most=0.6),
    PeerGoal(MAIN, TABLE, compare.STORED, at_most=0.3),
    PeerGoal(MAIN, NOISE, compare.STORED),
    *(PeerGoal(MAIN, workload, compare.DISK) for workload in (SMALL_FILES, TABLE, NOISE)),
)

REMOTE_GOALS = tuple(
    PeerGoal(MAIN, remotes.on(workload, remote), operation, at_least)
    for workload, remote, promised in (
        (SMALL_FILES, remotes.FOLDER, (10, 50, None, 10)),
        (FEW_SMALL_FILES, remotes.S3, (20, None, None, 20)),
    )
    for operation, at_least in zip(
        (remotes.PUSH, remotes.PUSH_UNCHANGED, remotes.PUSH_SECOND, remotes.PULL),
        promised,
        strict=True,
    )
)

REMOTE_FLOOR_GOALS = tuple(
    FloorGoal(MAIN, remotes.on(workload, remote), operation, floor, None, beside=beside)
    for workload, remote in ((SMALL_FILES, remotes.FOLDER), (FEW_SMALL_FILES, remotes.S3))
    for operation, floor, beside in (
        (remotes.PUSH, remotes.COPY_PACKS, None),
        (remotes.PUSH_UNCHANGED, compare.START, compare.START),
        (remotes.PULL, remotes.COPY_FILES, None),
        (remotes.PULL, remotes.COPY_PACKS, None),
    )
)

CLONE_GOALS = (
    *_peer_goals(
        CLONES,
        {
            (workload, operation): 1
            for workload in (TABLE, NOISE)
            for operation in (compare.FIRST, compare.BACK, compare.FORTH)
        },
    ),
    *(PeerGoal(CLONES, workload, compare.DISK) for workload in (TABLE, NOISE)),
)

CLONE_FLOOR_GOALS = tuple(
    FloorGoal(CLONES, workload, operation, compare.HASH, None)
    for workload in (TABLE, NOISE)
    for operation in (compare.FIRST, compare.NOTHING_THERE)
)

CLONE_BOUNDS = tuple(
    bound
    for workload in (TABLE, NOISE)
    for bound in (
        Bound(CLONES, workload, compare.FIRST, "seconds", 1),
        Bound(CLONES, workload, compare.BACK, "seconds", 0.1),
        Bound(CLONES, workload, compare.FORTH, "seconds", 0.1),
        Bound(CLONES, workload, compare.DISK, "share", 0.02),
    )
)

CHECK_BOUNDS = tuple(
    Bound(MAIN, workload, compare.CHECK, "rate", 1e9) for workload in (SMALL_FILES, TABLE, NOISE)
)

FLOOR_GOALS = (
    FloorGoal(MAIN, SMALL_FILES, compare.STATUS, compare.START, None, beside=compare.START),
    FloorGoal(MAIN, SMALL_FILES, compare.FIRST, compare.COPY, 1),
    FloorGoal(MAIN, TABLE, compare.FIRST, compare.COPY, 1.5),
    FloorGoal(MAIN, NOISE, compare.FIRST, compare.COPY, 1.5),
    FloorGoal(MAIN, SMALL_FILES, compare.STATUS, compare.WALK, 2.5),
    FloorGoal(MAIN, SMALL_FILES, compare.UNCHANGED, compare.WALK, None),
    FloorGoal(MAIN, SMALL_FILES, compare.ONE_FILE, compare.WALK, None),
    FloorGoal(MAIN, SMALL_FILES, compare.CHECK, compare.HASH, None),
    FloorGoal(MAIN, TABLE, compare.SECOND, compare.HASH, None),
    FloorGoal(MAIN, TABLE, compare.CHECK, compare.HASH, None),
    FloorGoal(MAIN, NOISE, compare.CHECK, compare.HASH, None),
    FloorGoal(MAIN, CODE, compare.UNCHANGED, GIT_STATUS, 2),
)

NOTEBOOK_GOALS = (
    PeerGoal(MAIN, notebooks.NOTEBOOKS, notebooks.ADD, 100, peer=notebooks.NBSTRIPOUT),
    PeerGoal(MAIN, notebooks.NOTEBOOKS, notebooks.STATUS_ONE, peer=notebooks.NBSTRIPOUT),
)

NOTEBOOK_FLOOR_GOALS = tuple(
    FloorGoal(MAIN, notebooks.NOTEBOOKS, operation, notebooks.without_filter(operation), None)
    for operation in (
        notebooks.ADD,
        notebooks.STATUS_ONE,
        notebooks.STATUS_ALL,
        notebooks.CHECKOUT,
    )
)

NOTEBOOK_BOUNDS = (Bound(MAIN, notebooks.NOTEBOOKS, notebooks.STATUS_ONE, "seconds", 0.2),)

AGEING_GOALS = tuple(
    FloorGoal(
        MAIN,
        ageing.aged(workload),
        which + when,
        f"{which}{when}, {ageing.FRESH}",
        1.3,
        beside="in a new project",
    )
    for workload in (SMALL_FILES, TABLE)
    for when in ("", f", {ageing.AFTER_GC}")
    for which in (ageing.NEWEST, ageing.OLDEST)
)


def walk_goals(workload: str, one_file_times: float | None) -> tuple[FloorGoal, ...]:
    """Return what is aimed at for a workload of very many files, beside a walk over them."""
    goals = {compare.STATUS: None, compare.UNCHANGED: None, compare.ONE_FILE: one_file_times}
    return tuple(
        FloorGoal(MAIN, workload, operation, compare.WALK, at_most)
        for operation, at_most in goals.items()
    )


def growth_goals(more: str, fewer: str, times: float) -> tuple[FloorGoal, ...]:
    """Return that a workload ``times`` as big as another one takes ``times`` as long at most."""
    return tuple(
        FloorGoal(MAIN, more, operation, operation, times, fewer, fewer)
        for operation in (compare.FIRST, compare.STATUS, compare.UNCHANGED, compare.ONE_FILE)
    )
