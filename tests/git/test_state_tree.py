from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.state_tree import LeftOut, StateTree, write_state_tree
from jupyter_mlops.git.trees import open_tree
from tests.git.names import HARD_NAMES
from tests.support.project import Project, make_project

LIMIT_BYTES = 1000


def write(
    repo: Repository,
    extra: Mapping[str, bytes] | None = None,
    *,
    file_limit_bytes: int = LIMIT_BYTES,
    untracked_limit_bytes: int = LIMIT_BYTES,
    leave_out: Callable[[str], str | None] = lambda path: None,
) -> StateTree:
    return write_state_tree(
        repo,
        extra=extra or {},
        file_limit_bytes=file_limit_bytes,
        untracked_limit_bytes=untracked_limit_bytes,
        leave_out=leave_out,
    )


def read(repo: Repository, state: StateTree) -> dict[str, bytes]:
    """Return every file and link of a state by its path."""
    tree = open_tree(repo, state.tree)
    return {path: tree.read(path) for path, entry in tree.entries.items() if entry.mode != "160000"}


def make_old(project: Project, path: str) -> None:
    """Give a file a time at which nobody can have changed it just now."""
    os.utime(project.root / path, ns=(10**18, 10**18))


def test_an_unchanged_tree_is_that_of_head(project: Project, repo: Repository) -> None:
    assert write(repo) == StateTree(project.git("rev-parse", "HEAD^{tree}").strip(), ())


def test_changed_new_deleted_and_staged_files_are_in_it(project: Project, repo: Repository) -> None:
    for name in ("changed", "deleted", "unstaged", "removed/file"):
        project.write(name, "old")
    project.write(".gitignore", "ignored\n")
    project.commit("Files")
    project.write("changed", "new")
    (project.root / "deleted").unlink()
    project.git("rm", "-r", "--quiet", "removed")
    project.git("rm", "--cached", "--quiet", "unstaged")
    project.write("staged", "staged")
    project.git("add", "staged")
    project.write("staged", "edited since")
    project.write("folder/new", "new")
    project.write("ignored", "x")
    assert read(repo, write(repo)) == {
        ".gitignore": b"ignored\n",
        "README.md": b"A project.\n",
        "changed": b"new",
        "folder/new": b"new",
        "staged": b"edited since",
        "unstaged": b"old",
    }


def test_nothing_of_the_users_moves(project: Project, repo: Repository) -> None:
    project.write("new", "x")
    project.write("README.md", "changed")
    project.write("staged", "x")
    project.git("add", "staged")
    index = (repo.git_dir / "index").read_bytes()
    status = project.git("status", "--porcelain", "--branch")
    refs = project.git("for-each-ref")
    write(repo, {"README.md": b"given"})
    assert (repo.git_dir / "index").read_bytes() == index
    assert project.git("status", "--porcelain", "--branch") == status
    assert project.git("for-each-ref") == refs
    assert project.read("README.md") == b"changed"


def test_nothing_temporary_is_left(project: Project, repo: Repository) -> None:
    project.write("new", "x")
    write(repo)
    assert [path.name for path in repo.state_dir.iterdir()] == ["dirty-files"]


def test_given_files_are_in_it_whatever_is_on_disk(project: Project, repo: Repository) -> None:
    project.write("a", "disk")
    project.write("b", bytes(2 * LIMIT_BYTES))
    state = write(repo, {"a": b"given", "b": b"\0\r\n", ".mlops/snapshot.json": b"{}", "c/d": b""})
    files = read(repo, state)
    assert state.left_out == ()
    assert (files["a"], files["b"], files["c/d"]) == (b"given", b"\0\r\n", b"")
    assert files[".mlops/snapshot.json"] == b"{}"
    assert open_tree(repo, state.tree).entries["a"].mode == "100644"


def test_given_files_are_not_filtered(project: Project, repo: Repository) -> None:
    project.write(".gitattributes", "* text=auto eol=crlf\n")
    assert read(repo, write(repo, {"x": b"a\r\nb\r\n"}))["x"] == b"a\r\nb\r\n"


def test_what_was_left_out_can_be_told_in_the_tree(project: Project, repo: Repository) -> None:
    project.write("big", bytes(2 * LIMIT_BYTES))
    project.write("told", "on disk")

    def describe(left_out: Sequence[LeftOut]) -> Mapping[str, bytes]:
        return {"told": ",".join(path for path, _ in left_out).encode()}

    state = write_state_tree(
        repo,
        extra={},
        file_limit_bytes=LIMIT_BYTES,
        untracked_limit_bytes=LIMIT_BYTES,
        describe=describe,
    )
    assert read(repo, state)["told"] == b"big"


