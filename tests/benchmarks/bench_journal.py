"""What writing down the cells that run costs: ``python -m tests.benchmarks.bench_journal``."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell
from traitlets.config import Config

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.journals import read_journals
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.magics.journal import Recorder
from tests.support.project import hermetic_environment, make_project

CELLS_COUNT = 1_000
BIG_CELLS_COUNT = 50
"""How many cells of 1 MB do not fill the journal."""

WANTED_MICROSECONDS = 1_000
_SOURCES = {"a line": "x = {}\n", "40 lines": "x = {}\n" * 40, "1 MB": "x = {}\n" + "y" * 10**6}


def main() -> int:
    """Print the microseconds a cell; return 1 when they are more than promised."""
    too_slow = False
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        project = make_project(Path(folder) / "project")
        init(open_here(project.root))
        os.chdir(project.root)
        config = Config()
        config.HistoryManager.hist_file = ":memory:"
        shell = InteractiveShell.instance(config=config)
        for name, source in _SOURCES.items():
            recorder = Recorder(shell)
            _pretend(recorder, "first")
            recorder.look_again()
            count = CELLS_COUNT if len(source) < 10_000 else BIG_CELLS_COUNT
            took = [_measure(recorder, source.replace("{}", str(n))) for n in range(count)]
            median, worst = statistics.median(took), statistics.quantiles(took, n=100)[-1]
            print(f"{name:10} {median:8.1f} µs a cell, 99 of 100 below {worst:.1f} µs")
            too_slow |= median > WANTED_MICROSECONDS
        began = time.perf_counter()
        count = len(read_journals(open_repository(project.root)).sessions)
        print(f"reading {count} journals: {time.perf_counter() - began:.3f} s")
        os.chdir(Path(__file__).parent)
    return int(too_slow)


def _measure(recorder: Recorder, source: str) -> float:
    began = time.perf_counter()
    _pretend(recorder, source)
    return (time.perf_counter() - began) * 1e6


def _pretend(recorder: Recorder, source: str) -> None:
    info = ExecutionInfo(source, True, False, True, "0a1b2c3d")
    recorder.begin_cell(info)
    recorder.end_cell(ExecutionResult(info))


if __name__ == "__main__":
    sys.exit(main())
