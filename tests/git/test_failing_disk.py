"""Git on a disk that refuses to take an object."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from itertools import count

import pytest

from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.git.refs import update_refs
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.staging import stage_paths
from jupyter_mlops.git.state_tree import write_state_tree
from tests.support.disks import make_read_only
from tests.support.project import Project
from tests.support.system_calls import Fault, can_watch, run_watched


def test_nothing_is_staged_that_git_could_not_keep(project: Project, repo: Repository) -> None:
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")

    def stage() -> None:
        try:
            stage_paths(repo, ["file"])
        except MlopsError:
            sys.exit(1)

    for number in count(1):
        project.write("file", f"content {number}")
        fault = Fault(number, "fail", errno.ENOSPC)
        done = run_watched(stage, calls=["mkdir"], fault=fault)
        project.git("fsck", "--strict")
        if done.hit is None:
            break
    assert number > 3


def test_no_state_is_written_of_which_git_could_not_keep_a_file(
    project: Project, repo: Repository
) -> None:
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")
    tree = project.root / ".git/tree"

    def keep() -> None:
        try:
            state = write_state_tree(
                repo, extra={}, file_limit_bytes=1000, untracked_limit_bytes=10_000
            )
        except MlopsError:
            sys.exit(1)
        tree.write_text(state.tree)

    for number in count(1):
        for name in "abcdef":
            project.write(name, f"{name} of {number}")
        tree.unlink(missing_ok=True)
        done = run_watched(keep, calls=["mkdir"], fault=Fault(number, "fail", errno.ENOSPC))
        if tree.exists():
            listed = project.git("ls-tree", "-r", tree.read_text()).splitlines()
            for line in listed:
                project.git("cat-file", "-e", line.split()[2])
        if done.hit is None:
            break
    assert number > 5


def test_a_time_that_cannot_be_given_to_an_index_is_told_or_passed_over(
    project: Project, repo: Repository
) -> None:
    if not can_watch():
        pytest.skip("not run: watching system calls needs Linux 5.9 or newer on x86-64 or ARM")

    def keep() -> None:
        with suppress(MlopsError):
            write_state_tree(repo, extra={}, file_limit_bytes=1000, untracked_limit_bytes=10_000)

    for number in count(1):
        project.write("file", f"content {number}")
        fault = Fault(number, "fail", errno.EPERM)
        done = run_watched(keep, calls=["utimensat"], fault=fault)
        assert done.status == 0, done.hit
        if done.hit is None:
            break
    assert number > 1


def test_a_reference_that_cannot_be_written_is_told(project: Project, repo: Repository) -> None:
    update_refs(repo, [("refs/mlops/one", project.head(), None)])
    with make_read_only(project.root), pytest.raises(UnavailableError):
        update_refs(repo, [("refs/mlops/one", None, project.head())])
    update_refs(repo, [("refs/mlops/one", None, project.head())])
