"""Outputs in Git's version of a notebook, whatever the file on disk has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.exporters.conftest import RUN_IN_ORDER, STRIPPED, check, rules
from tests.support.project import Project

pytestmark = pytest.mark.usefixtures("git_starts_forks")


def test_outputs_that_were_committed_are_found(plain: Project) -> None:
    path = plain.write("my notebook.ipynb", RUN_IN_ORDER)
    plain.commit("with outputs")
    report = check(path)
    assert rules(report) == ["outputs-in-git"]
    (found,) = report["findings"]
    assert found["notebook"] == str(path)
    assert found["cell"] == {"index": 0, "id": "c1"}
    assert "in Git's index" in found["why"]


def test_what_is_stripped_in_git_may_have_outputs_on_disk(ours: Project) -> None:
    path = ours.write("a.ipynb", RUN_IN_ORDER)
    ours.commit("through the filter")
    assert b'execution_count": 1' in ours.read("a.ipynb")
    assert rules(check(path)) == []


def test_outputs_on_disk_are_fine_without_a_filter_too(plain: Project) -> None:
    path = plain.write("a.ipynb", STRIPPED)
    plain.commit("stripped")
    plain.write("a.ipynb", RUN_IN_ORDER)
    assert rules(check(path)) == []


def test_the_index_counts_before_the_file(plain: Project) -> None:
    path = plain.write("a.ipynb", RUN_IN_ORDER)
    plain.git("add", "a.ipynb")
    plain.write("a.ipynb", STRIPPED)
    assert rules(check(path)) == ["outputs-in-git"]


def test_head_counts_where_the_index_has_nothing(plain: Project) -> None:
    path = plain.write("a.ipynb", RUN_IN_ORDER)
    plain.commit("with outputs")
    plain.git("rm", "--cached", "--quiet", "a.ipynb")
    report = check(path)
    assert rules(report) == ["outputs-in-git"]
    assert "in HEAD" in report["findings"][0]["why"]


def test_an_untracked_notebook_is_judged_as_git_would_take_it(plain: Project) -> None:
    report = check(plain.write("a.ipynb", RUN_IN_ORDER))
    assert rules(report) == ["outputs-in-git"]
    assert "`git add`" in report["findings"][0]["why"]


def test_a_conflict_that_was_committed_is_found(plain: Project) -> None:
    path = plain.write("a.ipynb", STRIPPED)
    marked = json.loads(STRIPPED)
    marked["cells"][0]["source"] = "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs"
    plain.commit("resolved")
    assert rules(check(path)) == []
    plain.write("a.ipynb", json.dumps(marked))
    plain.commit("not resolved")
    assert rules(check(path)) == ["conflict-marks"]


def test_an_untracked_notebook_goes_through_the_filter(ours: Project) -> None:
    assert rules(check(ours.write("a.ipynb", RUN_IN_ORDER))) == []


def test_a_clone_without_the_filter_would_take_outputs_in(ours: Project, tmp_path: Path) -> None:
    clone = ours.clone(tmp_path / "clone")
    report = check(clone.write("a.ipynb", RUN_IN_ORDER))
    assert rules(report) == ["outputs-in-git"]
    assert report["findings"][0]["fix"] == "jupyter mlops init"


def test_an_ignored_notebook_does_not_go_into_git(plain: Project) -> None:
    plain.write(".gitignore", "*.ipynb\n")
    assert rules(check(plain.write("a.ipynb", RUN_IN_ORDER))) == []


def test_a_filter_of_someone_else_is_not_judged(plain: Project) -> None:
    plain.write(".gitattributes", "*.ipynb filter=theirs\n")
    assert rules(check(plain.write("a.ipynb", RUN_IN_ORDER))) == []


def test_before_the_first_commit(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "--quiet")
    assert rules(check(project.write("a.ipynb", RUN_IN_ORDER))) == ["outputs-in-git"]


def test_a_notebook_in_conflict_is_judged_by_head(plain: Project) -> None:
    path = plain.write("a.ipynb", STRIPPED)
    plain.commit("base")
    plain.git("switch", "--quiet", "-c", "other")
    plain.write("a.ipynb", STRIPPED.replace(b"a = 1", b"a = 2"))
    plain.commit("other")
    plain.git("switch", "--quiet", "main")
    plain.write("a.ipynb", STRIPPED.replace(b"a = 1", b"a = 3"))
    plain.commit("main")
    plain.git("merge", "other", check=False)
    assert rules(check(path)) == ["notebook-invalid"]


def test_a_link_is_followed_to_the_project_of_its_target(plain: Project, tmp_path: Path) -> None:
    path = plain.write("a.ipynb", RUN_IN_ORDER)
    plain.commit("with outputs")
    link = tmp_path / "link.ipynb"
    link.symlink_to(path)
    report = check(link)
    assert rules(report) == ["outputs-in-git"]


def test_outside_of_git_a_note_says_what_was_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(RUN_IN_ORDER)
    report = check(path)
    assert rules(report) == []
    (note,) = report["notes"]
    assert note.startswith("There is no Git repository here, so only the notebook's file was")


def test_without_mlops_toml_a_note_says_so_once(plain: Project) -> None:
    path = plain.write("a.ipynb", STRIPPED)
    report = check(path)
    assert rules(report) == []
    assert report["notes"] == [
        "There is no mlops.toml, so pointer files and gates were not looked at."
    ]


def test_a_repository_that_git_refuses_is_a_finding(plain: Project) -> None:
    path = plain.write("a.ipynb", STRIPPED)
    plain.write(".git/config", "[core\n")
    report = check(path)
    assert rules(report) == ["project-unreadable"]
