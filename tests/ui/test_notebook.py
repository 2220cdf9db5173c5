from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, open_notebook, write_notebook
from tests.support.project import Project
from tests.support.users import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOAD = "%load_ext jupyter_mlops"
MAKE_DATA = """\
from pathlib import Path
Path("data").mkdir()
for number in range(3):
    Path(f"data/part {number}.csv").write_text("a,b\\n" * 1000 * number)
Path("model.bin").write_bytes(bytes(range(256)) * 300)"""
LOG = """\
import jupyter_mlops as mlops
mlops.log(accuracy=0.75, loss=0.5)"""
KEEP = "s = %snapshot data model.bin -m x"
HISTORY = "%metrics history"


def hash_data(project: Project) -> dict[str, str]:
    files = [*(project.root / "data").iterdir(), project.root / "model.bin"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def delete_data(project: Project) -> None:
    shutil.rmtree(project.root / "data")
    (project.root / "model.bin").unlink()


def test_what_one_notebook_keeps_another_brings_back(
    lab: Lab, project: Project, page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("/api/contents/")  # data is deleted while JupyterLab lists its folder
    cells = (LOAD, MAKE_DATA, LOG, KEEP, "print(s.id)", "%mlops status", HISTORY)
    train = open_notebook(page, lab, write_notebook(project, "train.ipynb", cells))
    train.run_all()
    assert train.prompts() == [f"[{number}]:" for number in range(1, 8)]
    listed = json.loads(project.mlops("snapshot", "list", "--json").stdout)["snapshots"]
    assert train.output(4).inner_text().strip() == listed[0]["id"]
    assert train.output(5).locator("td:first-child").all_inner_texts() == ["data", "model.bin"]
    chart = train.output(6).locator(".mlops-history[data-drawn]")
    chart.locator("canvas").first.wait_for()
    assert "0.75" in chart.locator(".readout").inner_text()
    train.save()

    kept = hash_data(project)
    assert len(kept) == 4
    delete_data(project)
    back = open_notebook(page, lab, write_notebook(project, "back.ipynb", (LOAD, "%restore")))
    back.run_all()
    assert hash_data(project) == kept
    delete_data(project)
    back.restart()
    back.run_all()
    assert back.prompts() == ["[1]:", "[2]:"]
    assert hash_data(project) == kept
    back.save()


def test_an_error_stops_run_all_and_says_how_to_go_on(
    lab: Lab, project: Project, page: Page
) -> None:
    cells = (f"{LOAD}\nprint('first')", "%snapshot nothing-there", "print('third')")
    notebook = open_notebook(page, lab, write_notebook(project, "train.ipynb", cells))
    notebook.run_all()
    assert notebook.prompts() == ["[1]:", "[2]:", "[ ]:"]
    assert notebook.output(0).inner_text().strip() == "first"
    sentence, *hints = notebook.output(1).inner_text().strip().splitlines()
    assert sentence == "There is no file or folder nothing-there in the project."
    assert notebook.output(1).locator(".ansi-red-fg").inner_text() == sentence
    assert [hint.strip() for hint in hints] == ["→ %mlops status"]
    assert notebook.output(2).count() == 0
    notebook.save()


def test_git_keeps_the_code_and_the_file_keeps_its_outputs(
    lab: Lab, project: Project, page: Page
) -> None:
    project.write("metrics/train.json", '{"accuracy": 0.75}')
    project.commit("Measure")
    project.git("branch", "idea")
    path = write_notebook(project, "train.ipynb", (LOAD, "print('seen ' * 2)", HISTORY))
    notebook = open_notebook(page, lab, path)
    notebook.run_all()
    notebook.save()
    executed = path.read_bytes()
    assert b"seen seen" in executed
    assert b'"execution_count": 2' in executed

    project.git("add", "train.ipynb")
    project.git("commit", "-q", "-m", "Train")
    told = project.git("log", "-p")
    assert "print('seen ' * 2)" in told
    assert "seen seen" not in told
    assert '"execution_count": 2' not in told
    assert project.git("status", "--porcelain") == ""
    assert path.read_bytes() == executed

    notebook.run_all()
    notebook.save()
    again = path.read_bytes()
    assert b'"execution_count": 5' in again
    look = ("--no-optional-locks", "status", "--porcelain")
    wait_until(lambda: project.git(*look) == "")

    project.git("switch", "-q", "idea")
    assert not path.exists()
    project.git("switch", "-q", "main")
    assert path.read_bytes() == again
    reopened = open_notebook(page, lab, path)
    assert reopened.prompts() == ["[4]:", "[5]:", "[6]:"]
    assert reopened.output(1).inner_text().strip() == "seen seen"
    reopened.output(2).locator(".mlops-history[data-drawn] canvas").first.wait_for()

    (remote := lab.root / f"{project.root.name}-remote").mkdir()
    added = project.mlops("remote", "add", "shared", remote.as_posix())
    assert added.returncode == 0, added.stderr
    project.commit("Remote")
    assert project.mlops("push").returncode == 0
    clone = project.clone(lab.root / f"{project.root.name}-clone")
    assert b"seen seen" not in clone.read("train.ipynb")
    pulled = clone.mlops("pull", "--yes")
    assert pulled.returncode == 0, pulled.stderr
    there = open_notebook(page, lab, clone.root / "train.ipynb")
    assert there.prompts() == ["[4]:", "[5]:", "[6]:"]
    assert there.output(1).inner_text().strip() == "seen seen"
    assert clone.git(*look) == ""
