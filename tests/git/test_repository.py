from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.errors import NotFoundError, UnavailableError, UsageError
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project


def test_a_folder_beneath_the_root_opens_its_repository(project: Project) -> None:
    project.write("data/deep/file", "x")
    repo = open_repository(project.root / "data" / "deep")
    assert repo.root == project.root
    assert repo.git_dir == repo.common_dir == project.root / ".git"
    assert repo.state_dir == project.root / ".git" / "mlops-worktree"
    assert repo.store_dir == project.root / ".git" / "mlops"
    assert repo.version >= (2, 34, 0)


def test_a_repository_without_a_commit_opens(tmp_path: Path) -> None:
    project = make_project(tmp_path / "unborn")
    assert open_repository(project.root).root == project.root


def test_a_linked_worktree_shares_the_store_and_not_the_state(project: Project) -> None:
    project.git("worktree", "add", "--quiet", "-b", "side", "../linked tree")
    main = open_repository(project.root)
    linked = open_repository(project.root.parent / "linked tree")
    assert linked.root == project.root.parent / "linked tree"
    assert linked.store_dir == main.store_dir
    assert linked.state_dir != main.state_dir
    assert linked.git_dir == main.git_dir / "worktrees" / "linked-tree"


def test_a_submodule_is_a_repository_of_its_own(project: Project) -> None:
    inner = make_project(project.root.parent / "inner")
    inner.commit("Inner")
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "sub"
    )
    repo = open_repository(project.root / "sub")
    assert repo.root == project.root / "sub"
    assert repo.git_dir == repo.common_dir == project.root / ".git" / "modules" / "sub"


@pytest.mark.parametrize("name", ["with space", "数据", "new\nline", "-dash", "true\ntrue"])
def test_a_root_may_have_any_name(tmp_path: Path, name: str) -> None:
    project = make_project(tmp_path / name)
    repo = open_repository(project.root)
    assert repo.root == project.root
    assert repo.git_dir == project.root / ".git"


def test_a_repository_may_name_its_objects_by_sha256(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    repo = open_repository(project.root)
    assert repo.object_format == "sha256"
    assert repo.null_oid == "0" * 64


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_repository(tmp_path)
    assert caught.value.code == "not-a-git-project"
    assert "git init" in caught.value.hints


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        open_repository(tmp_path / "missing")
    assert caught.value.code == "folder-not-found"


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    bare = make_project(tmp_path / "bare", "--bare")
    with pytest.raises(NotFoundError) as caught:
        open_repository(bare.root)
    assert caught.value.code == "not-a-git-project"


def test_the_inside_of_the_git_folder_is_refused(project: Project) -> None:
    with pytest.raises(UsageError) as caught:
        open_repository(project.root / ".git" / "objects")
    assert caught.value.code == "inside-git-folder"


def test_what_git_itself_refuses_is_told_in_its_words(project: Project) -> None:
    (project.root / ".git" / "config").write_text("[core\n")
    with pytest.raises(UnavailableError) as caught:
        open_repository(project.root)
    assert caught.value.code == "git-failed"
    assert "config" in caught.value.message


def test_variables_of_a_hook_do_not_redirect_it(project: Project, tmp_path: Path) -> None:
    other = make_project(tmp_path / "other")
    hostile = {
        "GIT_DIR": str(other.root / ".git"),
        "GIT_WORK_TREE": str(other.root),
        "GIT_INDEX_FILE": "nowhere",
    }
    os.environ.update(hostile)
    try:
        repo = open_repository(project.root)
    finally:
        for name in hostile:
            del os.environ[name]
    assert repo.root == project.root
    assert repo.git_dir == project.root / ".git"
