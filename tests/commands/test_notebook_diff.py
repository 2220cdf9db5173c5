from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from jupyter_mlops.commands.notebook_diff import NotebookDiffResult, notebook_diff
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import NotFoundError, UsageError
from tests.notebooks.conftest import code, notebook_bytes
from tests.support.project import Project, make_project

pytestmark = pytest.mark.usefixtures("git_starts_forks")

LOAD, FIT = code("frame = read('train.csv')", id="load"), code("fit(frame, 0.1)", id="fit")
OLD = notebook_bytes([LOAD, FIT])
NEW = notebook_bytes([LOAD, code("fit(frame, 0.5)", id="fit"), code("plot()", id="plot")])


@pytest.fixture
def two(project: Project) -> Project:
    """A Git repository, no project of ours, with two versions of a notebook committed."""
    project.write("sub/a.ipynb", OLD)
    project.write("same.ipynb", OLD)
    project.write("code.py", "1")
    project.commit("Old")
    project.write("sub/a.ipynb", NEW)
    project.write("code.py", "2")
    project.commit("New")
    return project


def compare(project: Project, *words: str, folder: str = "") -> NotebookDiffResult:
    named: dict[str, Any] = dict(zip(("old", "new"), words, strict=False))
    return notebook_diff(open_here(project.root / folder), **named, notebooks=words[2:])


def paths(result: NotebookDiffResult) -> list[str]:
    return [one.path for one in result.notebooks]


def test_between_two_revisions(two: Project) -> None:
    result = compare(two, "HEAD~1", "HEAD")
    assert (result.old, result.new) == (two.git("rev-parse", "HEAD~1").strip(), two.head())
    (one,) = result.notebooks
    assert (one.path, one.change, one.problem, one.fields) == ("sub/a.ipynb", "edited", None, ())
    assert [(cell.change, cell.id) for cell in one.cells] == [("edited", "fit"), ("added", "plot")]


def test_head_and_the_working_tree_are_compared_by_themselves(two: Project) -> None:
    assert compare(two).notebooks == ()
    two.write("same.ipynb", NEW)
    assert paths(compare(two)) == ["same.ipynb"]
    assert paths(compare(two, "HEAD~1")) == ["same.ipynb", "sub/a.ipynb"]
    (two.root / "same.ipynb").unlink()
    assert compare(two).notebooks[0].change == "removed"


def test_a_run_is_no_change(two: Project) -> None:
    cells = [cell | {"outputs": [], "execution_count": 7} for cell in (LOAD, FIT)]
    two.write("same.ipynb", notebook_bytes(cells, widgets={"state": 1}))
    assert compare(two).notebooks == ()


def test_what_git_does_not_take_is_no_change(two: Project) -> None:
    clean = "nbstripout --drop-tagged-cells scratch --extra-keys cell.metadata.mine"
    two.git("config", "filter.nbstripout.clean", clean)
    scratch = code("scratch()", id="scratch", metadata={"tags": ["scratch"]})
    two.write("same.ipynb", notebook_bytes([LOAD, scratch, FIT | {"metadata": {"mine": 1}}]))
    assert compare(two).notebooks == ()


def test_before_the_first_commit_all_is_new(tmp_path: Any) -> None:
    project = make_project(tmp_path / "unborn")
    project.write("a.ipynb", OLD)
    project.git("add", ".")
    result = compare(project)
    assert (result.old, result.notebooks[0].change) == (None, "added")


def test_words_in_the_place_of_revisions_may_be_notebooks_and_folders(two: Project) -> None:
    assert paths(compare(two, "sub/a.ipynb")) == []
    assert paths(compare(two, "HEAD~1", "sub/a.ipynb")) == ["sub/a.ipynb"]
    assert paths(compare(two, "HEAD~1", "same.ipynb")) == []
    assert paths(compare(two, "HEAD~1", "HEAD", "sub")) == ["sub/a.ipynb"]
    assert paths(compare(two, "HEAD~1", "./", folder="sub")) == ["sub/a.ipynb"]
    assert paths(compare(two, "HEAD~1", "../", folder="sub")) == ["sub/a.ipynb"]
    assert paths(compare(two, "HEAD~1", "a.ipynb", folder="sub")) == ["sub/a.ipynb"]


def test_a_notebook_that_git_does_not_track_is_new_when_it_is_named(two: Project) -> None:
    two.write("sub/own.ipynb", OLD)
    assert compare(two).notebooks == ()
    for word in ("sub/own.ipynb", "sub/"):
        assert [(one.path, one.change) for one in compare(two, word).notebooks] == [
            ("sub/own.ipynb", "added")
        ]


