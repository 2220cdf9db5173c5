"""One workload through every tool, and through what no tool can be faster than."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from tests.benchmarks.targets.bench import Bench, Data, Trial, copy_data
from tests.benchmarks.targets.record import FLOOR, MAIN, OURS
from tests.benchmarks.workloads import change_one_file

FIRST = "first snapshot"
STATUS = "status, nothing changed"
UNCHANGED = "snapshot, nothing changed"
SECOND = "snapshot, 1 % changed"
ONE_FILE = "snapshot, one file changed"
BACK = "switch to the first version"
FORTH = "switch to the second version"
NOTHING_THERE = "restore, nothing there"
STORED = "stored for both versions"
DISK = "disk taken by the first snapshot"
CHECK = "check --read-data"
START = "jupyter mlops --version"

COPY = "cp -r and sync"
WALK = "find -printf"
HASH = "BLAKE3 of all bytes"

FIND = "find {path} -printf '%s %T@ %p\\n' > ../found"
_COPY = "cp -r --reflink=never {path} copy && sync --file-system ."
_HASH = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from blake3 import blake3
def read(path):
    return blake3(max_threads=blake3.AUTO).update_mmap(path).digest()
top = sys.argv[1]
paths = [os.path.join(here, name) for here, _, names in os.walk(top) for name in names] or [top]
with ThreadPoolExecutor(os.cpu_count()) as pool:
    for _ in pool.map(read, paths, chunksize=100):
        pass
"""


def compare(bench: Bench, data: Data, role: str) -> None:
    """Measure all operations on a workload, tool by tool within each of them.

    Each tool has a new file system in each round, and the order of the tools changes.
    """
    source = bench.source(data)
    size = bench.record.workloads[data.name].size_bytes
    room = size * (8 if data.files_count == 1 else 12)
    for number in range(bench.rounds):
        with ExitStack() as stack:
            trials = []
            for tool in bench.tools:
                place = stack.enter_context(bench.places.open(role, room))
                trial = Trial(bench, role, data.name, tool, place)
                trial.begin()
                copy_data(source, trial.root / data.path)
                trials.append(trial)
            bench.pause()
            _compare_once(bench, data, trials[:: -1 if number % 2 else 1])
        if role == MAIN:
            with bench.places.open(role, room) as place:
                copy_data(source, place / data.path)
                script = _COPY.format(path=data.path)
                bench.take(role, data.name, COPY, FLOOR, script, place)


def _compare_once(bench: Bench, data: Data, trials: Sequence[Trial]) -> None:
    names = {"path": data.path}
    for trial in trials:
        before = trial.used_bytes()
        trial.take(FIRST, trial.tool.keep, **names, name="one")
        trial.note(DISK, trial.used_bytes() - before)
        trial.run(trial.tool.label, name="one")
    _ask(bench, data, trials)
    for trial in trials:
        bench.write_second(data, trial.root / data.path)
    bench.pause()
    for trial in trials:
        trial.take(SECOND, trial.tool.keep, **names, name="two")
        trial.run(trial.tool.label, name="two")
        trial.note(STORED, trial.stored_bytes())
    for _ in range(bench.repeats):
        for operation, name in ((BACK, "one"), (FORTH, "two")):
            for trial in trials:
                trial.take(operation, trial.tool.switch, **names, name=name)
    if data.files_count > 1:
        for trial in trials:
            change_one_file(trial.root / data.path, data.files_count, 3)
        bench.pause()
        for trial in trials:
            trial.take(ONE_FILE, trial.tool.keep, **names, name="three")
            trial.run(trial.tool.label, name="three")
    for trial in trials:
        trial.put_away(data.path)
        trial.take(NOTHING_THERE, trial.tool.restore, **names)
        if trial.tool.check is not None:
            trial.take(CHECK, trial.tool.check)


def _ask(bench: Bench, data: Data, trials: Sequence[Trial]) -> None:
    """Measure what leaves all as it was, some times."""
    hash_all = f"{shlex.quote(sys.executable)} -c {shlex.quote(_HASH)} {{path}}"
    for _ in range(bench.repeats):
        for trial in trials:
            trial.take(STATUS, trial.tool.status)
        trials[0].take(START, START, OURS)
        trials[0].take(WALK, FIND, FLOOR, path=data.path)
        trials[0].take(HASH, hash_all, FLOOR, path=data.path)
        for trial in trials:
            trial.take(UNCHANGED, trial.tool.keep_again, path=data.path)
