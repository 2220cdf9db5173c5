"""The handles a command works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jupyter_mlops.clock import Clock, SystemClock
from jupyter_mlops.config import CONFIG_NAME, Config
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.project import MAX_CONFIG_BYTES, parse_config
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import head
from jupyter_mlops.git.trees import open_tree
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import NoProgress, Progress
from jupyter_mlops.snapshots.handles import open_project_store


@dataclass(frozen=True, slots=True)
class Execution:
    """From where a command was called, as far as the front end knows.

    ``notebook`` is the notebook's file; ``cells`` are the sources of all cells that this kernel
    ran, in the order in which it ran them, the one under way last; ``command`` are the words as
    typed, without the program's name. ``notebook_saved`` says that the front end saved the notebook
    for this command; ``why_not_saved`` completes a sentence that says that it did not. ``confirm``
    asks the user a question that yes or no answers; None where nobody can be asked.
    """

    notebook: Path | None = None
    cells: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    notebook_saved: bool = False
    why_not_saved: str | None = None
    confirm: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """What a command has that also runs outside of a project.

    ``cwd`` is absolute: relative paths start there.
    """

    cwd: Path
    clock: Clock
    progress: Progress
    execution: Execution = Execution()


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project opened for one command.

    ``cwd`` is absolute, in or outside of ``root``: relative paths start there.
    """

    root: Path
    cwd: Path
    git: Repository
    store: Store
    config: Config
    clock: Clock
    progress: Progress
    execution: Execution = Execution()


def current_folder() -> Path:
    """Return the folder that this process is in.

    Raises:
        NotFoundError: it was deleted under the process.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise NotFoundError(
            "The current folder does not exist any more.",
            code="folder-not-found",
            hints=("cd ~",),
        ) from error


def open_here(
    start: Path,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
    execution: Execution | None = None,
) -> Here:
    """Return the handles of a command called in the folder ``start``; nothing is looked at."""
    return Here(
        cwd=start.absolute(),
        clock=clock or SystemClock(),
        progress=progress or NoProgress(),
        execution=execution or Execution(),
    )


def open_workspace(
    start: Path,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
    execution: Execution | None = None,
) -> Workspace:
    """Open the project that the folder ``start`` is in; nothing is written.

    Raises:
        NotFoundError: ``start`` is in no Git project (``not-a-git-project``), or the project has
            no ``mlops.toml`` (``no-mlops-toml``): run ``init``. UsageError: ``mlops.toml`` is not
            valid, or ``start`` is inside of ``.git``.
    """
    here = open_here(start, clock=clock, progress=progress, execution=execution)
    repository = open_repository(here.cwd)
    return Workspace(
        root=repository.root,
        cwd=here.cwd,
        git=repository,
        store=open_project_store(repository),
        config=read_config(repository.root),
        clock=here.clock,
        progress=here.progress,
        execution=here.execution,
    )


def read_config(root: Path) -> Config:
    """Read ``mlops.toml`` of the project at ``root``.

    Raises:
        NotFoundError: there is none.
        UsageError: it is not valid.
        ConflictError: it is a link, no file, or larger than it may be.
        UnavailableError: it cannot be read.
    """
    try:
        data = WorkTree(root).read(CONFIG_NAME, limit_bytes=MAX_CONFIG_BYTES)
    except NotFoundError as error:
        raise NotFoundError(
            f"There is no {CONFIG_NAME} in {root}, so this is not a project yet.",
            code="no-mlops-toml",
            hints=("jupyter mlops init",),
        ) from error
    return parse_config(data, origin=CONFIG_NAME)


class GitsConfig(NamedTuple):
    """What counts of ``mlops.toml``, and a sentence where that is not what the file says."""

    config: Config
    problem: str | None = None


def read_config_for_git(repo: Repository) -> GitsConfig:
    """Read ``mlops.toml`` for what Git starts, which must go on without it: a merge leaves marks.

    Where it is not valid, what HEAD has counts, or else the defaults.
    """
    try:
        return GitsConfig(read_config(repo.root))
    except NotFoundError:
        return GitsConfig(_read_config_at_head(repo) or Config())
    except MlopsError as error:
        at_head = _read_config_at_head(repo)
        counts = "the defaults count" if at_head is None else "that of HEAD counts"
        return GitsConfig(at_head or Config(), f"{error.message.rstrip('.')}; {counts} until then.")


def _read_config_at_head(repo: Repository) -> Config | None:
    try:
        commit = head(repo).commit
        if commit is None:
            return None
        return parse_config(open_tree(repo, commit).read(CONFIG_NAME), origin=CONFIG_NAME)
    except MlopsError:
        return None
