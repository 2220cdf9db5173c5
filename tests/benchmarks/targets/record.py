"""The record of one run: all that was measured, raw."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

Unit = Literal["seconds", "bytes"]

OURS = "jupyter-mlops"
DVC = "DVC"
FLOOR = "floor"

MAIN = "main"
CLONES = "clones"
"""The roles of file systems: the usual one, and one that clones files."""


class Series(msgspec.Struct):
    """One operation of one tool, measured some times.

    Attributes:
        file_system: the role of the file system.
        workload: the name of the data.
        operation: what was done.
        tool: who did it; :data:`FLOOR` for what no tool can be faster than.
        unit: what ``values`` are in.
        values: what was measured, in the order of measuring.
        cpu_seconds: of the processor, one for each of ``values`` that is a time.
        peaks_bytes: the most memory that a process had, likewise.
    """

    file_system: str
    workload: str
    operation: str
    tool: str
    unit: Unit
    values: list[float] = msgspec.field(default_factory=list)
    cpu_seconds: list[float] = msgspec.field(default_factory=list)
    peaks_bytes: list[int] = msgspec.field(default_factory=list)

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)


class Workload(msgspec.Struct):
    """How much data there was: files, and bytes in all of them."""

    files_count: int
    size_bytes: int


class Record(msgspec.Struct):
    """All that one run measured, and with what.

    Attributes:
        scale: how big the workloads were; 1 is the full size.
        began_at: when the run began.
        machine: facts of the machine by name.
        versions: of each program.
        file_systems: what each role was played by.
    """

    scale: float
    began_at: datetime
    machine: dict[str, str]
    versions: dict[str, str]
    file_systems: dict[str, str] = msgspec.field(default_factory=dict)
    workloads: dict[str, Workload] = msgspec.field(default_factory=dict)
    series: list[Series] = msgspec.field(default_factory=list)

    def find(
        self, file_system: str, workload: str, operation: str, tool: str = OURS
    ) -> Series | None:
        """Return what was measured of an operation, None if it was not."""
        for one in self.series:
            if (one.file_system, one.workload) == (file_system, workload) and (
                one.operation,
                one.tool,
            ) == (operation, tool):
                return one
        return None

    def series_of(
        self, file_system: str, workload: str, operation: str, tool: str, unit: Unit = "seconds"
    ) -> Series:
        """Return the series of an operation, a new one where there is none."""
        one = self.find(file_system, workload, operation, tool)
        if one is None:
            one = Series(file_system, workload, operation, tool, unit)
            self.series.append(one)
        return one


def begin_record(scale: float, versions: dict[str, str]) -> Record:
    """Return an empty record of this machine."""
    return Record(scale, datetime.now(UTC), _describe_machine(), versions)


def read_record(path: Path) -> Record:
    """Read what :func:`write_record` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=Record)


def write_record(record: Record, path: Path) -> None:
    """Write the record as JSON, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))


def _describe_machine() -> dict[str, str]:
    found = {"system": f"{platform.system()} {platform.release()}", "cores": str(os.cpu_count())}
    processor = _read_line(Path("/proc/cpuinfo"), "model name")
    found["processor"] = processor or platform.processor() or platform.machine()
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        found["memory"] = f"{memory / 2**30:.0f} GiB"
    if hasattr(os, "getloadavg"):
        found["load at the beginning"] = f"{os.getloadavg()[0]:.1f}"
    return found


def _read_line(path: Path, name: str) -> str | None:
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith(name):
                return line.partition(":")[2].strip()
    return None
