"""Very many small files, beside a walk of ``find`` over them."""

from __future__ import annotations

from tests.benchmarks.targets.bench import Bench, Trial
from tests.benchmarks.targets.compare import FIND, FIRST, ONE_FILE, STATUS, UNCHANGED, WALK
from tests.benchmarks.targets.record import FLOOR, MAIN, Workload
from tests.benchmarks.workloads import change_one_file, make_small_files

_ROOM_A_FILE = 40 << 10
_MANY = " small files"


def measure_scale(bench: Bench, count: int) -> None:
    """Measure the first snapshot of ``count`` files once, and what comes after it by turns."""
    name = many(count)
    bench.record.workloads[name] = Workload(count, 0)
    with bench.places.open(MAIN, _ROOM_A_FILE * count) as place:
        trial = Trial(bench, MAIN, name, bench.tools[0], place)
        trial.begin()
        data = trial.root / "data"
        make_small_files(data, count)
        bench.pause()
        trial.take(FIRST, trial.tool.keep, path="data", name="one")
        for number in range(bench.rounds):
            trial.take(STATUS, trial.tool.status)
            trial.take(WALK, FIND, FLOOR, path="data")
            trial.take(UNCHANGED, trial.tool.keep_again, path="data")
            change_one_file(data, count, number)
            bench.pause()
            trial.take(ONE_FILE, trial.tool.keep_again, path="data")


def many(count: int) -> str:
    """Return what so many files are called in the record."""
    return f"{count:,}{_MANY}"


def is_many(workload: str) -> bool:
    """Return whether a workload is one of very many files."""
    return workload.endswith(_MANY)
