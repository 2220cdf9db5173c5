"""What logging costs, beside other trackers: ``python -m tests.benchmarks.bench_logging``.

Peers are optional: ``--peer PYTHON`` names an interpreter that has DVCLive, MLflow or W&B; those
that it lacks are passed over. Each measurement is a process of its own in a Git project of its own,
on one disk; tools take turns, and a time is the least of the rounds, as others use the machine too.
What is measured is how long training waits: the calls, and the end of the run apart.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.project import hermetic_environment, make_project

ROOT = Path(__file__).parents[2]
WANTED_MICROSECONDS = 20.0
WANTED_MEGABYTES = 300.0
_STEPS = 1_000_000

_FRAME = """
import resource, time
{begin}
began = time.perf_counter()
for step in range({count}):
{call}
logged = time.perf_counter()
{end}
ended = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("measured", (logged - began) / {count} / {scalars} * 1e6, ended - logged, peak)
"""
_TEN = "{f'm{n}': step / (n + 1) for n in range(10)}"


@dataclass(frozen=True, slots=True)
class Way:
    """How one tool logs ``scalars`` at each of ``count`` steps."""

    tool: str
    what: str
    begin: str
    call: str
    end: str
    count: int
    scalars: int = 1


_OURS = "import jupyter_mlops as mlops\nrun = mlops.run('bench').__enter__()\nmlops.log(first=1)"
_OUR_END = "run.end()"
_LIVE = "from dvclive import Live\nlive = Live(save_dvc_exp=False, report=None)"
_MLFLOW = "import mlflow\nmlflow.start_run()\nmlflow.log_metric('first', 1)"
_WANDB = "import wandb\nrun = wandb.init(mode='offline', settings={'silent': True})"
WAYS = (
    Way("jupyter-mlops", "1 scalar a step", _OURS, "    mlops.log(loss=1 / (step + 1), step=step)",
        _OUR_END, 100_000),
    Way("jupyter-mlops", "10 scalars a step", _OURS, f"    mlops.log({_TEN}, step=step)",
        _OUR_END, 20_000, 10),
    Way("jupyter-mlops", "1 scalar, 1,000,000 steps", _OURS,
        "    mlops.log(loss=1 / (step + 1), step=step)", _OUR_END, _STEPS),
    Way("DVCLive", "1 scalar a step", _LIVE,
        "    live.log_metric('loss', 1 / (step + 1)); live.next_step()", "live.end()", 200),
    Way("DVCLive", "10 scalars a step", _LIVE,
        f"    for name, value in {_TEN}.items(): live.log_metric(name, value)\n"
        "    live.next_step()", "live.end()", 50, 10),
    Way("MLflow", "1 scalar a step", _MLFLOW,
        "    mlflow.log_metric('loss', 1 / (step + 1), step=step)", "mlflow.end_run()", 100),
    Way("MLflow", "10 scalars a step", _MLFLOW, f"    mlflow.log_metrics({_TEN}, step=step)",
        "mlflow.end_run()", 50, 10),
    Way("MLflow, asynchronous", "1 scalar a step", _MLFLOW,
        "    mlflow.log_metric('loss', 1 / (step + 1), step=step, synchronous=False)",
        "mlflow.flush_async_logging()\nmlflow.end_run()", 500),
    Way("W&B, offline", "1 scalar a step", _WANDB, "    run.log({'loss': 1 / (step + 1)})",
        "run.finish()", 5_000),
    Way("W&B, offline", "10 scalars a step", _WANDB, f"    run.log({_TEN})", "run.finish()",
        5_000, 10),
)  # fmt: skip


def main() -> int:
    """Print the microseconds a scalar; return 1 where ours are more than promised."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", action="append", default=[], metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    peers = options.peer
    found: dict[Way, list[tuple[float, float, float]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            ours = way.tool == "jupyter-mlops"
            for python in [sys.executable] if ours else peers:
                measured = _measure(way, python)
                if measured is not None:
                    found[way].append(measured)
    missed = False
    for way, rounds in found.items():
        if not rounds:
            print(f"{way.tool:22} {way.what:26} not measured")
            continue
        micros, end_seconds, megabytes = (min(column) for column in zip(*rounds, strict=True))
        print(
            f"{way.tool:22} {way.what:26} {micros:10.1f} µs a scalar,"
            f" {end_seconds:6.3f} s at the end, {megabytes:6.1f} MB"
        )
        if way.tool == "jupyter-mlops":
            missed |= micros > WANTED_MICROSECONDS or megabytes > WANTED_MEGABYTES
    return int(missed)


def _measure(way: Way, python: str) -> tuple[float, float, float] | None:
    """Return microseconds a scalar, seconds at the end, and the peak in MB; None without it."""
    code = _FRAME.format(
        begin=way.begin, call=way.call, end=way.end, count=way.count, scalars=way.scalars
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = hermetic_environment(Path(folder), os.environ)
        if python == sys.executable:
            environment["PYTHONPATH"] = str(ROOT)
        else:
            environment.pop("PYTHONPATH", None)
        project = make_project(Path(folder, "project"))
        project.write("train.py", code)
        project.commit("a script")
        done = subprocess.run(
            [python, "train.py"],
            cwd=project.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("measured ")]
    if not lines:
        return None
    micros, end_seconds, megabytes = map(float, lines[0].split()[1:])
    return micros, end_seconds, megabytes


if __name__ == "__main__":
    sys.exit(main())
