"""What it costs to begin: the import, the help, the magics, one with nothing new to keep.

``python -m tests.benchmarks.bench_start [DEMO]``; the demo is made in a temporary folder when none
is named.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.project import IDENTITY, hermetic_environment

ROUNDS = 15
LOAD = """
from time import perf_counter
from IPython.testing.globalipapp import get_ipython, start_ipython
shell = start_ipython() or get_ipython()
began = perf_counter()
shell.run_line_magic("load_ext", "jupyter_mlops")
print(1000 * (perf_counter() - began))
"""
SNAPSHOT = """
from time import perf_counter
from IPython.testing.globalipapp import get_ipython, start_ipython
shell = start_ipython() or get_ipython()
shell.run_line_magic("load_ext", "jupyter_mlops")
times = []
for _ in range(8):
    began = perf_counter()
    shell.run_line_magic("snapshot", "")
    times.append(perf_counter() - began)
print(*(f"{1000 * seconds:.0f}" for seconds in times))
"""


def median_ms(work: Callable[[], object]) -> float:
    """Return the median time of ``work`` in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def main(demo: Path | None) -> None:
    """Print a line for each figure with its limit."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = hermetic_environment(home, os.environ) | IDENTITY

        def run(*command: str, cwd: Path | None = None) -> str:
            return subprocess.run(
                [sys.executable, *command],
                env=environment,
                cwd=cwd,
                check=True,
                capture_output=True,
                text=True,
            ).stdout

        bare = median_ms(lambda: run("-c", ""))
        imported = median_ms(lambda: run("-c", "import jupyter_mlops"))
        helped = median_ms(lambda: run("-m", "jupyter_mlops", "--help"))
        loaded = statistics.median(float(run("-c", LOAD).split()[-1]) for _ in range(ROUNDS))
        print(f"python itself                       {bare:6.0f} ms")
        print(f"import jupyter_mlops                {imported:6.0f} ms   (limit 150)")
        print(f"jupyter-mlops --help                {helped:6.0f} ms   (limit 200)")
        print(f"%load_ext jupyter_mlops             {loaded:6.0f} ms   (limit 150)")
        if demo is None:
            demo = home / "demo"
            began = time.perf_counter()
            run("-m", "jupyter_mlops", "demo", str(demo))
            print(f"demo, made from nothing             {time.perf_counter() - began:6.0f} s")
        first, *warm = map(float, run("-c", SNAPSHOT, cwd=demo).split()[-8:])
        print(
            f"%snapshot of the demo, no change    {statistics.median(warm):6.0f} ms   (limit 100)"
        )
        print(f"... the first one in a kernel       {first:6.0f} ms")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None)
