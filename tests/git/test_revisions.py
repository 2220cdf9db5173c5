from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import (
    Head,
    find_commit,
    head,
    read_committed_at,
    shorten,
)
from tests.support.project import Project, make_project


def test_head_on_a_branch(project: Project, repo: Repository) -> None:
    assert head(repo) == Head(project.head(), "main")


def test_head_before_the_first_commit(tmp_path: Path) -> None:
    repo = open_repository(make_project(tmp_path / "unborn").root)
    assert head(repo) == Head(None, "main")


def test_head_that_is_detached(project: Project, repo: Repository) -> None:
    project.git("switch", "--quiet", "--detach")
    assert head(repo) == Head(project.head(), None)


def test_head_of_a_linked_worktree_is_its_own(project: Project) -> None:
    project.git("worktree", "add", "--quiet", "-b", "side/näme", "../linked")
    assert head(open_repository(project.root.parent / "linked")).branch == "side/näme"
    assert head(open_repository(project.root)).branch == "main"


def test_a_branch_may_have_a_name_that_looks_like_two_lines(
    project: Project, repo: Repository
) -> None:
    project.git("switch", "--quiet", "-c", "one\u2028two")
    assert head(repo).branch == "one\u2028two"


@pytest.mark.parametrize("detached", [False, True])
def test_a_branch_called_head_confuses_nothing(
    project: Project, repo: Repository, detached: bool
) -> None:
    project.write(".git/refs/heads/HEAD", f"{project.head()}\n")
    if detached:
        project.git("checkout", "--quiet", "--detach")
    assert head(repo) == Head(project.head(), None if detached else "main")


def test_a_file_called_head_confuses_nothing(project: Project, repo: Repository) -> None:
    project.write("HEAD", "x")
    assert head(repo).commit == project.head()


def make_conflict(project: Project) -> None:
    project.write("file", "base\n")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("file", "side\n")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("file", "main\n")
    project.commit("Main")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("merge", "side"), "merge"),
        (("rebase", "side"), "rebase"),
        (("rebase", "--apply", "side"), "rebase"),
        (("cherry-pick", "side"), "cherry-pick"),
        (("revert", "HEAD~1"), "revert"),
        (("bisect", "start"), "bisect"),
    ],
)
def test_head_tells_what_is_under_way(
    project: Project, repo: Repository, command: tuple[str, ...], expected: str
) -> None:
    make_conflict(project)
    project.git(*command, check=False, env={"GIT_EDITOR": "true"})
    assert head(repo).in_progress == expected


def test_every_way_to_name_a_commit(project: Project, repo: Repository) -> None:
    first = project.head()
    second = project.commit("Second thoughts")
    project.git("tag", "-a", "-m", "annotated", "v1")
    project.git("branch", "with/slash", first)
    names = ["HEAD", "@", "main", "v1", second, second[:8], "refs/heads/main", ":/Second", "@{0}"]
    assert {name: find_commit(repo, name) for name in names} == dict.fromkeys(names, second)
    assert find_commit(repo, "HEAD~1") == find_commit(repo, "with/slash") == first
    assert find_commit(repo, "HEAD^{/First}") == first


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "--all",
            "-n1",
            "--output=x",
            "nothing",
            "a\0b",
            "^main",
            "main..main",
            "HEAD~9",
        ),
        *("HEAD:README.md", "HEAD^{tree}", "0" * 40, "main main", "--end-of-options", "@{-1}"),
    ],
)
def test_what_names_no_commit_is_not_found(repo: Repository, text: str) -> None:
    assert find_commit(repo, text) is None


def test_commits_of_a_sha256_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    commit = project.commit("First")
    repo = open_repository(project.root)
    assert len(commit) == 64
    assert find_commit(repo, commit[:10]) == commit == head(repo).commit


def test_the_short_form_names_the_same_commit(project: Project, repo: Repository) -> None:
    short = shorten(repo, project.head())
    assert len(short) < 40
    assert find_commit(repo, short) == project.head()


def test_when_a_commit_was_made(project: Project, repo: Repository) -> None:
    project.git(
        "commit", "--allow-empty", "-m", "x", env={"GIT_COMMITTER_DATE": "@1000000000 +0200"}
    )
    commit = project.git("rev-parse", "HEAD").strip()
    assert read_committed_at(repo, commit) == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
