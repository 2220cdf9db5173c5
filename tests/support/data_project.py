"""A project with data in it, and the commands as functions on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.commands.restore import RestoreResult, restore
from jupyter_mlops.commands.snapshot import SnapshotResult, snapshot
from jupyter_mlops.commands.status import status
from jupyter_mlops.commands.undo import UndoResult, undo
from jupyter_mlops.commands.workspace import Execution, Workspace, open_workspace
from jupyter_mlops.progress import Progress
from tests.support.project import IDENTITY, Project, make_project

STATE = ".git/mlops-worktree"
"""Where the main worktree keeps what is its own."""


@dataclass(frozen=True, slots=True)
class DataProject(Project):
    """A project whose commands run in this process, opened anew for each of them.

    Git is run without hooks, as many of its clients do it.
    """

    clock: Clock = field(default_factory=SystemClock)

    def git(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        input: str | None = None,
    ) -> str:
        """Run Git here, no hook of it, and return its standard output."""
        no_hooks = ("-c", f"core.hooksPath={os.devnull}")
        return super(DataProject, self).git(*no_hooks, *args, env=env, check=check, input=input)

    def open(self, cwd: str = "", progress: Progress | None = None) -> Workspace:
        """Open the project as a command typed in the folder ``cwd`` does."""
        execution = Execution(command=("test",))
        start = self.root / cwd
        return open_workspace(start, clock=self.clock, progress=progress, execution=execution)

    def snapshot(
        self,
        *paths: str,
        message: str | None = None,
        name: str | None = None,
        commit: bool = False,
        keep_mine: bool = False,
    ) -> SnapshotResult:
        """Take a snapshot."""
        return snapshot(
            self.open(), paths, message=message, name=name, commit=commit, keep_mine=keep_mine
        )

    def restore(
        self, *words: str, code: bool = False, outputs: bool = False, dry_run: bool = False
    ) -> RestoreResult:
        """Restore; the first of ``words`` is the revision."""
        revision, paths = (words[0], words[1:]) if words else (None, ())
        return restore(self.open(), revision, paths, code=code, outputs=outputs, dry_run=dry_run)

    def undo(self) -> UndoResult:
        """Take the last command back."""
        return undo(self.open())

    def states(self) -> dict[str, str]:
        """Return the state of each tracked path."""
        return {one.path: one.state.value for one in status(self.open()).tracked}

    def state(self, path: str) -> str:
        """Return the state of one tracked path."""
        return self.states()[path]

    def remove(self, path: str) -> None:
        """Remove a file, a link or a folder with all in it."""
        full = self.root / path
        if full.is_dir() and not full.is_symlink():
            shutil.rmtree(full)
        else:
            full.unlink()

    def files(self, folder: str = "") -> dict[str, bytes | str]:
        """Return all there is beneath ``folder`` but ``.git``: bytes, or ``-> target``, or dir."""
        found: dict[str, bytes | str] = {}
        start = self.root / folder
        for here, folders, names in os.walk(start):
            if ".git" in folders:
                folders.remove(".git")
            names += [name for name in folders if os.path.islink(f"{here}/{name}")]
            for name in names:
                full = Path(here, name)
                path = full.relative_to(start).as_posix()
                if full.is_symlink():
                    found[path] = f"-> {os.readlink(full)}"
                else:
                    mark = b"x:" if full.stat().st_mode & 0o100 else b""
                    found[path] = mark + full.read_bytes()
            if not folders and not names and here != str(start):
                found[Path(here).relative_to(start).as_posix()] = "dir"
        return found

    def everything(self) -> tuple[object, ...]:
        """Return all that a refused command must leave as it was: files, index, refs, HEAD."""
        return (
            self.files(),
            self.git("ls-files", "--stage"),
            self.git("for-each-ref"),
            self.git("symbolic-ref", "-q", "HEAD", check=False),
            self.git("rev-parse", "-q", "--verify", "HEAD", check=False),
        )

    def leftovers(self) -> list[str]:
        """Return temporary files that outlived their command, in the tree, the state, the store."""
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.name.startswith((".mlops-tmp-", "tmp-")) or path.name == "index.lock"
        )

    def copy(self, target: Path) -> DataProject:
        """Return a copy of everything, Git's folder included, with the times of its files."""
        shutil.copytree(self.root, target, symlinks=True)
        return DataProject(target, self.clock)


def make_data_project(root: Path, *init_options: str) -> DataProject:
    """Make a project with an ``mlops.toml``, a script, one commit and an identity to commit by."""
    if init_options or os.getpid() != _PROCESS:  # a fork may be another user's
        return _make(root, *init_options)
    settings = tuple((name, value) for name, value in os.environ.items() if name.startswith("GIT_"))
    shutil.copytree(_template(settings).name, root, symlinks=True, dirs_exist_ok=True)
    return DataProject(root)


_PROCESS = os.getpid()


@cache
def _template(settings: tuple[tuple[str, str], ...]) -> TemporaryDirectory[str]:
    """Return a project that Git made by its ``settings``, of which others are copies.

    Git alone takes six processes for each.
    """
    template = TemporaryDirectory()
    _make(Path(template.name))
    return template


def _make(root: Path, *init_options: str) -> DataProject:
    made = make_project(root, *init_options)
    project = DataProject(made.root)
    project.git("config", "user.name", IDENTITY["GIT_AUTHOR_NAME"])
    project.git("config", "user.email", IDENTITY["GIT_AUTHOR_EMAIL"])
    project.write("mlops.toml", "")
    project.write("train.py", "print('train')\n")
    project.commit("First commit")
    return project
