"""A snapshot with nothing to keep, in a project with much code in Git."""

from __future__ import annotations

from tests.benchmarks.targets.bench import Bench, Trial
from tests.benchmarks.targets.compare import UNCHANGED
from tests.benchmarks.targets.record import FLOOR, MAIN, Workload
from tests.benchmarks.workloads import make_code

CODE = "code in Git"
GIT_STATUS = "git status"
_RUNS_A_ROUND = 3


def measure_git(bench: Bench) -> None:
    """Measure it and ``git status`` by turns."""
    count = bench.sizes.code_files_count
    bench.record.workloads[CODE] = Workload(count, 0)
    with bench.places.open(MAIN, max(count << 16, 1 << 30)) as place:  # Git keeps each once more
        trial = Trial(bench, MAIN, CODE, bench.tools[0], place)
        make_code(trial.root / "code", count)
        (trial.root / "table.csv").write_bytes(b"1,2\n" * 10_000)
        (trial.root / ".gitignore").write_text("/table.csv\n")
        trial.begin()
        bench.pause()
        trial.run("git status && jupyter mlops snapshot table.csv")
        bench.pause()
        trial.run("git status && jupyter mlops snapshot")
        for _ in range(_RUNS_A_ROUND * bench.rounds):
            trial.take(GIT_STATUS, "git status", FLOOR)
            trial.take(UNCHANGED, "jupyter mlops snapshot")
