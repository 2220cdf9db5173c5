"""The examples run from top to bottom, in a kernel, as a reader would run them."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from jupyter_mlops.commands.kernels import private_kernel
from tests.architecture.sources import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
    with private_kernel() as manager:
        place = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, km=manager, resources=place, timeout=120).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize(
    "path",
    [*EXAMPLES, *sorted((ROOT / "jupyter_mlops/commands/demo_project").glob("*.ipynb"))],
    ids=lambda path: path.stem,
)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
