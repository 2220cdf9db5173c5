"""Notebooks into Git and out of it: without a filter, through nbstripout's, and through ours."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

from tests.benchmarks.targets.bench import MIB, Bench, Trial
from tests.benchmarks.targets.record import FLOOR, MAIN, OURS, Workload
from tests.benchmarks.workloads import make_notebooks

NOTEBOOKS = "notebooks"
NBSTRIPOUT = "nbstripout"

ADD = "git add of all"
STATUS_ONE = "git status, one touched"
STATUS_ALL = "git status, all touched"
CHECKOUT = "git checkout of all"

_INSTALL = f"{shlex.quote(sys.executable)} -m nbstripout --install"


def without_filter(operation: str) -> str:
    """Return what an operation is called where no filter is."""
    return f"{operation}, no filter"


def measure_notebooks(bench: Bench) -> None:
    """Measure Git's commands by turns; what takes nbstripout minutes, in the first round only.

    nbstripout runs in the environment of the tests, in which JupyterLab is.
    """
    begin = {FLOOR: "true", OURS: bench.tools[0].begin, NBSTRIPOUT: _INSTALL}
    for number in range(bench.rounds):
        for name, script in begin.items():
            _measure(bench, name, script, whole=name != NBSTRIPOUT or number == 0)


def _measure(bench: Bench, name: str, begin: str, *, whole: bool) -> None:
    tool = replace(bench.tools[0], name=name, begin=begin)
    called = without_filter if name == FLOOR else str
    count = bench.sizes.notebooks_count if whole else 1
    with bench.places.open(MAIN, 256 * MIB) as place:
        trial = Trial(bench, MAIN, NOTEBOOKS, tool, place)
        trial.begin()
        folder = trial.root / "notebooks"
        make_notebooks(folder, count)
        size = sum(file.stat().st_size for file in folder.iterdir())
        bench.pause()
        if whole:
            bench.record.workloads[NOTEBOOKS] = Workload(count, size)
            trial.take(called(ADD), "git add notebooks")
        else:
            trial.run("git add notebooks")
        for _ in range(bench.repeats):
            bench.pause()
            trial.run("touch notebooks/0.ipynb")
            trial.take(called(STATUS_ONE), "git status --porcelain notebooks")
        if name == NBSTRIPOUT:
            return
        bench.pause()
        trial.run("touch notebooks/*")
        trial.take(called(STATUS_ALL), "git status --porcelain notebooks")
        trial.put_away("notebooks")
        trial.take(called(CHECKOUT), "git checkout -- notebooks")
