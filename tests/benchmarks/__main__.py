"""Runs every benchmark of this folder: ``python -m tests.benchmarks [NAME...]``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(names: list[str]) -> int:
    """Run the benchmarks whose names begin with one of ``names``, all when there are none."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = [
        module
        for module in found
        if not names or any(module.removeprefix("bench_").startswith(name) for name in names)
    ]
    status = 0
    for module in chosen:
        print(f"# {module.removeprefix('bench_')}", flush=True)
        status |= subprocess.call([sys.executable, "-m", f"tests.benchmarks.{module}"])
        print(flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
