from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.hook_scripts import (
    FORWARDED_NAMES,
    HOOK_NAMES,
    REFUSED_STATUS,
    format_forwarder,
    format_hook,
)
from jupyter_mlops.git.hooks import apply_hooks, read_hook_plan
from jupyter_mlops.git.repository import open_repository
from tests.support.project import Project, make_project

ALL = {*HOOK_NAMES, *FORWARDED_NAMES}


class Hooked:
    """A project with our hooks and a launcher that only notes how it was called."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.repo = open_repository(project.root)
        self.log = self.repo.common_dir / "calls"
        self.refuses = False
        launcher = self.repo.store_dir / "launcher"
        launcher.parent.mkdir(exist_ok=True)
        launcher.write_text(f'echo "$*" >>"{self.log}"\n[ ! -f "{self.log}.refuse" ] || exit 4\n')

    def init(self) -> None:
        apply_hooks(self.repo, read_hook_plan(self.repo))

    def calls(self) -> list[str]:
        """Return the hooks that started Python since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [line.split()[1] for line in lines]

    def refuse(self) -> None:
        Path(f"{self.log}.refuse").touch()

    def foreign(self, name: str, body: str, folder: Path | None = None) -> Path:
        """Write another program's hook, which notes that it ran."""
        target = (folder or self.repo.common_dir / "hooks") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"#!/bin/sh\necho {name} >>'{self.log}.foreign'\n{body}\n")
        target.chmod(0o755)
        return target

    def foreign_calls(self) -> list[str]:
        log = Path(f"{self.log}.foreign")
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def hooked(project: Project) -> Hooked:
    return Hooked(project)


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_scripts_are_valid_shell(name: str, shell: str) -> None:
    for script in (format_hook(name), format_forwarder(name)):
        try:
            subprocess.run([shell, "-n"], input=script, check=True)
        except FileNotFoundError:
            pytest.skip(f"no {shell} here")


def test_hooks_stand_once_and_then_nothing_is_left_to_do(hooked: Hooked) -> None:
    hooked.init()
    assert read_hook_plan(hooked.repo).is_empty()
    folder = hooked.repo.common_dir / "hooks"
    assert all(os.access(folder / name, os.X_OK) for name in HOOK_NAMES)
    (folder / "post-merge").chmod(0o644)
    assert list(read_hook_plan(hooked.repo).scripts) == ["post-merge"]
    (folder / "post-merge").write_bytes(format_hook("post-merge") + b"# older\n")
    hooked.init()
    assert (folder / "post-merge").read_bytes() == format_hook("post-merge")
    assert not (folder / "post-merge.before-mlops").exists()


def test_python_is_started_only_when_a_pointer_differs(hooked: Hooked) -> None:
    hooked.init()
    git, project = hooked.project.git, hooked.project
    project.write("code.py", "1\n")
    project.commit("Code")
    git("switch", "-q", "-c", "topic")
    project.write("code.py", "2\n")
    git("commit", "-q", "-a", "-m", "More code")
    git("switch", "-q", "main")
    git("merge", "-q", "topic")
    git("checkout", "-q", "HEAD~1", "--", "code.py")
    git("stash", "-q")
    git("stash", "drop", "-q")
    assert hooked.calls() == []
    git("switch", "-q", "topic")
    project.write("data/a.csv.mlops", "a\n")
    project.commit("Data")
    assert hooked.calls() == ["pre-commit"]
    git("switch", "-q", "main")
    assert hooked.calls() == ["post-checkout"]
    git("merge", "-q", "topic")
    assert hooked.calls() == ["post-merge"]
    git("checkout", "-q", "HEAD~1")
    git("switch", "-q", "main")
    assert hooked.calls() == ["post-checkout", "post-checkout"]


def test_single_files_that_move_a_pointer_are_seen(hooked: Hooked) -> None:
    hooked.init()
    project = hooked.project
    for text in ("1\n", "2\n"):
        project.write("a.mlops", text)
        project.commit(text)
    hooked.calls()
    project.git("checkout", "-q", "HEAD~1", "--", "a.mlops")
    assert hooked.calls() == ["post-checkout"]