def test_a_renamed_notebook_is_one_notebook(two: Project) -> None:
    two.git("mv", "sub/a.ipynb", "b.ipynb")
    two.commit("Rename")
    (one,) = compare(two, "HEAD~1", "HEAD").notebooks
    assert (one.path, one.old_path, one.change, one.cells) == (
        *("b.ipynb", "sub/a.ipynb", "edited"),
        (),
    )
    assert "sub/a.ipynb → b.ipynb: renamed" in render_text(
        compare(two, "HEAD~1", "HEAD").describe()
    )


def test_what_is_nowhere_is_not_found(two: Project) -> None:
    with pytest.raises(NotFoundError, match="no revision"):
        compare(two, "HEAD", "nothing")
    with pytest.raises(NotFoundError, match=r"nothing\.ipynb"):
        compare(two, "HEAD", "nothing.ipynb")
    with pytest.raises(UsageError):
        compare(two, "HEAD", "../outside.ipynb")


def test_what_is_no_notebook_is_named(two: Project) -> None:
    two.write("same.ipynb", "<<<<<<< ours\n")
    two.write("sub/a.ipynb", OLD)
    broken, other = compare(two).notebooks
    assert (broken.path, broken.problem, broken.cells) == ("same.ipynb", "is not JSON", ())
    assert other.cells != ()
    assert "same.ipynb is not JSON; git diff shows it as text." in render_text(
        compare(two).describe()
    )


def test_links_are_no_notebooks(two: Project) -> None:
    (two.root / "same.ipynb").unlink()
    (two.root / "same.ipynb").symlink_to("/etc/passwd")
    assert [(one.path, one.change) for one in compare(two).notebooks] == [("same.ipynb", "removed")]


def test_on_the_command_line_as_text_and_json(two: Project) -> None:
    printed = two.mlops("notebook", "diff", "HEAD~1", "HEAD")
    assert (printed.returncode, printed.stdout) == (
        0,
        "sub/a.ipynb: 1 cell edited, 1 added\n\n"
        "── edited · code cell 2 · fit\n-fit(frame, 0.1)\n+fit(frame, 0.5)\n\n"
        "── added · code cell 3 · plot\n+plot()\n",
    )
    encoded = json.loads(two.mlops("notebook", "diff", "HEAD~1", "--json").stdout)
    assert encoded["new"] is None
    assert encoded["notebooks"][0]["cells"][0]["hunks"] == [
        {
            "old_start": 1,
            "new_start": 1,
            "lines": [
                {"sign": "-", "text": "fit(frame, 0.1)", "marks": [[13, 14]]},
                {"sign": "+", "text": "fit(frame, 0.5)", "marks": [[13, 14]]},
            ],
        }
    ]


def test_nothing_of_a_notebook_reaches_a_page_but_as_text(two: Project) -> None:
    evil = "<script>alert(1)</script>\x1b[2J"
    two.write("sub/a.ipynb", notebook_bytes([code(evil, id=evil, metadata={evil: evil})]))
    html = render_html(compare(two).describe())
    assert "<script" not in html
    assert "\x1b" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J" in html


def test_what_is_shown_has_an_end(two: Project) -> None:
    two.write("sub/a.ipynb", notebook_bytes([code("x\n" * 9_000 + "y" * 90_000, id="long")]))
    result = compare(two)
    assert len(result.notebooks[0].cells[-1].hunks[0].lines) == 9_001
    text = render_text(result.describe())
    assert len(text.splitlines()) < 2_100
    assert "… and 7,004 more lines; git diff shows them all." in text
    two.write("sub/a.ipynb", notebook_bytes([code("y" * 90_000, id="long")]))
    assert len(render_text(compare(two).describe())) < 3_000


MAGIC = """
import io, sys
from IPython.testing.globalipapp import start_ipython
shell = start_ipython()
shell.run_line_magic("load_ext", "jupyter_mlops")
result = shell.run_line_magic("mlops", "notebook diff HEAD~1 HEAD")
bundle, _ = shell.display_formatter.format(result)
print(bundle["text/plain"])
print("HTML:", '<ins>+ fit(frame, 0.<mark>5</mark>)' in bundle["text/html"])
"""


def test_in_a_notebook_it_is_html_and_in_a_terminal_text(two: Project) -> None:
    printed = two._run([sys.executable, "-c", MAGIC], env=None, check=True).stdout
    assert "── edited · code cell 2 · fit\n-fit(frame, 0.1)\n" in printed
    assert "HTML: True" in printed
