"""What it costs to be shown changes of notebooks: ``… bench_notebook_diff [NBDIME]``.

NBDIME is nbdime's ``git-nbdiffdriver``, to be measured beside ours on the same notebooks.
"""

from __future__ import annotations

import base64
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.project import Project, hermetic_environment, make_project

PAIRS_COUNT = 20
COMMITS_COUNT = 100
CELLS_COUNT = 20
OUTPUT_BYTES = 5_000
WANTED_SECONDS = 0.08


def main(nbdime: str | None) -> int:
    """Print the seconds of each way; return 1 when a process a file takes longer than promised."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        pairs = [_write_pair(Path(folder), number) for number in range(PAIRS_COUNT)]
        ours = [sys.executable, "-P", "-m", "jupyter_mlops"]
        slowest = 0.0
        for name, command in (
            ("textconv", lambda old, new: [*ours, "textconv", "", new]),
            ("external diff", lambda old, new: [*ours, "external-diff", "", "", *_words(old, new)]),
        ):
            slowest = max(slowest, _measure(name, command, pairs))
        if nbdime is not None:
            _measure("nbdime", lambda old, new: [nbdime, "diff", *_words(old, new)], pairs)
        print(f"at most {WANTED_SECONDS * 1000:.0f} ms are promised")
        _measure_log(make_project(Path(folder) / "project"))
        return int(slowest > WANTED_SECONDS)


def _words(old: str, new: str) -> list[str]:
    """Return what Git gives an external diff."""
    return ["nb.ipynb", old, "0" * 40, "100644", new, "1" * 40, "100644"]


def _measure(
    name: str, command: Callable[[str, str], list[str]], pairs: list[tuple[str, str]]
) -> float:
    """Print and return the median of the seconds that one process takes."""
    seconds = []
    for old, new in pairs:
        began = time.perf_counter()
        subprocess.run(command(old, new), check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds)
    print(f"{name:<22} {median * 1000:8.0f} ms   a file of 20 cells, 110 kB")
    return median


def _measure_log(project: Project) -> None:
    init(open_here(project.root))
    notebook = _make_notebook(0)
    chance = random.Random(1)
    for _ in range(COMMITS_COUNT):
        _edit(notebook, chance)
        project.write("nb.ipynb", _encode(notebook))
        project.commit("Edit")
    for label, setting in (("", "false"), (" cachetextconv, first", "true"), (" again", "true")):
        project.git("config", "diff.mlops-notebook.cachetextconv", setting)
        began = time.perf_counter()
        project.git("log", "-p")
        print(
            f"git log -p{label:<22} {time.perf_counter() - began:6.2f} s   {COMMITS_COUNT} commits"
        )


def _write_pair(folder: Path, number: int) -> tuple[str, str]:
    """Write two versions of a notebook: cells edited, one moved, one added, one removed."""
    notebook = _make_notebook(number)
    old, new = folder / f"{number}-old.ipynb", folder / f"{number}-new.ipynb"
    old.write_bytes(_encode(notebook))
    chance = random.Random(number)
    for _ in range(3):
        _edit(notebook, chance)
    cells = notebook["cells"]
    cells.insert(2, cells.pop(15))
    cells[7]["id"] = "another"
    cells[7]["source"] = ["import numpy\n", "numpy.zeros(3)"]
    new.write_bytes(_encode(notebook))
    return str(old), str(new)


def _make_notebook(number: int) -> dict[str, Any]:
    """Return a notebook of 20 cells with pictures as outputs, the same for each ``number``."""
    chance = random.Random(number)
    cells = []
    for place in range(CELLS_COUNT):
        picture = base64.b64encode(chance.randbytes(OUTPUT_BYTES * 3 // 4)).decode()
        output = {"output_type": "display_data", "metadata": {}, "data": {"image/png": picture}}
        source = f"value = {chance.random()}\nvalue"
        cells.append(code(source, id=f"cell-{place}", outputs=[output]))
    notebook: dict[str, Any] = json.loads(notebook_bytes(cells))
    return notebook


def _edit(notebook: dict[str, Any], chance: random.Random) -> None:
    chance.choice(notebook["cells"])["source"] = [f"value = {chance.random()}\n", "value"]


def _encode(notebook: dict[str, Any]) -> bytes:
    return (json.dumps(notebook, indent=1, sort_keys=True) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None))
