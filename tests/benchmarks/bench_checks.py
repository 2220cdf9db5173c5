"""What the checks that run nothing cost: ``python -m tests.benchmarks.bench_checks``."""

from __future__ import annotations

import base64
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import clock, say
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.project import Project, hermetic_environment, make_project

NOTEBOOKS = 100
NOTEBOOK_BYTES = 118_000
RUNS = 5
WANTED_SECONDS = 2.0


def main() -> int:
    """Print the seconds; return 1 when they are more than promised."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        project = _make(Path(folder) / "project")
        words = [sys.executable, "-m", "jupyter_mlops", "check-notebooks"]

        def check() -> int:
            done = subprocess.run(words, cwd=project.root, capture_output=True, check=False)
            return done.returncode

        before = _children_seconds()
        timing, status = clock(check, runs=RUNS)
        cpu_seconds = (_children_seconds() - before) / RUNS
        told = f"check-notebooks, {NOTEBOOKS} of {NOTEBOOK_BYTES // 1000} kB"
        say(told, timing, processes=f"{cpu_seconds:.2f} s", status=status)
    return int(status != 0 or timing.wall_seconds > WANTED_SECONDS)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _make(root: Path) -> Project:
    """Return a project whose notebooks were run, and are committed stripped."""
    project = make_project(root)
    project.mlops("init")
    for number in range(NOTEBOOKS):
        project.write(f"n{number}.ipynb", _notebook(number))
    project.commit("notebooks")
    return project


def _notebook(seed: int) -> bytes:
    """Return a notebook of code with prints, tables and a picture, all in order."""
    chance = random.Random(seed)
    picture = base64.b64encode(chance.randbytes(58_000)).decode()
    rows = "\n".join(f"{i} {chance.random():.6f} {chance.random():.6f}" for i in range(400))
    html = "".join(f"<tr><td>{i}</td><td>{chance.random()}</td></tr>" for i in range(400))
    cells = []
    for count in range(1, 21):
        source = f"def f{count}(x, scale={count}):\n    return [y * scale for y in x]\n"
        source += f"v{count} = f{count}(range({count}))\nprint(v{count})"
        outputs: list[dict[str, Any]] = [
            {"name": "stdout", "output_type": "stream", "text": [f"{list(range(9))}\n"]}
        ]
        if count == 5:
            data: dict[str, Any] = {"image/png": picture, "text/plain": ["<Figure>"]}
            outputs = [{"output_type": "display_data", "data": data, "metadata": {}}]
        if count == 9:
            outputs = [_display({"text/html": [html], "text/plain": rows.splitlines(True)})]
        cells.append(code(source, id=f"c{count}", execution_count=count, outputs=outputs))
    return notebook_bytes(cells)


def _display(data: dict[str, Any]) -> dict[str, Any]:
    return {"output_type": "display_data", "data": data, "metadata": {}}


if __name__ == "__main__":
    sys.exit(main())
