"""What plots of long runs cost: ``python -m tests.benchmarks.bench_plots``."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from jupyter_mlops.formats.run import Line, Metrics
from tests.support.project import Project, make_project
from tests.support.series import NOON, write_series

STEPS_COUNT = 1_000_000
LIMIT_BYTES = 300 * 1024**2
_IDS = ("k7abc234mnop", "ztrwhd6ahgae")


def make_runs(root: Path) -> Project:
    """Make a project whose HEAD has the values of one long run, the working tree of another."""
    project = make_project(root)
    project.write("mlops.toml", "")
    for number, run_id in enumerate(_IDS):
        lines: list[Line] = [
            Metrics(NOON, step, {"loss": 1 / (1 + step / 1e4) + number, "acc": step / STEPS_COUNT})
            for step in range(STEPS_COUNT)
        ]
        write_series(root / ".git/mlops/runs", "train", run_id, *lines, began_at=NOON + number)
        last = lines[-1]
        assert isinstance(last, Metrics)
        project.write("metrics/train.json", json.dumps(dict(last.values)))
        if number == 0:
            project.commit("One run")
    return project


def measure(project: Project, *words: str) -> tuple[float, int]:
    """Return the seconds that a command takes, and the bytes that it needs at most."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.chdir(project.root)
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        command = [sys.executable, "-m", "jupyter_mlops", *words]
        paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": paths})
    _, status, used = os.wait4(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert isinstance(used, resource.struct_rusage)
    return time.perf_counter() - began, used.ru_maxrss * 1024


def main() -> None:
    """Print each figure with its limit."""
    with tempfile.TemporaryDirectory() as folder:
        project = make_runs(Path(folder) / "project")
        for words in (("plots", "show"), ("plots", "diff")):
            seconds, needed = measure(project, *words, "--html", "plots.html")
            told = f"{' '.join(words)}, runs of {STEPS_COUNT:,} steps"
            limit = LIMIT_BYTES // 1024**2
            print(f"{told:40} {seconds:6.1f} s  {needed / 1024**2:6.0f} MiB  (limit {limit} MiB)")


if __name__ == "__main__":
    main()
