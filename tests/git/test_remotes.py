from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.remotes import (
    RefPush,
    choose_git_remote,
    fetch_objects,
    list_remote_refs,
    push_refs,
)
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project

_REF = "refs/mlops/snapshots/gaaaaaaaaaaa"


@pytest.fixture
def hub(tmp_path: Path) -> Project:
    return make_project(tmp_path / "hub.git", "--bare")


def test_the_remote_that_the_branch_follows_comes_first(project: Project, hub: Project) -> None:
    repo = open_repository(project.root)
    assert choose_git_remote(repo) is None
    project.git("remote", "add", "mine", str(hub.root))
    assert choose_git_remote(repo) == "mine"
    project.git("remote", "add", "team/hub", str(hub.root))
    assert choose_git_remote(repo) is None
    project.git("remote", "add", "origin", str(hub.root))
    assert choose_git_remote(repo) == "origin"
    project.git("push", "--quiet", "-u", "team/hub", "main")
    assert choose_git_remote(repo) == "team/hub"
    project.git("config", "branch.main.remote", ".")
    assert choose_git_remote(repo) == "origin"
    project.git("checkout", "--quiet", "--detach")
    assert choose_git_remote(repo) == "origin"


def test_a_reference_is_set_only_from_what_it_was(project: Project, hub: Project) -> None:
    repo = open_repository(project.root)
    project.git("remote", "add", "origin", str(hub.root))
    first = project.head()
    second = project.commit("Second")

    def push(new: str, old: str | None) -> str:
        return push_refs(repo, "origin", [RefPush(_REF, new, old)])[_REF].outcome

    assert push(second, None) == "done"
    assert push(second, None) == "done"
    assert push(first, None) == "moved"
    assert push(first, first) == "moved"
    assert push(first, second) == "done"
    assert list_remote_refs(repo, "origin", "refs/mlops/") == {_REF: first}
    assert project.git("for-each-ref", "refs/mlops", "refs/remotes") == ""


def test_no_credential_of_a_url_is_shown(project: Project) -> None:
    repo = open_repository(project.root)
    project.git("remote", "add", "origin", "http://ada:geheim@127.0.0.1:1/x.git")
    for ask in (
        lambda: list_remote_refs(repo, "origin", "refs/"),
        lambda: push_refs(repo, "origin", [RefPush(_REF, project.head(), None)]),
        lambda: fetch_objects(repo, "origin", [_REF]),
    ):
        with pytest.raises(UnavailableError) as caught:
            ask()
        assert caught.value.code == "git-remote-unreachable"
        assert "geheim" not in str(caught.value)
        assert "127.0.0.1" in str(caught.value)
