"""A project after many versions, beside a new one that has just the version that is wanted."""

from __future__ import annotations

from contextlib import ExitStack

from tests.benchmarks.targets.bench import Bench, Data, Trial, copy_data
from tests.benchmarks.targets.compare import CHECK, FIRST
from tests.benchmarks.targets.record import MAIN, Workload

NEXT = "snapshot of each next version"
NEWEST = "restore the newest version"
OLDEST = "restore the oldest version"
FRESH = "in a new project"
AFTER_GC = "after gc"
GC = "gc"
STORED = "stored for all versions"
STORED_AFTER_GC = f"{STORED}, {AFTER_GC}"


def measure_ageing(bench: Bench, data: Data) -> None:
    """Change 1 % again and again, then restore the newest and the oldest version from nothing."""
    name = aged(data.name)
    tool = bench.tools[0]
    with ExitStack() as stack:
        source = bench.source(data)
        size = bench.record.workloads[data.name].size_bytes
        bench.record.workloads[name] = Workload(data.files_count, size)
        room = size * (8 if data.files_count == 1 else 12 + 8 * bench.rounds)
        aged_place = stack.enter_context(bench.places.open(MAIN, room))
        trial = Trial(bench, MAIN, name, tool, aged_place)
        trial.begin()
        path = trial.root / data.path
        copy_data(source, path)
        fresh = {}
        for number in range(1, bench.versions_count + 1):
            if number > 1:
                data.change(path, number)
            operation = FIRST if number == 1 else NEXT
            trial.take(operation, tool.keep, path=data.path, name=f"v{number}")
            if number in (1, bench.versions_count):
                which = OLDEST if number == 1 else NEWEST
                place = stack.enter_context(bench.places.open(MAIN, room))
                fresh[which] = Trial(bench, MAIN, name, tool, place)
                fresh[which].begin()
                copy_data(path, fresh[which].root / data.path)
                fresh[which].run(tool.keep, path=data.path, name="only")
        trial.note(STORED, trial.stored_bytes())
        _restore(bench, data, trial, fresh, "")
        trial.take(CHECK, "jupyter mlops check --read-data")
        trial.take(GC, "jupyter mlops gc")
        trial.note(STORED_AFTER_GC, trial.stored_bytes())
        _restore(bench, data, trial, fresh, f", {AFTER_GC}")


def aged(workload: str) -> str:
    """Return what a workload of many versions is called in the record."""
    return f"{workload}, many versions"


def _restore(bench: Bench, data: Data, trial: Trial, fresh: dict[str, Trial], when: str) -> None:
    names = {NEWEST: f"v{bench.versions_count}", OLDEST: "v1"}
    for number in range(bench.rounds):
        for which, other in fresh.items():
            turns = [
                (trial, which + when, names[which]),
                (other, f"{which}{when}, {FRESH}", "only"),
            ]
            for one, operation, name in turns[:: -1 if number % 2 else 1]:
                one.put_away(data.path)
                one.take(operation, one.tool.switch, name=name)
