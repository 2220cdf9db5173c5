from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_mlops.commands.kernels import private_kernel
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
LOAD = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from jupyter_mlops.magics.extension import load
from tests.support.sample_commands import SAMPLES
load(get_ipython(), SAMPLES)"""


def execute(folder: Path, *cells: str) -> nbformat.NotebookNode:
    """Run cells in a kernel of their own, as Run All and nbconvert do."""
    notebook: nbformat.NotebookNode = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in cells]
    )
    with private_kernel() as manager, suppress(CellExecutionError):
        place = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, km=manager, resources=place).execute()
    return notebook


@pytest.fixture
def opened(project: Project) -> Path:
    """The root of a project with an empty mlops.toml."""
    project.write("mlops.toml", "")
    return project.root


@pytest.mark.slow
def test_a_magic_in_a_kernel(opened: Path) -> None:
    notebook = execute(
        opened,
        LOAD,
        "s = %mlops keep a",
        "s.id, len(s.cells)",
        "%mlops keep a",
        "%mlops fail",
        "print('not reached')",
    )
    outputs = [cell.get("outputs", []) for cell in notebook.cells]
    assert outputs[1] == []
    assert outputs[2][0]["data"]["text/plain"] == "('k23456723456', 2)"
    assert outputs[3][0]["data"]["text/plain"].startswith("Kept 1 paths")
    assert 'class="mlops-document"' in outputs[3][0]["data"]["text/html"]
    error = outputs[4][0]
    assert (error["output_type"], error["ename"]) == ("error", "ConflictError")
    assert len(error["traceback"]) == 3
    assert not any("Traceback" in line for line in error["traceback"])
    assert outputs[5] == []


@pytest.mark.slow
def test_progress_in_a_kernel_may_come_from_threads(opened: Path) -> None:
    notebook = execute(
        opened,
        LOAD,
        "import threading\n"
        "from datetime import datetime, UTC\n"
        "from jupyter_mlops.magics.progress import CellProgress\n"
        "class Clock:\n"
        "    seconds = 0.0\n"
        "    def now(self): return datetime.now(UTC)\n"
        "    def monotonic_seconds(self): Clock.seconds += 1; return Clock.seconds\n"
        "with CellProgress(Clock()).task('Keeping', 2048) as task:\n"
        "    threads = [threading.Thread(target=task.advance, args=(512,)) for _ in range(4)]\n"
        "    for thread in threads: thread.start()\n"
        "    for thread in threads: thread.join()",
    )
    outputs = notebook.cells[1]["outputs"]
    assert [output["output_type"] for output in outputs] == ["display_data"]
    assert outputs[0]["data"]["text/plain"] == ""
