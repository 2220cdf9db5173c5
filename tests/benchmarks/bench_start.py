"""How long it takes until a command can begin: ``python -m tests.benchmarks.bench_start``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS_COUNT = 15
PYTHON = "-c", "pass"
LOAD_EXT = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
began = time.perf_counter()
shell.run_line_magic("load_ext", "jupyter_mlops")
print(time.perf_counter() - began)
"""
IMPORT = """
import time
began = time.perf_counter()
import jupyter_mlops
print(time.perf_counter() - began)
"""


def measure_process(*words: str) -> float:
    """Return the median wall time of a Python process, in seconds."""
    return statistics.median(_time_process(words) for _ in range(RUNS_COUNT))


def measure_inside(code: str) -> float:
    """Return the median of what ``code`` prints, in new processes, in seconds."""
    line = [sys.executable, "-c", code]
    return statistics.median(
        float(subprocess.run(line, capture_output=True, check=True).stdout)
        for _ in range(RUNS_COUNT)
    )


def main() -> None:
    """Print each figure with its limit."""
    figures = (
        ("python -c pass", measure_process(*PYTHON), None),
        ("import jupyter_mlops", measure_inside(IMPORT), 0.150),
        ("%load_ext jupyter_mlops", measure_inside(LOAD_EXT), 0.150),
        ("jupyter-mlops --help", measure_process("-m", "jupyter_mlops", "--help"), 0.200),
    )
    for name, seconds, limit in figures:
        told = f"  (limit {limit * 1000:.0f} ms)" if limit else ""
        print(f"{name:<26}{seconds * 1000:8.1f} ms{told}")


def _time_process(words: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
