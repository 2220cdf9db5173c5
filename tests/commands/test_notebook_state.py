"""After a run Git's own commands find notebooks unchanged, once we have had a chance."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.commands.notebook_state import settle_notebooks
from jupyter_mlops.commands.workspace import open_workspace
from jupyter_mlops.errors import ConflictError
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.snapshots.code import restore_code
from jupyter_mlops.snapshots.outputs import restore_outputs
from tests.notebooks.conftest import NOTEBOOKS, code, notebook_bytes
from tests.notebooks.test_secrets import AWS, stream
from tests.support.project import Project, make_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

PLAIN = NOTEBOOKS["plain"]
AGAIN = PLAIN.replace(b"one", b"run again")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a notebook; ``topic`` has one more cell."""
    project = make_project(tmp_path_factory.mktemp("made") / "project")
    assert project.mlops("init").returncode == 0
    project.write("nb.ipynb", PLAIN)
    project.commit("Notebook")
    project.git("switch", "-q", "-c", "topic")
    cells = [code("x = 1\nx"), code("new", outputs=[], execution_count=None)]
    project.write("nb.ipynb", notebook_bytes(cells))
    project.commit("One more cell")
    project.git("switch", "-q", "main")
    return project


@pytest.fixture
def run(made: Project, tmp_path: Path) -> Project:
    """A project whose notebook was run again after it was committed, without being edited."""
    project = Project(shutil.copytree(made.root, tmp_path / "project", symlinks=True))
    project.write("nb.ipynb", AGAIN)
    assert project.git("status", "--porcelain") == " M nb.ipynb\n"
    return project


@pytest.mark.parametrize("words", [("status",), ("snapshot",)])
def test_commands_let_git_know_it_again(run: Project, words: tuple[str, ...]) -> None:
    done = run.mlops(*words)
    assert done.returncode == 0, done.stderr
    assert run.git("status", "--porcelain") == ""
    assert run.read("nb.ipynb") == AGAIN


def test_a_commit_of_something_else_does_so_too(run: Project) -> None:
    tree = json.loads(AGAIN, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    unordered = json.dumps(tree).encode()
    run.write("nb.ipynb", unordered)
    run.write("other.txt", "1\n")
    run.git("add", "other.txt")
    run.git("commit", "-q", "-m", "Other")
    assert run.git("status", "--porcelain") == ""
    assert run.read("nb.ipynb") == unordered


def test_pull_switch_and_rebase_go_through(run: Project) -> None:
    run.git("branch", "start")
    for words in (
        ("pull", "-q", "--no-edit", ".", "topic"),
        ("switch", "-q", "--detach", "start"),
        ("rebase", "-q", "topic"),
    ):
        run.write("nb.ipynb", run.read("nb.ipynb") + b"\n" * 9)
        assert run.git("status", "--porcelain") == " M nb.ipynb\n"
        assert run.mlops("status").returncode == 0
        run.git(*words)
    assert run.git("status", "--porcelain") == ""


def test_an_index_that_is_locked_is_left_alone(run: Project) -> None:
    (run.root / ".git/index.lock").write_bytes(b"")
    assert run.mlops("status").returncode == 0
    (run.root / ".git/index.lock").unlink()
    assert run.git("status", "--porcelain") == " M nb.ipynb\n"


@pytest.mark.parametrize("command", ["status", "snapshot"])
def test_outputs_that_are_not_kept_are_told(run: Project, command: str) -> None:
    run.write("nb.ipynb", notebook_bytes([code("x = 1\nx", outputs=[stream(AWS)])]))
    told = run.mlops(command)
    assert "AWS Access Key in cell 1" in " ".join(told.stdout.split())
    assert AWS not in told.stdout + told.stderr
    (again,) = json.loads(run.mlops(command, "--json").stdout)["outputs_not_kept"]
    assert "AWS Access Key in cell 1" in again
    assert run.git("status", "--porcelain") == " M nb.ipynb\n"
    run.git("add", "nb.ipynb")
    assert json.loads(run.mlops(command, "--json").stdout)["outputs_not_kept"] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".gitattributes", "*.ipynb filter=other\n"),
        ("mlops.toml", "[notebooks]\nkeep_outputs = false\n"),
    ],
)
def test_git_does_not_write_over_outputs_that_nobody_keeps(
    run: Project, path: str, text: str
) -> None:
    run.git("config", "filter.other.clean", "git show HEAD:nb.ipynb")
    run.write(path, text)
    assert settle_notebooks(open_repository(run.root)) == ()
    assert run.git("diff", "--", "nb.ipynb") == ""
    run.git("switch", "-q", "topic", check=False)
    ws = open_workspace(run.root)
    for restore, revision in ((restore_code, "topic"), (restore_outputs, "HEAD")):
        with pytest.raises(ConflictError, match=r"nb.ipynb has outputs that are not kept"):
            restore(ws, run.git("rev-parse", revision).strip())
    assert run.read("nb.ipynb") == AGAIN


def test_a_save_while_outputs_are_restored_stays(run: Project) -> None:
    bare = [code(source, outputs=[], execution_count=None) for source in ("x = 1\nx", "new")]
    saved = notebook_bytes([*bare, code("newer", outputs=[], execution_count=None)])
    run.write("saved", saved)
    run.write("nb.ipynb", notebook_bytes(bare))
    run.git("config", "--unset", "filter.mlops-notebook.process")
    run.git("config", "filter.mlops-notebook.clean", "cat; cp saved nb.ipynb")
    commit = run.git("rev-parse", "HEAD").strip()
    with pytest.raises(ConflictError) as caught:
        restore_outputs(open_workspace(run.root), commit, ["nb.ipynb"])
    assert caught.value.code == "file-changing"
    assert run.read("nb.ipynb") == saved
    run.git("config", "filter.mlops-notebook.clean", "cat")
    assert restore_outputs(open_workspace(run.root), commit, ["nb.ipynb"]).written
    assert b"newer" in run.read("nb.ipynb")


def test_where_git_has_no_notebook_no_filter_is_started(project: Project) -> None:
    assert project.mlops("init").returncode == 0
    project.commit("Set up")
    project.git("config", "filter.mlops-notebook.process", "touch started; exit 1")
    project.write("new.ipynb", PLAIN)
    assert project.mlops("status").returncode == 0
    assert not (project.root / "started").exists()
    subprocess.run(["git", "add", "."], cwd=project.root, capture_output=True, check=False)
    assert (project.root / "started").exists()
