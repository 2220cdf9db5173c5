"""What the parts of a run share: the tools, the places, the record, and projects to measure in."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.targets.places import Places
from tests.benchmarks.targets.record import Record, Workload
from tests.benchmarks.targets.run import measure, run
from tests.benchmarks.targets.tools import Tool
from tests.benchmarks.workloads import (
    Sizes,
    change_small_files,
    edit_csv,
    edit_in_place,
    make_csv,
    make_noise,
    make_small_files,
)

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Data:
    """A workload: what is tracked, how it is made, and how it becomes its second version.

    Attributes:
        name: what it is called in the record.
        path: the tracked path.
        make: writes the first version at a path.
        change: makes the version there the next one; told a number that is another each time.
        files_count: how many files it has.
        make_second: writes the second version at another path, for data that is changed by being
            written anew; where it is None, ``change`` makes it.
    """

    name: str
    path: str
    make: Callable[[Path], None]
    change: Callable[[Path, int], None]
    files_count: int
    make_second: Callable[[Path, Path], None] | None = None


SMALL_FILES = "small files"
FEW_SMALL_FILES = "a tenth of the small files"
TABLE = "CSV"
NOISE = "random bytes"


def small_files(count: int, name: str = SMALL_FILES, path: str = "data") -> Data:
    """Return a folder of ``count`` small files."""
    return Data(
        name,
        path,
        lambda path: make_small_files(path, count),
        lambda path, number: change_small_files(path, count, number),
        count,
    )


def few_small_files(count: int) -> Data:
    """Return a folder of ``count`` small files, beside :func:`small_files`."""
    return small_files(count, FEW_SMALL_FILES, "few")


def table(size_bytes: int) -> Data:
    """Return one CSV file."""
    return Data(
        TABLE,
        "table.csv",
        lambda path: make_csv(path, size_bytes),
        edit_in_place,
        1,
        edit_csv,
    )


def noise(size_bytes: int) -> Data:
    """Return one file that cannot be compressed."""
    return Data(NOISE, "noise.bin", lambda path: make_noise(path, size_bytes), edit_in_place, 1)


@dataclass(slots=True)
class Bench:
    """One run.

    Attributes:
        record: what was measured so far.
        places: where projects are made.
        sources: an empty folder for the workloads themselves.
        tools: those that are compared, ours first.
        env: the environment of all commands.
        sizes: how big the workloads are.
        rounds: how often an operation is measured, each time on a new file system.
        repeats: how often in each round, where it leaves all as it was.
        versions_count: how many versions make a project an aged one.
        pause_seconds: how old data is when a tool first sees it. Files of the last two seconds are
            read again by whoever does not trust the clock of a file system.
    """

    record: Record
    places: Places
    sources: Path
    tools: list[Tool]
    env: Mapping[str, str]
    sizes: Sizes
    rounds: int = 3
    repeats: int = 3
    versions_count: int = 100
    pause_seconds: float = 3

    def take(
        self, role: str, workload: str, operation: str, who: str, script: str, folder: Path
    ) -> None:
        """Measure a script once, begun with nothing unwritten in any place of this run."""
        self.places.sync()
        cost = measure(script, folder, self.env)
        series = self.record.series_of(role, workload, operation, who)
        series.values.append(cost.seconds)
        series.cpu_seconds.append(cost.cpu_seconds)
        series.peaks_bytes.append(cost.peak_bytes)
        text = f"{cost.seconds:9.2f} s  cpu {cost.cpu_seconds:6.2f} s"
        text += f" {cost.peak_bytes / MIB:6.0f} MiB"
        self._tell(role, workload, operation, who, text)

    def note(self, role: str, workload: str, operation: str, who: str, size_bytes: int) -> None:
        """Add a number of bytes."""
        self.record.series_of(role, workload, operation, who, "bytes").values.append(size_bytes)
        self._tell(role, workload, operation, who, f"{size_bytes / 1e6:9.1f} MB")

    def source(self, data: Data) -> Path:
        """Return where the first version of a workload lies, which is made once."""
        path = self.sources / data.path
        if not path.exists():
            data.make(path)
            files = [item for item in (path, *path.rglob("*")) if item.is_file()]
            size = sum(item.stat().st_size for item in files)
            self.record.workloads[data.name] = Workload(data.files_count, size)
        return path

    def write_second(self, data: Data, target: Path) -> None:
        """Make the first version at ``target`` the second one."""
        if data.make_second is None:
            data.change(target, 2)
            return
        second = self.sources / f"second-{data.path}"
        if not second.exists():
            data.make_second(self.source(data), second)
        shutil.copyfile(second, target)

    def pause(self) -> None:
        """Let what was just written become old enough."""
        time.sleep(self.pause_seconds)

    def _tell(self, role: str, workload: str, operation: str, who: str, text: str) -> None:
        where = f"{role}, {workload}" if workload else role
        print(f"{where:<20} {operation:<38} {who:<14}{text}", flush=True)


class Trial:
    """A project of one tool, in which operations are measured."""

    def __init__(self, bench: Bench, role: str, workload: str, tool: Tool, place: Path) -> None:
        self.tool = tool
        self.root = place / "project"
        self._bench = bench
        self._role = role
        self._workload = workload
        self._gone = place / "gone"
        self._gone_count = 0
        self.root.mkdir()
        self._gone.mkdir()
        self.run("git init --quiet")

    def begin(self) -> None:
        """Set the tool up, with what lies in the project as its first commit."""
        self.run(self.tool.begin)

    def run(self, script: str, **names: str) -> str:
        """Run a script of the tool, untimed."""
        return run(script.format(**names), self.root, self._bench.env)

    def take(self, operation: str, script: str, who: str | None = None, **names: str) -> None:
        """Measure a script of the tool, or of another one that works in the same project."""
        self._bench.take(
            self._role,
            self._workload,
            operation,
            who or self.tool.name,
            script.format(**names),
            self.root,
        )

    def note(self, operation: str, size_bytes: int) -> None:
        """Add a number of bytes."""
        self._bench.note(self._role, self._workload, operation, self.tool.name, size_bytes)

    def put_away(self, path: str) -> None:
        """Take tracked data out of the project; a single file is deleted.

        The files of a folder are only moved: deleting many makes the next ones slow to write.
        """
        target = self._gone / str(self._gone_count)
        self._gone_count += 1
        (self.root / path).rename(target)
        if target.is_file():
            target.unlink()

    def stored_bytes(self) -> int:
        """Return the room that the tool's store takes."""
        printed = self.run(f"du --summarize --block-size=1 {self.tool.store}")
        return int(printed.split()[0])

    def used_bytes(self) -> int:
        """Return the room that is taken on the whole file system."""
        self.run("sync --file-system .")
        found = os.statvfs(self.root)
        return (found.f_blocks - found.f_bfree) * found.f_frsize


def copy_data(source: Path, target: Path) -> None:
    """Copy a file or a folder to a path where nothing is, as ``cp -r`` does it."""
    run(f"cp -r {shlex.quote(str(source))} {shlex.quote(str(target))}", source.parent, os.environ)
