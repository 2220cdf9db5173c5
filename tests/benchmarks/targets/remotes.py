"""Data to a remote and into a new clone: a folder, and S3 on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from tests.benchmarks.targets.bench import Bench, Data, Trial, copy_data
from tests.benchmarks.targets.compare import START
from tests.benchmarks.targets.record import FLOOR, MAIN, OURS, Workload
from tests.support.sites import Site, Sites

PUSH = "push"
PUSH_UNCHANGED = "push, nothing new"
PUSH_SECOND = "push, 1 % changed"
PULL = "pull into a new clone"
FOLDER = "a folder"
S3 = "S3"

COPY_FILES = "cp -r of the files and sync"
COPY_PACKS = "cp -r of the packs and sync"

_COMMIT = "git add --all && git commit --quiet --message {name}"
_CLONE = "git clone --quiet . ../clone"
_COPY = "cp -r --reflink=never {path} ../{name} && sync --file-system ."


def on(workload: str, remote: str) -> str:
    """Return what a workload that goes to a kind of remote is called in the record."""
    return f"{workload}, {remote}"


def measure_remote(bench: Bench, data: Data, remote: str) -> None:
    """Push the first version, nothing, and the second one, and pull that into a new clone.

    Beside them: the start of the program, and copies of the files and of the packs.
    """
    name = on(data.name, remote)
    source = bench.source(data)
    size = bench.record.workloads[data.name].size_bytes
    bench.record.workloads[name] = Workload(data.files_count, size)
    with Sites() as sites:
        for number in range(bench.rounds):
            with ExitStack() as stack:
                trials = []
                for tool in bench.tools:
                    place = stack.enter_context(bench.places.open(MAIN, size * 20))
                    trial = Trial(bench, MAIN, name, tool, place)
                    trial.begin()
                    site = sites.make("s3") if remote == S3 else None
                    trial.run(tool.remote.format(**_fill(site)))
                    copy_data(source, trial.root / data.path)
                    trial.run(tool.keep, path=data.path, name="one")
                    trial.run(_COMMIT, name="one")
                    trials.append(trial)
                _exchange(bench, data, trials[:: -1 if number % 2 else 1])


def _exchange(bench: Bench, data: Data, trials: Sequence[Trial]) -> None:
    for trial in trials:
        trial.take(PUSH, trial.tool.push)
    ours = next(trial for trial in trials if trial.tool.name == OURS)
    for _ in range(bench.repeats):
        for trial in trials:
            trial.take(PUSH_UNCHANGED, trial.tool.push)
        ours.take(START, START)
    for trial in trials:
        bench.write_second(data, trial.root / data.path)
        trial.run(trial.tool.keep, path=data.path, name="two")
        trial.run(_COMMIT, name="two")
    for trial in trials:
        trial.take(PUSH_SECOND, trial.tool.push)
    for trial in trials:
        trial.run(_CLONE)
        trial.take(PULL, f"cd ../clone && {trial.tool.pull}")
    ours.take(COPY_FILES, _COPY, FLOOR, path=data.path, name="files")
    ours.take(COPY_PACKS, _COPY, FLOOR, path=f"{ours.tool.store}/packs", name="packs")


def _fill(site: Site | None) -> dict[str, str]:
    """Return what stands in for the names of a tool's script."""
    if site is None:
        return {"url": "$(realpath ..)/remote", "endpoint": ""}
    url = f"s3://tests/{site.url.rpartition(' ')[2].partition('/')[0]}"
    return {"url": url, "endpoint": site.settings.endpoint or ""}