def test_before_the_first_commit(tmp_path: Path) -> None:
    project = make_project(tmp_path / "unborn")
    repo = open_repository(project.root)
    assert read(repo, write(repo)) == {}
    project.write("new", "x")
    assert read(repo, write(repo)) == {"new": b"x"}


def test_names_of_all_kinds(project: Project, repo: Repository) -> None:
    for name in HARD_NAMES:
        project.write(name, "old")
    project.commit("Names")
    for name in HARD_NAMES:
        project.write(name, name.encode("utf-8", "surrogateescape"))
        project.write(f"new/{name}", "new")
    for _ in range(2):
        files = read(repo, write(repo))
        for name in HARD_NAMES:
            assert files[name] == name.encode("utf-8", "surrogateescape")
            assert files[f"new/{name}"] == b"new"
            make_old(project, name)


def test_modes_and_links_are_kept(project: Project, repo: Repository) -> None:
    project.write("script", "x")
    project.commit("Script")
    (project.root / "script").chmod(0o755)
    (project.root / "link").symlink_to("missing target")
    state = write(repo)
    entries = open_tree(repo, state.tree).entries
    assert entries["script"].mode == "100755"
    assert entries["link"].mode == "120000"
    assert read(repo, state)["link"] == b"missing target"


def test_files_and_folders_take_each_others_place(project: Project, repo: Repository) -> None:
    project.write("was_file", "x")
    project.write("was_folder/a", "x")
    project.write("was_linked/a", "x")
    project.commit("Before")
    (project.root / "was_file").unlink()
    project.write("was_file/inner", "inner")
    (project.root / "was_folder/a").unlink()
    (project.root / "was_folder").rmdir()
    project.write("was_folder", "a file")
    (project.root / "was_linked").rename(project.root / "moved")
    (project.root / "was_linked").symlink_to("moved")
    assert read(repo, write(repo)) == {
        "README.md": b"A project.\n",
        "moved/a": b"x",
        "was_file/inner": b"inner",
        "was_folder": b"a file",
        "was_linked": b"moved",
    }


def test_filters_run_on_what_goes_in(project: Project, repo: Repository) -> None:
    project.git("config", "filter.upper.clean", "tr a-z A-Z")
    project.write(".gitattributes", "*.up filter=upper\n")
    project.write("a.up", "shout")
    project.commit("Before")
    project.write("a.up", "louder")
    project.write("b.up", "new")
    files = read(repo, write(repo))
    assert (files["a.up"], files["b.up"]) == (b"LOUDER", b"NEW")


def test_a_filter_that_is_required_and_fails_is_told(project: Project, repo: Repository) -> None:
    project.git("config", "filter.broken.clean", "false")
    project.git("config", "filter.broken.required", "true")
    project.write(".gitattributes", "*.x filter=broken\n")
    project.write("a.x", "x")
    with pytest.raises(UnavailableError) as caught:
        write(repo)
    assert caught.value.code == "git-failed"
    assert list(repo.state_dir.glob("tmp-*")) == []


@pytest.fixture
def counted(project: Project, repo: Repository) -> Callable[[], int]:
    """A project whose ``*.nb`` files go through a filter, and how often that has been run."""
    count = repo.git_dir / "count"
    project.git("config", "filter.counted.clean", f"echo x >> '{count}'; tr a-z A-Z")
    project.write(".gitattributes", "*.nb filter=counted\n")
    project.write("a.nb", "first")
    make_old(project, "a.nb")
    project.commit("Notebook")
    project.write("a.nb", "second, longer")
    count.unlink()
    return lambda: len(count.read_text().splitlines()) if count.exists() else 0


def write_later(repo: Repository, seconds: int) -> StateTree:
    """Write the state as it would be written some seconds from now."""
    return write_state_tree(
        repo,
        extra={},
        file_limit_bytes=LIMIT_BYTES,
        untracked_limit_bytes=LIMIT_BYTES,
        now_ns=lambda: time.time_ns() + seconds * 1_000_000_000,
    )


def test_a_file_changed_just_now_is_filtered_again(
    repo: Repository, counted: Callable[[], int]
) -> None:
    write(repo)
    write(repo)
    assert counted() == 2


