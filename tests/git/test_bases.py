"""Where a branch left the one that it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from jupyter_mlops.git.bases import Base, find_base, find_default_branch, list_sizes
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project


@pytest.fixture
def forked(tmp_path: Path) -> tuple[Project, str]:
    """A branch of two commits off main, which has gone on; and the commit both have."""
    made = make_project(tmp_path / "p")
    made.write("a", "1")
    made.commit("first")
    both = made.commit("both")
    made.git("switch", "--quiet", "-c", "topic")
    made.commit("mine")
    made.commit("mine again")
    made.git("switch", "--quiet", "main")
    made.commit("theirs")
    made.git("switch", "--quiet", "topic")
    return made, both


def base_of(
    project: Project, named: str | None = None, environ: Mapping[str, str] | None = None
) -> Base:
    return find_base(open_repository(project.root), project.head(), named, environ or {})


@pytest.mark.parametrize(
    ("named", "environ"),
    [
        ("main", {}),
        (None, {}),
        (None, {"GITHUB_BASE_REF": "main"}),
        (None, {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}),
        (None, {"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}),
        (None, {"BITBUCKET_PR_DESTINATION_BRANCH": "main"}),
        (None, {"CHANGE_TARGET": "main", "GITHUB_BASE_REF": ""}),
    ],
)
def test_the_base_is_where_the_branch_began(
    forked: tuple[Project, str], named: str | None, environ: dict[str, str]
) -> None:
    project, both = forked
    assert base_of(project, named, environ).commit == both


def test_gitlab_says_the_commit(forked: tuple[Project, str]) -> None:
    project, both = forked
    environ = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": both, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "x"}
    assert base_of(project, None, environ).commit == both


def test_what_origin_has_goes_before_a_branch_of_that_name(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    project, both = forked
    project.git("switch", "--quiet", "main")
    clone = project.clone(tmp_path / "clone")
    clone.git("switch", "--quiet", "topic")
    clone.git("branch", "--force", "main", "HEAD")  # stands elsewhere than origin's
    assert find_default_branch(open_repository(clone.root)) == "main"
    assert base_of(clone).commit == both


def test_on_the_main_branch_it_is_the_commit_before(forked: tuple[Project, str]) -> None:
    project, both = forked
    project.git("switch", "--quiet", "main")
    found = base_of(project)
    assert found.commit == both
    assert found.why == "the commit before, as this one is in branch main"


def test_there_is_nothing_before_the_first_commit(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    project.commit("first")
    found = base_of(project)
    assert (found.commit, found.is_none) == (None, True)


def test_a_clone_whose_history_is_cut_off_says_so(
    forked: tuple[Project, str], tmp_path: Path
) -> None:
    project, _ = forked
    url = f"file://{project.root}"
    project.git("clone", "--quiet", "--depth=1", "--no-single-branch", url, str(tmp_path / "c"))
    found = base_of(Project(tmp_path / "c"), "origin/main")
    assert (found.commit, found.is_none) == (None, False)
    assert "cut off" in found.why


@pytest.mark.parametrize("named", ["--output=x", "nowhere", "HEAD:a", "a\nb", "^main", "@{u}"])
def test_words_that_are_no_revision_are_none(forked: tuple[Project, str], named: str) -> None:
    assert base_of(forked[0], named).commit is None
    assert base_of(forked[0], None, {"GITHUB_BASE_REF": named}).commit is None


def test_sizes_of_what_the_index_has(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    assert list_sizes(open_repository(project.root)) == {}
    project.write("a", b"x" * 70_000)
    project.write("sub/two words", "")
    project.git("add", "--all")
    assert list_sizes(open_repository(project.root)) == {"a": 70_000, "sub/two words": 0}