def test_a_conflicted_merge_is_followed_after_its_commit(hooked: Hooked) -> None:
    project = hooked.project
    project.write("code.py", "1\n")
    project.commit("Code")
    project.git("switch", "-q", "-c", "topic")
    project.write("code.py", "topic\n")
    project.write("a.mlops", "a\n")
    project.commit("Topic")
    project.git("switch", "-q", "main")
    project.write("code.py", "main\n")
    project.commit("Main")
    hooked.init()
    project.git("merge", "-q", "topic", check=False)
    project.write("code.py", "both\n")
    hooked.refuse()  # pre-commit would, were it asked during a merge
    project.git("commit", "-q", "-a", "-m", "Merge")
    assert hooked.calls() == ["post-commit"]


def test_cherry_picks_and_reverts_are_followed(hooked: Hooked) -> None:
    project = hooked.project
    project.git("switch", "-q", "-c", "topic")
    project.write("a.mlops", "a\n")
    picked = project.commit("Topic")
    project.git("switch", "-q", "main")
    hooked.init()
    hooked.refuse()
    project.git("cherry-pick", picked)
    assert hooked.calls() == ["post-commit"]
    project.git("revert", "--no-edit", "HEAD")
    assert hooked.calls() == ["post-commit"]


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_is_followed_once_at_its_end(hooked: Hooked, backend: str) -> None:
    project = hooked.project
    project.git("switch", "-q", "-c", "topic")
    for number in range(3):
        project.write(f"{number}.mlops", "a\n")
        project.commit(f"Topic {number}")
    project.git("switch", "-q", "main")
    project.write("main.mlops", "a\n")
    project.commit("Main")
    project.git("switch", "-q", "topic")
    hooked.init()
    hooked.refuse()
    project.git("rebase", "-q", backend, "main")
    assert hooked.calls() == ["post-rewrite"]
    project.git("switch", "-q", "-c", "late", "main~1")
    hooked.calls()
    project.git("rebase", "-q", backend, "topic")
    assert hooked.calls() == ["post-checkout"]  # a fast-forward rewrites no commit


def test_a_bisect_is_not_followed(hooked: Hooked) -> None:
    project = hooked.project
    for number in range(8):
        project.write("a.mlops", f"{number}\n")
        project.commit(str(number))
    hooked.init()
    project.git("bisect", "start", "HEAD", "HEAD~7")
    project.git("bisect", "good")
    assert hooked.calls() == []
    project.git("bisect", "reset")


def test_a_new_worktree_is_followed(hooked: Hooked, tmp_path: Path) -> None:
    project = hooked.project
    project.write("data/a.mlops", "a\n")
    project.commit("Data")
    hooked.init()
    other = project.worktree(tmp_path / "linked", "HEAD")
    assert hooked.calls() == ["post-checkout"]
    other.git("commit", "-q", "--allow-empty", "-m", "There")
    assert hooked.calls() == ["pre-commit"]


def test_only_a_refusal_keeps_a_commit_from_being_made(hooked: Hooked) -> None:
    assert REFUSED_STATUS == 4
    hooked.init()
    project = hooked.project
    project.write("a.mlops", "a\n")
    launcher = hooked.repo.store_dir / "launcher"
    noted = launcher.read_text()
    for body in ("exit 70", "exit 69", "exit 1", "kill -9 $$"):
        launcher.write_text(body)
        project.commit(body)
    launcher.unlink()
    project.commit("No launcher")
    launcher.write_text(noted)
    hooked.refuse()
    before = project.head()
    project.git("add", "a.mlops")
    project.git("commit", "-q", "--allow-empty", "-m", "Refused", check=False)
    assert project.head() == before
    project.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "Not asked")
    project.git("commit", "-q", "--allow-empty", "-m", "Ours", env={"MLOPS_HOOKS_OFF": "1"})


