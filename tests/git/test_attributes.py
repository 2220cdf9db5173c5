from __future__ import annotations

import pytest

from jupyter_mlops.git.attributes import add_lines, read_attributes, read_missing_lines
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project

NOTEBOOKS = "*.ipynb filter=mlops-notebook diff=mlops-notebook merge=mlops-notebook text eol=lf"
POINTERS = "*.mlops merge=mlops-pointer text eol=lf"


def test_a_project_without_attributes_lacks_both_lines(project: Project) -> None:
    repo = open_repository(project.root)
    lines = read_missing_lines(repo)
    assert lines == (NOTEBOOKS, POINTERS)
    project.write(".gitattributes", add_lines("", lines))
    assert read_missing_lines(repo) == ()


@pytest.mark.parametrize(
    "text",
    [
        "*.ipynb filter=nbstripout\n*.ipynb diff=ipynb\n",
        "* text=auto eol=crlf\n",
        f"{NOTEBOOKS}\n{POINTERS}\n*.ipynb filter=nbstripout\n",
        "*.ipynb -filter",
        "*.ipynb !filter !eol\r\n",
    ],
)
def test_lines_at_the_end_win_over_others(project: Project, text: str) -> None:
    repo = open_repository(project.root)
    project.write(".gitattributes", text)
    lines = read_missing_lines(repo)
    assert NOTEBOOKS in lines
    added = add_lines(text, lines)
    project.write(".gitattributes", added)
    assert read_missing_lines(repo) == ()
    assert add_lines(added, lines) == added


def test_a_users_own_line_is_enough(project: Project) -> None:
    own = "*.ipynb filter=mlops-notebook diff=ipynb merge=mine\n"
    project.write(".gitattributes", f"* eol=lf\n{own}*.mlops merge=mlops-pointer\n")
    assert read_missing_lines(open_repository(project.root)) == ()


@pytest.mark.parametrize("first", ["", "*.ipynb filter=mlops-notebook text eol=lf\n"])
def test_drivers_that_somebody_chose_stay_in_effect(project: Project, first: str) -> None:
    repo = open_repository(project.root)
    text = f"{first}*.ipynb diff=jupyternotebook merge=jupyternotebook\n"
    project.write(".gitattributes", text)
    lines = read_missing_lines(repo)
    project.write(".gitattributes", add_lines(text, lines))
    assert read_missing_lines(repo) == ()
    found = read_attributes(repo, ["a.ipynb", "a.mlops"], ("filter", "diff", "merge"))
    chosen = dict.fromkeys(("diff", "merge"), "jupyternotebook")
    assert found["a.ipynb"] == {"filter": "mlops-notebook"} | chosen
    assert found["a.mlops"] == {"merge": "mlops-pointer"}


@pytest.mark.parametrize("own", ["merge=mlops-notebook", "diff=mlops-notebook"])
def test_notebooks_that_git_would_show_or_merge_as_json_lack_their_line(
    project: Project, own: str
) -> None:
    repo = open_repository(project.root)
    project.write(
        ".gitattributes", f"*.ipynb filter=mlops-notebook {own} text eol=lf\n{POINTERS}\n"
    )
    assert read_missing_lines(repo) == (NOTEBOOKS,)


def test_pointers_that_git_would_merge_by_itself_lack_their_line(project: Project) -> None:
    repo = open_repository(project.root)
    project.write(".gitattributes", f"{NOTEBOOKS}\n*.mlops text eol=lf\n")
    assert read_missing_lines(repo) == (POINTERS,)


def test_a_rule_in_info_is_in_the_way(project: Project) -> None:
    project.write(".gitattributes", add_lines("", (NOTEBOOKS, POINTERS)))
    project.write(".git/info/attributes", "*.ipynb filter=nbstripout\n")
    repo = open_repository(project.root)
    assert read_missing_lines(repo) == (NOTEBOOKS,)
    found = read_attributes(repo, ["ä b.ipynb", "a.txt"], ("filter", "eol"))
    assert found == {"ä b.ipynb": {"filter": "nbstripout", "eol": "lf"}, "a.txt": {}}


def test_other_lines_keep_their_bytes() -> None:
    assert add_lines("a text", ("x",)) == "a text\nx\n"
    assert add_lines("a text\r\n", ("x", "y")) == "a text\r\nx\r\ny\r\n"
    assert add_lines("x\n# x\nb\n", ("x",)) == "# x\nb\nx\n"
