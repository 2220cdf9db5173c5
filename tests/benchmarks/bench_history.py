"""``metrics history`` over 10,000 commits: ``python -m tests.benchmarks.bench_history``.

First with nothing kept, then again, then with one commit more: as a command of its own, and within
a process that goes on, as the server's does. Beside it the least that Git needs to read the same,
and ``dvc metrics show -A`` on 300 commits made alike where there is a DVC (``--dvc PROGRAM``).
Processor time, of all processes, tells more than the clock where the machine has other work to do.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from jupyter_mlops.commands.run import run_command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.metrics.known_facts import CACHE_FOLDER
from jupyter_mlops.snapshots.listing import list_snapshots
from tests.benchmarks.history_project import FILE, HistorySize, add_commit, make_history
from tests.support.project import IDENTITY, Project, hermetic_environment

LIMIT = 500
"""How many points the panel asks for."""

PEER_SIZE = HistorySize(300, 10, 50, 0)
_TURNS = 7


def main() -> None:
    """Print each figure with its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--commits", type=int, default=HistorySize().commits_count)
    parser.add_argument("--dvc", default="/opt/peers/dvc/bin/dvc")
    options = parser.parse_args()
    part = options.commits / HistorySize().commits_count
    size = HistorySize(
        options.commits,
        round(HistorySize().branches_count * part),
        HistorySize().metrics_count,
        round(HistorySize().snapshots_count * part),
    )
    with tempfile.TemporaryDirectory(prefix="mlops-history-") as name:
        folder = Path(name)
        os.environ.update(hermetic_environment(folder, os.environ) | IDENTITY)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        measure(make_history(folder / "project", size), size)
        compare(folder / "alike", options.dvc)


def measure(project: Project, size: HistorySize) -> None:
    """Measure every way to ask for a history."""
    cache = project.root / ".git" / "mlops" / CACHE_FOLDER
    asked = f"-m jupyter_mlops metrics history --json --limit {LIMIT}"
    words = (sys.executable, *asked.split())
    command = partial(_run, project, words)
    history = partial(_call, project, "metrics history")
    chart = partial(_call, project, "metrics chart")
    forget = partial(shutil.rmtree, cache, ignore_errors=True)
    more = partial(add_commit, project, size)
    print(
        f"{size.commits_count:,} commits, {size.branches_count} branches,"
        f" {size.metrics_count} metrics, {size.snapshots_count:,} snapshots"
    )
    for label, limit, before, work in (
        ("command, first", "3 s", forget, command),
        ("command, nothing new", "0.3 s", None, command),
        ("command, one commit more", "0.3 s", more, command),
        ("in process, first", "3 s", forget, history),
        ("in process, nothing new", "0.3 s", None, history),
        ("in process, one commit more", "0.3 s", more, history),
        ("metrics chart in process, nothing new", "0.3 s", None, chart),
        ("metrics chart in process, one commit more", "0.3 s", more, chart),
        ("list of snapshots", "", None, lambda: list_snapshots(open_workspace(project.root).git)),
        ("Git alone: log --raw and cat-file", "", None, partial(_floor, project)),
    ):
        _say(label, _clock(work, before), limit)
    kept = sum(file.stat().st_size for file in cache.iterdir())
    print(f"{'kept':<44} {kept / 1e6:8.1f} MB  (limit 20 MB)")


def compare(root: Path, dvc: str) -> None:
    """Measure a history of 300 commits beside DVC's."""
    project = make_history(root, replace(PEER_SIZE))
    words = (sys.executable, "-m", "jupyter_mlops", "metrics", "history", "--json")
    cache = project.root / ".git" / "mlops" / CACHE_FOLDER
    print(f"{PEER_SIZE.commits_count} commits, {PEER_SIZE.branches_count} branches")
    forget = partial(shutil.rmtree, cache, ignore_errors=True)
    _say("metrics history --json, first", _clock(partial(_run, project, words), forget), "")
    _say("metrics history --json, again", _clock(partial(_run, project, words), None), "")
    if shutil.which(dvc) is None:
        print("dvc metrics show -A: not run, as there is no DVC")
        return
    project.write("dvc.yaml", f"metrics: [{FILE}]\n")
    _run(project, (dvc, "init", "--quiet"))
    shown = (dvc, "metrics", "show", "-A", "--json", FILE)
    _say("dvc metrics show -A --json", _clock(partial(_run, project, shown), None, 3), "")


def _floor(project: Project) -> None:
    """Read all that a history is made of, by Git alone."""
    log = ["git", "log", "--branches", "--raw", "-z", "--no-abbrev", "--no-renames", "--root"]
    log += ["--diff-merges=first-parent", "--full-history", "--sparse", "--format=%H", "--", FILE]
    printed = subprocess.run(log, cwd=project.root, capture_output=True, check=True).stdout
    rows = (row.split(b" ") for row in printed.split(b"\0") if b" " in row)
    oids = b"\n".join(row[3] for row in rows if len(row) == 5)
    batch = ["git", "cat-file", "--batch"]
    subprocess.run(batch, cwd=project.root, input=oids, capture_output=True, check=True)


def _run(project: Project, words: tuple[str, ...]) -> None:
    subprocess.run(words, cwd=project.root, stdout=subprocess.DEVNULL, check=True)


def _call(project: Project, name: str) -> None:
    """Call a command as the server does."""
    (command,) = (one for one in COMMANDS if one.name == name)
    run_command(command, {"limit": LIMIT}, start=project.root)


def _clock(
    work: Callable[[], object], before: Callable[[], object] | None, turns: int = _TURNS
) -> list[tuple[float, float]]:
    """Return wall and processor seconds of each turn."""
    if before is None:
        work()
    taken = []
    for _ in range(turns):
        if before is not None:
            before()
        began, used = time.perf_counter(), sum(os.times()[:4])
        work()
        taken.append((time.perf_counter() - began, sum(os.times()[:4]) - used))
    return taken


def _say(label: str, taken: list[tuple[float, float]], limit: str) -> None:
    wall, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
    least = min(taken)[0]
    promised = f"  (limit {limit})" if limit else ""
    print(f"{label:<44} {wall:7.3f} s  least {least:.3f} s  cpu {cpu:.2f} s{promised}", flush=True)


if __name__ == "__main__":
    main()