def test_a_settled_file_is_filtered_once(repo: Repository, counted: Callable[[], int]) -> None:
    states = [write_later(repo, seconds) for seconds in (10, 20, 30)]
    assert counted() == 1
    assert read(repo, states[-1])["a.nb"] == b"SECOND, LONGER"
    assert states == [states[0]] * 3


def test_a_blob_that_was_pruned_is_made_again(
    project: Project, repo: Repository, counted: Callable[[], int]
) -> None:
    first = write_later(repo, 10)
    project.git("prune", "--expire=now")
    second = write_later(repo, 20)
    assert second == first
    assert read(repo, second)["a.nb"] == b"SECOND, LONGER"
    assert counted() == 2


def test_rules_that_have_changed_are_applied(
    project: Project, repo: Repository, counted: Callable[[], int]
) -> None:
    assert read(repo, write(repo))["a.nb"] == b"SECOND, LONGER"
    project.write(".gitattributes", "")
    assert read(repo, write(repo))["a.nb"] == b"second, longer"
    project.git("config", "filter.counted.clean", "rev")
    project.write(".gitattributes", "*.nb filter=counted\n")
    assert read(repo, write(repo))["a.nb"] == b"regnol ,dnoces"


def test_a_damaged_cache_is_no_cache(
    project: Project, repo: Repository, counted: Callable[[], int]
) -> None:
    state = write(repo)
    for damage in (b"", b"\xc1", b"\x92\xa1x\x81\xa1y\x01"):
        (repo.state_dir / "dirty-files").write_bytes(damage)
        assert write(repo) == state


def test_conflicts_are_taken_as_they_stand_in_the_files(project: Project, repo: Repository) -> None:
    for name in ("both", "theirs_deleted", "ours_deleted"):
        project.write(name, "base\n")
    project.commit("Base")
    project.git("switch", "--quiet", "-c", "side")
    project.write("both", "side\n")
    project.write("ours_deleted", "side\n")
    project.git("rm", "--quiet", "theirs_deleted")
    project.commit("Side")
    project.git("switch", "--quiet", "main")
    project.write("both", "main\n")
    project.write("theirs_deleted", "main\n")
    project.git("rm", "--quiet", "ours_deleted")
    project.commit("Main")
    project.git("merge", "side", check=False)
    (project.root / "ours_deleted").unlink()
    files = read(repo, write(repo))
    assert files["both"].startswith(b"<<<<<<< HEAD\nmain\n")
    assert files["theirs_deleted"] == b"main\n"
    assert "ours_deleted" not in files
    assert project.git("ls-files", "--unmerged") != ""


def test_a_conflict_that_is_left_out_is_not_in_it_at_all(
    project: Project, repo: Repository
) -> None:
    for branch, line in (("side", "side\n"), ("main", "main\n")):
        project.git("switch", "--quiet", *(["-c"] if branch == "side" else []), branch)
        project.write("big", line * LIMIT_BYTES)
        project.commit(branch)
    project.git("merge", "side", check=False)
    state = write(repo)
    assert [path for path, _ in state.left_out] == ["big"]
    assert "big" not in read(repo, state)


def test_a_file_that_is_only_intended_is_in_it(project: Project, repo: Repository) -> None:
    project.write("intended", "content")
    project.git("add", "--intent-to-add", "intended")
    assert read(repo, write(repo))["intended"] == b"content"


def test_a_sparse_checkout_keeps_what_it_leaves_out(project: Project, repo: Repository) -> None:
    project.write("in/file", "x")
    project.write("out/file", "x")
    project.commit("Files")
    for option in ("--no-sparse-index", "--sparse-index"):
        project.git("sparse-checkout", "set", option, "in")
        project.write("in/file", "changed")
        files = read(repo, write(repo, {"out/extra": b"given"}))
        assert files["out/file"] == b"x"
        assert files["out/extra"] == b"given"
        assert files["in/file"] == b"changed"
        assert not (project.root / "out").exists()


def test_a_split_index_is_read_and_left_alone(project: Project, repo: Repository) -> None:
    project.write("file", "x")
    project.commit("File")
    project.git("config", "core.splitIndex", "true")
    project.git("update-index", "--split-index")
    shared = sorted(repo.git_dir.glob("sharedindex.*"))
    project.write("file", "changed")
    assert read(repo, write(repo))["file"] == b"changed"
    assert sorted(repo.git_dir.glob("sharedindex.*")) == shared


