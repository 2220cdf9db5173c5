from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.process import split_nul
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.staging import Staged, stage_paths
from tests.git.names import HARD_NAMES
from tests.support.project import Project, make_project


def staged_names(project: Project) -> list[str]:
    return split_nul(
        os.fsencode(project.git("diff", "--cached", "--name-status", "--no-renames", "-z"))
    )


def never(seconds: float) -> None:
    """Stand in for waiting that takes no time."""


def test_files_of_any_name_are_staged_also_ignored_ones(project: Project, repo: Repository) -> None:
    project.write(".gitignore", "*\n")
    for name in HARD_NAMES:
        project.write(name, name.encode("utf-8", "surrogateescape"))
    assert stage_paths(repo, HARD_NAMES) == Staged(done=True)
    assert sorted(staged_names(project)[1::2]) == sorted(HARD_NAMES)


def test_what_else_is_staged_stays_staged(project: Project, repo: Repository) -> None:
    project.write("other", "staged")
    project.git("add", "other")
    project.write("other", "and edited since")
    project.write("mine", "x")
    stage_paths(repo, ["mine"])
    assert staged_names(project) == ["A", "mine", "A", "other"]
    assert project.git("show", ":other") == "staged"
    assert project.git("diff", "--name-only").split() == ["other"]


def test_paths_are_taken_out_and_stay_on_disk(project: Project, repo: Repository) -> None:
    project.write("gone", "x")
    project.write("folder/file", "x")
    project.commit("Files")
    project.write("new", "x")
    stage_paths(repo, ["new"], remove=["gone", "folder", "never there"])
    assert staged_names(project) == ["D", "folder/file", "D", "gone", "A", "new"]
    assert project.read("gone") == b"x"


def test_a_path_staged_and_edited_is_taken_out_too(project: Project, repo: Repository) -> None:
    project.write("file", "staged")
    project.git("add", "file")
    project.write("file", "edited")
    stage_paths(repo, [], remove=["file"])
    assert staged_names(project) == []


def test_a_missing_path_stages_nothing(project: Project, repo: Repository) -> None:
    project.write("there", "x")
    with pytest.raises(UnavailableError, match="missing"):
        stage_paths(repo, ["there", "missing"])
    assert staged_names(project) == []
    assert not (repo.git_dir / "index.lock").exists()


def test_before_the_first_commit_there_need_be_no_index(tmp_path: Path) -> None:
    project = make_project(tmp_path / "unborn")
    repo = open_repository(project.root)
    assert stage_paths(repo, [], remove=["x"]) == Staged(done=True)
    project.write("file", "x")
    assert stage_paths(repo, ["file"]) == Staged(done=True)
    assert project.git("ls-files").split() == ["file"]


def test_in_a_linked_worktree_its_own_index_is_written(project: Project, repo: Repository) -> None:
    project.git("worktree", "add", "--quiet", "../linked")
    linked = Project(project.root.parent / "linked")
    linked.write("file", "x")
    stage_paths(open_repository(linked.root), ["file"])
    assert staged_names(linked) == ["A", "file"]
    assert staged_names(project) == []


def test_filters_are_applied(project: Project, repo: Repository) -> None:
    project.git("config", "filter.upper.clean", "tr a-z A-Z")
    project.write(".gitattributes", "*.up filter=upper\n")
    project.write("a.up", "shout")
    stage_paths(repo, ["a.up"])
    assert project.git("show", ":a.up") == "SHOUT"
    assert project.read("a.up") == b"shout"


def test_a_split_index_stays_one(project: Project, repo: Repository) -> None:
    for number in range(20):
        project.write(f"f{number}", "x")
    project.git("add", "--all")
    project.git("config", "core.splitIndex", "true")
    project.git("update-index", "--split-index")
    project.write("mine", "x")
    stage_paths(repo, ["mine"])
    assert len(project.git("ls-files").split()) == 22
    assert project.git("fsck", "--no-dangling") == ""
    assert list(repo.git_dir.glob("sharedindex.*"))


def test_a_sparse_checkout_keeps_what_it_leaves_out(project: Project, repo: Repository) -> None:
    project.write("in/file", "x")
    project.write("out/file", "x")
    project.commit("Files")
    project.git("sparse-checkout", "set", "--sparse-index", "in")
    project.write("out/data.mlops", "pointer")
    stage_paths(repo, ["out/data.mlops"])
    assert staged_names(project) == ["A", "out/data.mlops"]
    assert not (project.root / "out/file").exists()


def test_an_intention_to_add_stays_one(project: Project, repo: Repository) -> None:
    project.write("intended", "x")
    project.git("add", "--intent-to-add", "intended")
    project.write("mine", "x")
    stage_paths(repo, ["mine"])
    assert staged_names(project) == ["A", "mine"]
    assert "intended" in project.git("ls-files")


def test_conflicts_of_other_files_stay(project: Project, repo: Repository) -> None:
    project.write("file", "base\n")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("file", "side\n")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("file", "main\n")
    project.commit("Main")
    project.git("merge", "side", check=False)
    project.write("mine", "x")
    stage_paths(repo, ["mine"])
    assert len(project.git("ls-files", "--unmerged").splitlines()) == 3
    assert "mine" in project.git("diff", "--cached", "--name-only")


def test_a_foreign_lock_ends_in_the_command_to_type(project: Project, repo: Repository) -> None:
    project.write("a file", "x")
    project.write("-b", "x")
    (repo.git_dir / "index.lock").touch()
    staged = stage_paths(repo, ["a file", "-b"], remove=["README.md"], sleep=never)
    assert staged == Staged(
        done=False,
        hint="git rm --cached -r -- README.md && git add -f -- 'a file' -b",
    )
    assert staged_names(project) == []
    (repo.git_dir / "index.lock").unlink()
    assert stage_paths(repo, ["a file"], sleep=never).done


def test_variables_of_a_hook_do_not_redirect_it(project: Project, repo: Repository) -> None:
    project.write("file", "x")
    os.environ["GIT_INDEX_FILE"] = str(repo.git_dir / "next-index-1.lock")
    try:
        stage_paths(repo, ["file"])
    finally:
        del os.environ["GIT_INDEX_FILE"]
    assert staged_names(project) == ["A", "file"]


def test_files_staged_in_the_same_moment_are_not_taken_for_unchanged(
    project: Project, repo: Repository
) -> None:
    project.git("config", "core.trustCtime", "false")
    moment = (10**18, 10**18)
    os.utime(project.write("raced", "aaaa"), ns=moment)
    project.git("add", "raced")
    os.utime(project.write("raced", "bbbb"), ns=moment)
    os.utime(repo.git_dir / "index", ns=moment)
    project.write("mine", "x")
    stage_paths(repo, ["mine"])
    assert project.git("diff", "--name-only").split() == ["raced"]


def test_many_at_once_all_succeed(project: Project, repo: Repository) -> None:
    names = [f"file {number}" for number in range(12)]
    for name in names:
        project.write(name, name)
    with ThreadPoolExecutor(4) as pool:
        staged = list(pool.map(lambda name: stage_paths(repo, [name]), names))
    assert staged == [Staged(done=True)] * 12
    assert sorted(staged_names(project)[1::2]) == sorted(names)


def test_nothing_asked_is_nothing_done(repo: Repository) -> None:
    before = (repo.git_dir / "index").read_bytes()
    assert stage_paths(repo, []) == Staged(done=True)
    assert (repo.git_dir / "index").read_bytes() == before
    assert not repo.state_dir.exists()
