"""Logging, and history over many commits: ``python -m tests.benchmarks.bench_metrics``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from jupyter_mlops.commands.metrics_history import metrics_history
from jupyter_mlops.commands.workspace import open_workspace

CALLS_COUNT = 100_000
COMMITS_COUNT = 300
BRANCHES_COUNT = 10
LOGGING = f"""
import time
import jupyter_mlops as mlops
began = time.perf_counter()
for step in range({CALLS_COUNT}):
    mlops.log(loss=1 / (step + 1), acc=0.5, step=step)
logged = time.perf_counter()
mlops.tracking.flush()
print(logged - began, time.perf_counter() - began)
"""


def iter_commits() -> Iterator[str]:
    """Yield what ``git fast-import`` takes: commits on several branches, merged at times."""
    tips: dict[str, int] = {}
    for at in range(1, COMMITS_COUNT + 1):
        branch = "main" if at <= BRANCHES_COUNT else f"b{at % BRANCHES_COUNT}".replace("b0", "main")
        values = json.dumps({"acc": at / COMMITS_COUNT, "loss": 1 / at}, indent=1)
        yield f"commit refs/heads/{branch}\nmark :{at}\n"
        yield f"committer Ada <ada@example.org> {1_700_000_000 + at * 60} +0000\ndata 4\nwork\n"
        parent = tips.get(branch, tips.get("main"))
        if parent:
            yield f"from :{parent}\n"
        if branch == "main" and at % 50 == 0:
            yield f"merge :{at - 1}\n"
        yield f"M 100644 inline metrics/train.json\ndata {len(values)}\n{values}\n"
        tips[branch] = at


def measure_history(root: Path) -> tuple[float, float, int]:
    """Return the seconds for a first and a second history, and how many points it has."""
    subprocess.run(["git", "init", "--quiet", "-b", "main"], cwd=root, check=True)
    stream = "".join(iter_commits()).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream, check=True)
    (root / "mlops.toml").write_text("")
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        points = metrics_history(open_workspace(root)).points
        seconds.append(time.perf_counter() - began)
    return seconds[0], seconds[1], len(points)


def measure_logging(root: Path) -> tuple[float, float]:
    """Return the microseconds a call, without and with the writing of the rest at the end."""
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    printed = subprocess.run(
        [sys.executable, "-c", LOGGING],
        cwd=root,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    logged, written = (float(word) / CALLS_COUNT * 1e6 for word in printed.split())
    return logged, written


def main() -> None:
    """Print each figure with its limit."""
    with tempfile.TemporaryDirectory() as folder:
        logged, written = measure_logging(Path(folder))
    print(f"mlops.log, {CALLS_COUNT:,} calls     {logged:8.1f} µs a call  (limit 20 µs)")
    print(f"  with all of it written      {written:8.1f} µs a call")
    with tempfile.TemporaryDirectory() as folder:
        first, second, count = measure_history(Path(folder))
    print(f"metrics history, {count} points {first * 1000:8.1f} ms first")
    print(f"  again in the same process   {second * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
