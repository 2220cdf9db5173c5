from __future__ import annotations

import os

import pytest

from jupyter_mlops.git.index_file import read_index_stat
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.worktree_files import changed_files, write_worktree_files
from tests.git.names import HARD_NAMES
from tests.support.project import Project


def test_what_differs_and_what_only_the_index_has(project: Project, repo: Repository) -> None:
    for name in ("same.py", "edited.py", "gone.py", "unstaged.py"):
        project.write(name, "old\n")
    commit = project.commit("old")
    project.write("edited.py", "new\n")
    project.write("unstaged.py", "new\n")
    project.git("rm", "--quiet", "gone.py")
    project.write("added.py", "new\n")
    project.git("add", "edited.py", "added.py")
    project.write("untracked.py", "new\n")
    assert changed_files(repo, commit) == (["edited.py", "gone.py", "unstaged.py"], ["added.py"])


@pytest.mark.parametrize("name", HARD_NAMES)
def test_any_name_is_written_as_the_commit_has_it(
    project: Project, repo: Repository, name: str
) -> None:
    project.write(name, "old\n")
    commit = project.commit("old")
    project.write(name, "new\n")
    project.commit("new")
    index = project.git("ls-files", "--stage", "-z")
    assert changed_files(repo, commit)[0] == [name]
    write_worktree_files(repo, commit, [name])
    assert project.read(name) == b"old\n"
    assert project.git("ls-files", "--stage", "-z") == index


def test_nothing_to_write(project: Project, repo: Repository) -> None:
    write_worktree_files(repo, project.head(), [])
    assert project.git("status", "--porcelain") == ""


def test_filters_run(project: Project, repo: Repository) -> None:
    project.write("a.txt", "low\n")
    commit = project.commit("low")
    project.git("config", "filter.up.smudge", "tr a-z A-Z")
    project.git("config", "filter.up.clean", "tr A-Z a-z")
    project.write(".git/info/attributes", "*.txt filter=up\n")
    project.write("a.txt", "other\n")
    write_worktree_files(repo, commit, ["a.txt"])
    assert project.read("a.txt") == b"LOW\n"


def test_git_does_not_touch_the_index(project: Project, repo: Repository) -> None:
    project.write("a.txt", "old\n")
    commit = project.commit("old")
    project.write("b.txt", "new\n")
    project.commit("new")
    os.utime(project.root / "a.txt", (0, 0))  # Git would note that it is as it was
    before = read_index_stat(repo)
    assert changed_files(repo, commit) == ([], ["b.txt"])
    write_worktree_files(repo, commit, ["a.txt"])
    assert read_index_stat(repo) == before


def test_a_lock_of_the_index_is_nobodys_concern(project: Project, repo: Repository) -> None:
    project.write("a.txt", "old\n")
    commit = project.commit("old")
    project.write("a.txt", "new\n")
    project.write(".git/index.lock", "")
    assert changed_files(repo, commit) == (["a.txt"], [])
    write_worktree_files(repo, commit, ["a.txt"])
    assert project.read("a.txt") == b"old\n"
