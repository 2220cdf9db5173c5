"""What notebooks cost in ``git add``: ``python -m tests.benchmarks.bench_filter [NOTEBOOKS]``.

NOTEBOOKS says how many of the notebooks ``nbstripout --install`` is given, whose time is
proportional to their number; all of them by default, which takes minutes.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.workspace import open_here
from tests.support.project import Project, hermetic_environment, make_project

NOTEBOOKS_COUNT = 100
OUTPUT_BYTES = 5_000
CELLS_COUNT = 20
WANTED_RATIO = 50


def main(compared_count: int) -> int:
    """Print the seconds of each way and the ratio; return 1 when it is less than promised."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(hermetic_environment(Path(folder), os.environ))
        notebooks = [_make_notebook(number) for number in range(NOTEBOOKS_COUNT)]
        size = sum(map(len, notebooks)) / len(notebooks)
        print(f"{NOTEBOOKS_COUNT} notebooks of {size / 1000:.0f} kB")
        plain = _measure(make_project(Path(folder) / "plain"), notebooks)
        print(f"no filter              {plain:8.2f} s")

        ours = make_project(Path(folder) / "ours")
        init(open_here(ours.root))
        seconds = _measure(ours, notebooks)
        print(f"jupyter-mlops          {seconds:8.2f} s   outputs kept in the store")
        for notebook in ours.root.glob("*.ipynb"):
            os.utime(notebook, (1, 1))
        began = time.perf_counter()
        ours.git("status", "--porcelain")
        print(f"  git status, all touched {time.perf_counter() - began:5.2f} s")
        for notebook in ours.root.glob("*.ipynb"):
            notebook.unlink()
        began = time.perf_counter()
        ours.git("checkout", "--", ".")
        print(f"  git checkout of all     {time.perf_counter() - began:5.2f} s")
        assert all(
            (ours.root / f"{number}.ipynb").read_bytes() == content
            for number, content in enumerate(notebooks)
        )

        theirs = make_project(Path(folder) / "theirs")
        subprocess.run(
            [sys.executable, "-m", "nbstripout", "--install"], cwd=theirs.root, check=True
        )
        compared = _measure(theirs, notebooks[:compared_count]) * NOTEBOOKS_COUNT / compared_count
        note = "" if compared_count == NOTEBOOKS_COUNT else f"   from {compared_count} notebooks"
        print(f"nbstripout --install   {compared:8.2f} s{note}")
        ratio = compared / seconds
        print(f"ratio                  {ratio:8.1f}     at least {WANTED_RATIO} is promised")
        return int(ratio < WANTED_RATIO)


def _measure(project: Project, notebooks: list[bytes]) -> float:
    for number, content in enumerate(notebooks):
        project.write(f"{number}.ipynb", content)
    began = time.perf_counter()
    project.git("add", ".")
    return time.perf_counter() - began


def _make_notebook(number: int) -> bytes:
    """Return a notebook with pictures and texts as outputs, the same for each ``number``."""
    chance = random.Random(number)
    cells = [
        {
            "cell_type": "code",
            "execution_count": place,
            "id": f"cell-{place}",
            "metadata": {},
            "outputs": [
                {
                    "data": {
                        "image/png": base64.b64encode(
                            chance.randbytes(OUTPUT_BYTES * 3 // 4)
                        ).decode(),
                        "text/plain": [f"<Figure {chance.random()}>"],
                    },
                    "execution_count": place,
                    "metadata": {},
                    "output_type": "execute_result",
                },
                {"name": "stdout", "output_type": "stream", "text": [f"epoch {place}\n"] * 20},
            ],
            "source": [f"value = {chance.random()}\n", "value"],
        }
        for place in range(CELLS_COUNT)
    ]
    tree = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(tree, indent=1, sort_keys=True) + "\n").encode()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOKS_COUNT))
