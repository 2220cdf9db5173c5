"""What watching runs costs: ``python -m tests.benchmarks.bench_runs [--peer PYTHON]``.

The series of a run of a million steps and four metrics is read, drawn, and read on; beside the
floor, which is Python's own parser over the same lines. Thousands of runs are listed as the panel
lists them. ``--peer`` names an interpreter that has MLflow: it reads the history of one metric out
of its own store, of as many values as :data:`_PEER_STEPS`, and so do we.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from jupyter_mlops.formats.run import Ended, Metrics, format_line
from jupyter_mlops.ids import new_snapshot_id
from jupyter_mlops.metrics.curve import envelope
from jupyter_mlops.metrics.runs import Runs, RunState
from tests.support.series import NOON, metrics, write_series

_STEPS = 1_000_000
_PEER_STEPS = 100_000
_METRICS = 4
_NAMES = 2000
_EXECUTIONS = 5000
_POINTS = 200
_ROUNDS = 5

_MLFLOW = """
import sys, time, mlflow
from mlflow.entities import Metric
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}/mlflow.db")
client = mlflow.MlflowClient()
run = client.create_run("0")
count = int(sys.argv[2])
for start in range(0, count, 1000):
    steps = range(start, min(start + 1000, count))
    client.log_batch(run.info.run_id, [Metric("loss", 1 / (s + 1), s, s) for s in steps])
began = time.perf_counter()
assert len(client.get_metric_history(run.info.run_id, "loss")) == count
print(time.perf_counter() - began)
"""


def main() -> None:
    """Measure, and print one line for each figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--peer", type=Path, help="an interpreter that has MLflow")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        _read_long(folder / "long")
        _list_many(folder / "many")
        _read_like_a_peer(folder / "peer", options.peer)


def _read_long(folder: Path) -> None:
    path = _write_long(folder, _STEPS, _METRICS)
    size_mb = path.stat().st_size / 1e6
    tell(f"{_STEPS:,} steps of {_METRICS} metrics, {size_mb:.0f} MB")
    before = getrusage(RUSAGE_SELF).ru_maxrss
    runs = Runs(folder)
    _time("read first", lambda: runs.read("long", NOON), rounds=1)
    _time(f"{_POINTS} points of each, spikes kept", lambda: _draw(runs))
    rounds = iter(range(_ROUNDS))
    _time(
        "read on by 1,000 lines",
        lambda: runs.read("long", NOON),
        before=lambda: _append(path, _STEPS + next(rounds) * 1000),
    )
    _time("read on by nothing", lambda: runs.read("long", NOON))
    took_mb = (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024
    tell(f"  {'memory that this took':40} {took_mb:8.0f} MB")
    _time("floor: json.loads of each line", lambda: _parse(path), rounds=1)


def _append(path: Path, step: int) -> None:
    more = (Metrics(NOON, step + at, {"m0": 1.0}) for at in range(1000))
    with path.open("ab") as file:
        file.write(b"".join(map(format_line, more)))


def _draw(runs: Runs) -> None:
    execution = runs.read("long", NOON)
    for name in execution.run.values:
        envelope(*execution.points(name), _POINTS)


def _parse(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def _list_many(folder: Path) -> None:
    lines = [*metrics({"loss": range(100), "acc": range(100)}), Ended(NOON + 100, "done")]
    for at in range(_NAMES):
        write_series(folder, f"run{at}", new_snapshot_id(), *lines, began_at=NOON + at)
    for at in range(_EXECUTIONS):
        write_series(folder, "again", new_snapshot_id(), *lines, began_at=NOON + at / 2)
    tell(f"{_NAMES:,} runs, and one with {_EXECUTIONS:,} executions")
    runs = Runs(folder)
    states: tuple[RunState, ...] = ("running", "died", "failed")

    def watched() -> object:
        return runs.list_newest(NOON, 20, states, one_a_name=True)

    _time("what the panel asks for, first", watched, rounds=1)
    _time("what the panel asks for, again", watched)
    _time("the newest 20", lambda: runs.list_newest(NOON, 20))
    _time("one run", lambda: runs.read("again", NOON))


def _read_like_a_peer(folder: Path, peer: Path | None) -> None:
    _write_long(folder, _PEER_STEPS, 1)
    tell(f"{_PEER_STEPS:,} values of one metric")
    _time("jupyter-mlops", lambda: Runs(folder).read("long", NOON).points("m0"))
    if peer is not None:
        command = [str(peer), "-c", _MLFLOW, str(folder), str(_PEER_STEPS)]
        environment = {**os.environ, "PYTHONPATH": ""}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        tell(f"  {'MLflow, SQLite':40} {float(done.stdout.split()[-1]) * 1000:8.1f} ms")


def _write_long(folder: Path, steps: int, count: int) -> Path:
    chance = random.Random(1)
    path = write_series(folder, "long", "k7abc234mnop")
    with path.open("ab") as file:
        for step in range(steps):
            values = ",".join(f'"m{at}":{chance.random()}' for at in range(count))
            file.write(f'{{"at":{NOON + step},"step":{step},"values":{{{values}}}}}\n'.encode())
    return path


def _time(
    what: str,
    call: Callable[[], object],
    *,
    rounds: int = _ROUNDS,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Print the least of the times that ``call`` takes, as others use the machine too."""
    times = []
    for _ in range(rounds):
        before()
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    tell(f"  {what:40} {min(times) * 1000:8.1f} ms")


def tell(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
