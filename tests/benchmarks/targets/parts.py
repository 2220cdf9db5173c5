"""The parts of a run, which can be measured one by one."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.targets.ageing import measure_ageing
from tests.benchmarks.targets.bench import Bench, few_small_files, noise, small_files, table
from tests.benchmarks.targets.compare import compare
from tests.benchmarks.targets.git_files import measure_git
from tests.benchmarks.targets.notebooks import measure_notebooks
from tests.benchmarks.targets.record import CLONES, MAIN
from tests.benchmarks.targets.remotes import FOLDER, S3, measure_remote
from tests.benchmarks.targets.scale import measure_scale


def _measure_peer(bench: Bench) -> None:
    compare(bench, small_files(bench.sizes.small_files_count), MAIN)
    compare(bench, table(bench.sizes.big_file_bytes), MAIN)
    compare(bench, noise(bench.sizes.big_file_bytes), MAIN)


def _measure_clones(bench: Bench) -> None:
    if CLONES not in bench.places.file_systems:
        print("clones: not run, there is no file system that clones", flush=True)
        return
    compare(bench, table(bench.sizes.big_file_bytes), CLONES)
    compare(bench, noise(bench.sizes.big_file_bytes), CLONES)


def _measure_ageing(bench: Bench) -> None:
    measure_ageing(bench, small_files(bench.sizes.small_files_count))
    measure_ageing(bench, table(bench.sizes.big_file_bytes))


def _measure_scale(bench: Bench) -> None:
    count = bench.sizes.many_files_count
    measure_scale(bench, count // 10)
    measure_scale(bench, count)


def _measure_remotes(bench: Bench) -> None:
    count = bench.sizes.small_files_count
    measure_remote(bench, small_files(count), FOLDER)
    measure_remote(bench, few_small_files(count // 10), S3)


PARTS: dict[str, Callable[[Bench], None]] = {
    "peer": _measure_peer,
    "clones": _measure_clones,
    "git": measure_git,
    "ageing": _measure_ageing,
    "scale": _measure_scale,
    "remotes": _measure_remotes,
    "notebooks": measure_notebooks,
}
