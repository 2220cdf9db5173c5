from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.support.project import IDENTITY, Project

KEEP = ("%load_ext jupyter_mlops", "s = %snapshot data model.bin -m 'first try'", "print(s.id)")
BACK = ("%load_ext jupyter_mlops", "r = %restore", "print(r.written)")
BINARIES = Path(sys.executable).parent


@pytest.fixture
def kept(project: Project) -> Project:
    """A project with data that nothing tracks yet."""
    project.write("mlops.toml", "")
    project.write("data/train one.csv", "a,b\n" * 1000)
    project.write("model.bin", bytes(range(256)) * 64)
    return project


def run(project: Project, *words: str) -> str:
    done = subprocess.run(
        [str(BINARIES / words[0]), *words[1:]],
        cwd=project.root,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_notebook(project: Project, name: str, cells: tuple[str, ...]) -> Path:
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    path = project.root / name
    path.write_text(nbformat.writes(nbformat.v4.new_notebook(cells=code)))
    return path


def run_notebook(project: Project, runner: str, cells: tuple[str, ...]) -> str:
    """Run cells by ``runner`` and return what the last one printed."""
    path = write_notebook(project, "train.ipynb", cells)
    if runner == "ipython":
        (project.root / "train.ipy").write_text("\n".join(cells))
        return run(project, "ipython", "--colors=nocolor", "train.ipy").splitlines()[-1]
    if runner == "nbconvert":
        run(
            project, "jupyter", "nbconvert", "--execute", "--to", "notebook", "--inplace", path.name
        )
    else:
        run(project, "papermill", "--kernel", "python3", path.name, path.name)
    outputs = nbformat.read(path, as_version=4).cells[-1]["outputs"]
    return str(outputs[0]["text"]).strip()


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["nbconvert", "papermill", "ipython"])
def test_data_kept_in_one_kernel_comes_back_in_another(kept: Project, runner: str) -> None:
    before = (kept.read("data/train one.csv"), kept.read("model.bin"))
    snapshot_id = run_notebook(kept, runner, KEEP)
    assert len(snapshot_id) == 12
    shutil.rmtree(kept.root / "data")
    (kept.root / "model.bin").unlink()
    assert run_notebook(kept, runner, BACK) == "2"
    assert (kept.read("data/train one.csv"), kept.read("model.bin")) == before


@pytest.mark.slow
def test_an_error_stops_run_all_with_one_sentence(kept: Project) -> None:
    cells = ("%load_ext jupyter_mlops", "%restore nonsense", "print('not reached')")
    path = write_notebook(kept, "train.ipynb", cells)
    done = subprocess.run(
        [str(BINARIES / "jupyter"), "nbconvert", "--execute", "--to", "notebook", path.name],
        cwd=kept.root,
        env={**os.environ, **IDENTITY},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "'nonsense' is neither a revision nor a snapshot." in done.stderr
    assert "jupyter_mlops/snapshots" not in done.stderr


def test_python_and_the_command_line_tell_the_same(kept: Project) -> None:
    code = (
        "import jupyter_mlops as mlops, msgspec\n"
        "kept = mlops.snapshot('data', 'model.bin', message='why', name='one')\n"
        "print(msgspec.json.encode(mlops.status()).decode())"
    )
    told = json.loads(run(kept, "python", "-c", code))
    assert told == json.loads(kept.mlops("status", "--json").stdout)
    assert [path["state"] for path in told["tracked"]] == ["clean", "clean"]
    shown = json.loads(kept.mlops("snapshot", "list", "--json").stdout)["snapshots"][0]
    assert (shown["name"], shown["message"]) == ("one", "why")