def test_commits_of_all_and_of_some_files_go_through(hooked: Hooked) -> None:
    hooked.init()
    project = hooked.project
    for name in ("a.py", "b.py", "c.mlops"):
        project.write(name, "1\n")
    project.commit("Files")
    for name in ("a.py", "b.py", "c.mlops"):
        project.write(name, "2\n")
    project.git("commit", "-q", "-m", "Some", "--", "a.py")
    assert project.git("show", "--name-only", "--format=", "HEAD").split() == ["a.py"]
    project.git("commit", "-q", "-a", "-m", "All")
    assert project.git("status", "--porcelain") == ""
    project.git("commit", "-q", "--amend", "-m", "Amended")
    assert set(hooked.calls()) == {"pre-commit"}


def test_a_big_file_starts_python_where_no_pointer_does(hooked: Hooked) -> None:
    hooked.init()
    project = hooked.project
    project.write("small.bin", b"\0" * 1000)
    project.commit("Small")
    assert hooked.calls() == []
    project.write("big file.bin", b"\0" * 2_000_000)
    project.commit("Big")
    assert hooked.calls() == ["pre-commit"]
    project.write("small.bin", b"\0" * 1001)
    project.commit("Small again")
    assert hooked.calls() == []


def test_the_first_commit_goes_through(tmp_path: Path) -> None:
    hooked = Hooked(make_project(tmp_path / "new"))
    hooked.init()
    hooked.project.write("a.mlops", "a\n")
    hooked.project.commit("First")
    assert hooked.calls() == ["pre-commit"]


def test_hooks_found_run_first_with_arguments_and_input(hooked: Hooked, tmp_path: Path) -> None:
    got = tmp_path / "got"
    hooked.foreign("post-rewrite", f'echo "$*" >"{got}"; cat >>"{got}"')
    hooked.foreign("pre-commit", "exit 3")
    hooked.init()
    project = hooked.project
    project.git("commit", "-q", "--amend", "-m", "Refused", check=False)
    assert project.git("log", "-1", "--format=%s") == "First commit\n"
    assert hooked.foreign_calls() == ["pre-commit"]
    old = project.head()
    project.git("commit", "-q", "--amend", "--no-verify", "-m", "Amended")
    assert hooked.foreign_calls() == ["post-rewrite"]
    assert got.read_text().split() == ["amend", old, project.head()]


def test_a_hook_without_execute_bit_stays_silent(hooked: Hooked) -> None:
    hooked.foreign("pre-commit", "exit 1").chmod(0o644)
    hooked.init()
    hooked.project.commit("Goes through")
    assert hooked.foreign_calls() == []


PRE_COMMIT = """\
here="$(cd "$(dirname "$0")" && pwd)"
if [ -x "$here/pre-commit.legacy" ]; then "$here/pre-commit.legacy" "$@" || exit $?; fi
"""


def test_a_hook_is_kept_once_when_its_keeping_was_killed_half_way(hooked: Hooked) -> None:
    found = hooked.foreign("pre-commit", "exit 1")
    os.link(found, found.with_name("pre-commit.before-mlops"))
    hooked.init()
    assert (found.parent / "pre-commit").read_bytes() == format_hook("pre-commit")
    kept = sorted(path.name for path in found.parent.glob("pre-commit.before*"))
    assert kept == ["pre-commit.before-mlops"]
    assert read_hook_plan(hooked.repo).is_empty()


def test_pre_commit_that_came_before_runs_once(hooked: Hooked) -> None:
    hooked.foreign("pre-commit", PRE_COMMIT)
    hooked.init()
    hooked.init()
    hooked.project.write("a.mlops", "a\n")
    hooked.project.commit("Data")
    assert (hooked.foreign_calls(), hooked.calls()) == (["pre-commit"], ["pre-commit"])


def test_pre_commit_that_comes_after_runs_once(hooked: Hooked) -> None:
    hooked.foreign("pre-commit", "")
    hooked.init()
    ours = hooked.repo.common_dir / "hooks" / "pre-commit"
    ours.rename(ours.with_name("pre-commit.legacy"))
    hooked.foreign("pre-commit", PRE_COMMIT)
    hooked.init()
    hooked.project.write("a.mlops", "a\n")
    hooked.project.commit("Data")
    assert hooked.foreign_calls() == ["pre-commit", "pre-commit"]
    assert hooked.calls() == ["pre-commit"]


