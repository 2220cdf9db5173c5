from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_mlops.commands.init import init
from jupyter_mlops.commands.strip import StripResult, strip
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document import Note
from jupyter_mlops.errors import MlopsError, NotFoundError, UsageError
from jupyter_mlops.notebooks.strip import StripSettings
from jupyter_mlops.notebooks.strip import strip as strip_notebook
from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, code, notebook_bytes
from tests.notebooks.test_secrets import AWS, stream
from tests.support.project import Project

PLAIN = NOTEBOOKS["plain"]
STRIPPED = strip_notebook(PLAIN, StripSettings()).notebook


def strip_in(folder: Path, *paths: str, check: bool = False) -> StripResult:
    return strip(open_here(folder), paths, check=check)


def test_outputs_are_kept_and_come_back(project: Project) -> None:
    init(open_here(project.root))
    project.commit("Use jupyter-mlops")
    path = project.write("sub/my nb.ipynb", PLAIN)
    path.chmod(0o755)
    result = strip_in(project.root, "sub/my nb.ipynb")
    assert (result.stripped, result.unchanged, result.kept) == (("sub/my nb.ipynb",), 0, True)
    assert path.read_bytes() == STRIPPED
    assert os.access(path, os.X_OK)
    project.commit("Notebook")
    path.unlink()
    project.git("checkout", "--", ".")
    assert path.read_bytes() == PLAIN
    assert strip_in(path.parent, "my nb.ipynb").stripped == ("my nb.ipynb",)


def test_without_paths_all_that_git_does_not_ignore(project: Project) -> None:
    init(open_here(project.root))
    project.write(".gitignore", "ignored.ipynb\n")
    for name in ("a.ipynb", "sub/b.ipynb", "sub/c.ipynb", "ignored.ipynb"):
        project.write(name, PLAIN)
    project.write("sub/.ipynb_checkpoints/b-checkpoint.ipynb", PLAIN)
    project.write("sub/d.ipynb", STRIPPED)
    project.git("add", "a.ipynb")
    result = strip_in(project.root / "sub")
    assert (result.stripped, result.unchanged) == (("b.ipynb", "c.ipynb"), 1)
    assert strip_in(project.root).stripped == ("a.ipynb",)
    assert project.read("ignored.ipynb") == PLAIN
    assert strip_in(project.root, "ignored.ipynb").stripped == ("ignored.ipynb",)


def test_check_writes_nothing(project: Project) -> None:
    init(open_here(project.root))
    project.write("a.ipynb", PLAIN)
    result = strip_in(project.root, check=True)
    assert (result.stripped, result.exit_status, result.kept) == (("a.ipynb",), 1, False)
    assert project.read("a.ipynb") == PLAIN
    assert not (project.root / ".git/mlops/packs").exists()
    strip_in(project.root)
    assert strip_in(project.root, check=True).exit_status == 0


def test_outside_of_a_project_nothing_is_kept(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    for place in (folder, project.root):
        (place / "a.ipynb").write_bytes(PLAIN)
        result = strip_in(place)
        assert (result.stripped, result.kept) == (("a.ipynb",), False)
        assert (place / "a.ipynb").read_bytes() == STRIPPED
    assert not (project.root / ".git/mlops").exists()


def test_notebooks_elsewhere_are_kept_by_the_project_that_they_lie_in(
    project: Project, tmp_path: Path
) -> None:
    init(open_here(project.root))
    path = project.write("a.ipynb", PLAIN)
    project.write(".gitignore", "b.ipynb\n")
    project.write("b.ipynb", PLAIN)
    (tmp_path / "beside").mkdir()
    loose = tmp_path / "beside" / "loose.ipynb"
    loose.write_bytes(PLAIN)
    result = strip_in(tmp_path / "beside", str(project.root), "loose.ipynb")
    assert (len(result.stripped), result.kept) == (2, False)
    assert (loose.read_bytes(), project.read("b.ipynb")) == (STRIPPED, PLAIN)
    project.commit("Notebook")
    path.unlink()
    project.git("checkout", "--", ".")
    assert path.read_bytes() == PLAIN
    assert strip_in(tmp_path / "beside", str(path)).kept


def test_where_there_are_no_notebooks_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/")
    (block,) = strip_in(tmp_path).describe().blocks
    assert block == Note("There are no notebooks here.", "good")


def test_what_is_not_a_notebook_is_left_and_said(project: Project) -> None:
    project.write("bad.ipynb", NOT_NOTEBOOKS["conflict"])
    project.write("good.ipynb", PLAIN)
    result = strip_in(project.root)
    assert [(file.path, file.why) for file in result.left] == [("bad.ipynb", "is not JSON")]
    assert (result.stripped, result.exit_status) == (("good.ipynb",), 1)
    assert project.read("bad.ipynb") == NOT_NOTEBOOKS["conflict"]


def test_wrong_paths_change_nothing(project: Project) -> None:
    project.write("a.ipynb", PLAIN)
    project.write("a.txt", "text")
    for path, kind in (
        ("gone.ipynb", NotFoundError),
        ("x" * 5000, NotFoundError),
        ("a.txt", UsageError),
    ):
        with pytest.raises(kind):
            strip_in(project.root, "a.ipynb", path)
    assert project.read("a.ipynb") == PLAIN


def test_a_link_is_not_written_through(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.ipynb"
    target.write_bytes(PLAIN)
    (project.root / "link.ipynb").symlink_to(target)
    with pytest.raises(MlopsError):
        strip_in(project.root, "link.ipynb")
    assert target.read_bytes() == PLAIN


def test_what_cannot_be_kept_is_not_stripped(project: Project) -> None:
    init(open_here(project.root))
    (project.root / ".git/mlops/tmp").write_text("in the way of staging")
    project.write("a.ipynb", PLAIN)
    with pytest.raises(MlopsError):
        strip_in(project.root)
    assert project.read("a.ipynb") == PLAIN


def test_what_the_store_does_not_take_is_not_stripped(project: Project) -> None:
    init(open_here(project.root))
    notebook = notebook_bytes([code("x", outputs=[stream(AWS)])])
    path = project.write("nb.ipynb", notebook)
    result = strip_in(project.root)
    assert (result.stripped, result.kept, result.exit_status) == ((), False, 1)
    assert "AWS Access Key in cell 1" in result.left[0].why
    assert path.read_bytes() == notebook
    project.git("config", "mlops.allowSecrets", "true")
    assert strip_in(project.root).kept


def test_json_and_exit_status(project: Project) -> None:
    project.write("a.ipynb", PLAIN)
    done = project.mlops("strip", "--check", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["stripped"] == ["a.ipynb"]
    assert "Stripped 1 notebook" in project.mlops("strip").stdout