def test_a_submodule_stays_at_the_commit_of_the_index(project: Project, repo: Repository) -> None:
    inner = make_project(project.root.parent / "inner")
    commit = inner.commit("Inner")
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../inner", "sub"
    )
    project.commit("Submodule")
    Project(project.root / "sub").commit("Moved on")
    project.write("sub/dirty", "x")
    state = write(repo)
    assert open_tree(repo, state.tree).entries["sub"].oid == commit
    assert state.left_out == ()


def test_another_repository_inside_is_left_out(project: Project, repo: Repository) -> None:
    make_project(project.root / "nested").write("file", "x")
    make_project(project.root / "nested/deeper").commit("x")
    assert write(repo).left_out == (LeftOut("nested/", "it is another Git repository"),)


def test_files_over_the_limits_are_left_out_and_named(project: Project, repo: Repository) -> None:
    project.write("tracked", "old")
    project.commit("Tracked")
    project.write("tracked", bytes(LIMIT_BYTES + 1))
    project.write("a", bytes(600))
    project.write("b", bytes(600))
    project.write("c", bytes(400))
    project.write("d", bytes(LIMIT_BYTES + 1))
    state = write(repo)
    files = read(repo, state)
    assert [path for path, _ in state.left_out] == ["b", "d", "tracked"]
    assert files["tracked"] == b"old"
    assert set(files) == {"README.md", "a", "c", "tracked"}


def test_the_caller_may_leave_files_out(project: Project, repo: Repository) -> None:
    project.write("data/x", "x")
    project.write("code", "x")
    state = write(repo, leave_out=lambda path: "it is data" if path.startswith("data/") else None)
    assert state.left_out == (LeftOut("data/x", "it is data"),)
    assert "data/x" not in read(repo, state)


def test_in_a_linked_worktree_it_is_that_ones_state(project: Project, repo: Repository) -> None:
    project.git("worktree", "add", "--quiet", "../linked")
    linked = Project(project.root.parent / "linked")
    linked.write("only here", "x")
    state = write(open_repository(linked.root))
    assert "only here" in read(repo, state)
    assert "only here" not in read(repo, write(repo))


def test_in_a_sha256_repository(tmp_path: Path) -> None:
    project = make_project(tmp_path / "long", "--object-format=sha256")
    project.write("gone", "x")
    project.commit("First")
    (project.root / "gone").unlink()
    project.write("new", "x")
    repo = open_repository(project.root)
    state = write(repo, {"a": b"1", "b": b"2"})
    assert len(state.tree) == 64
    assert read(repo, state) == {"a": b"1", "b": b"2", "new": b"x"}


def test_variables_of_a_hook_do_not_redirect_it(project: Project, repo: Repository) -> None:
    hostile = {"GIT_INDEX_FILE": "nowhere", "GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/"}
    os.environ.update(hostile)
    try:
        state = write(repo)
    finally:
        for name in hostile:
            del os.environ[name]
    assert state.tree == project.git("rev-parse", "HEAD^{tree}").strip()


def test_a_file_changed_in_the_moment_it_was_staged_is_seen(
    project: Project, repo: Repository
) -> None:
    project.git("config", "core.trustCtime", "false")
    moment = (10**18, 10**18)
    os.utime(project.write("raced", "aaaa"), ns=moment)
    project.git("add", "raced")
    os.utime(project.write("raced", "bbbb"), ns=moment)
    os.utime(repo.git_dir / "index", ns=moment)
    assert read(repo, write(repo, {"given": b""}))["raced"] == b"bbbb"


def test_settings_of_status_do_not_matter(project: Project, repo: Repository) -> None:
    for setting, value in {
        "status.showUntrackedFiles": "no",
        "status.renames": "copies",
        "status.short": "true",
        "status.branch": "true",
        "core.quotePath": "true",
        "color.ui": "always",
    }.items():
        project.git("config", setting, value)
    project.git("mv", "README.md", "moved é")
    project.write("moved é", "A project!\n")
    project.write("new", "x")
    assert read(repo, write(repo)) == {"moved é": b"A project!\n", "new": b"x"}


def test_hooks_hear_nothing_of_it(project: Project, repo: Repository) -> None:
    heard = repo.git_dir / "heard"
    for hook in ("post-index-change", "pre-commit", "reference-transaction"):
        path = repo.git_dir / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {hook} >> '{heard}'\n")
        path.chmod(0o755)
    project.write("new", "x")
    write(repo)
    assert not heard.exists()