def test_a_circle_of_hooks_ends(hooked: Hooked) -> None:
    hooked.init()
    ours = hooked.repo.common_dir / "hooks" / "pre-commit"
    ours.rename(ours.with_name("saved"))
    hooked.foreign("pre-commit", 'exec "${0%/*}/saved"')
    hooked.init()
    hooked.project.write("a.mlops", "a\n")
    hooked.project.commit("Data")
    assert (hooked.foreign_calls(), hooked.calls()) == (["pre-commit"], ["pre-commit"])


def test_a_hook_put_over_ours_joins_the_one_kept_before(hooked: Hooked) -> None:
    hooked.foreign("post-checkout", "# first")
    hooked.init()
    hooked.foreign("post-checkout", "# second")
    hooked.init()
    hooked.project.git("checkout", "-q", "-b", "topic")
    assert hooked.foreign_calls() == ["post-checkout", "post-checkout"]
    assert read_hook_plan(hooked.repo).is_empty()


@pytest.mark.parametrize("relative", [True, False])
def test_hooks_of_another_folder_are_forwarded_to(
    hooked: Hooked, tmp_path: Path, relative: bool
) -> None:
    project = hooked.project
    folder = project.root / ".husky" / "_" if relative else tmp_path / "my hooks"
    value = ".husky/_" if relative else str(folder)
    for name in ("pre-commit", "commit-msg", "reference-transaction"):
        hooked.foreign(name, "", folder)
    project.git("config", "core.hooksPath", value)
    before = sorted(path.name for path in folder.iterdir())
    hooked.init()
    assert read_hook_plan(hooked.repo).is_empty()
    assert sorted(path.name for path in folder.iterdir()) == before
    assert read_setting(hooked.repo, "mlops.hooksPathBefore") == value
    project.write("a.mlops", "a\n")
    project.git("add", "a.mlops")
    hooked.foreign_calls()
    project.git("commit", "-q", "-m", "Data")
    assert [n for n in hooked.foreign_calls() if n != "reference-transaction"] == [
        "pre-commit",
        "commit-msg",
    ]
    assert hooked.calls() == ["pre-commit"]
    hooked.foreign("pre-merge-commit", "", folder)
    project.git("switch", "-q", "-c", "topic", "HEAD~1")
    project.git("commit", "-q", "--allow-empty", "-m", "Topic")
    hooked.foreign_calls()
    project.git("merge", "-q", "--no-edit", "main")
    assert "pre-merge-commit" in hooked.foreign_calls()


def test_a_folder_set_again_is_taken_over_again(hooked: Hooked) -> None:
    hooked.foreign("pre-commit", "", hooked.project.root / ".husky" / "_")
    for _ in range(2):
        hooked.project.git("config", "core.hooksPath", ".husky/_")
        hooked.init()
    hooked.project.commit("Twice")
    assert hooked.foreign_calls() == ["pre-commit"]


def test_a_linked_folder_of_hooks_is_not_written(hooked: Hooked) -> None:
    default = hooked.repo.common_dir / "hooks"
    shared = hooked.project.root / ".githooks"
    default.rename(shared)
    default.symlink_to(shared)
    hooked.foreign("pre-commit", "", shared)
    before = sorted(path.name for path in shared.iterdir())
    hooked.init()
    assert sorted(path.name for path in shared.iterdir()) == before
    hooked.project.commit("Linked")
    assert hooked.foreign_calls() == ["pre-commit"]


def test_a_folder_named_by_its_own_path_is_gits_own(hooked: Hooked) -> None:
    hooked.project.git("config", "core.hooksPath", ".git/hooks")
    hooked.init()
    assert (hooked.repo.common_dir / "hooks" / "pre-commit").exists()
    assert not (hooked.repo.store_dir / "hooks").exists()


def test_what_cannot_be_written_is_named(hooked: Hooked) -> None:
    folder = hooked.repo.common_dir / "hooks"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    folder.write_text("a file")
    with pytest.raises(UnavailableError) as caught:
        hooked.init()
    assert caught.value.code == "hooks-unwritable"
