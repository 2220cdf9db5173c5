"""What logging costs: ``python -m tests.benchmarks.bench_metrics``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CALLS_COUNT = 100_000
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


if __name__ == "__main__":
    main()
