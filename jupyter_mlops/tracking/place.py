"""Where a run's files go: the project of the folder in which the run began."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.config import REPLAY_VARIABLE
from jupyter_mlops.errors import MlopsError, NotFoundError
from jupyter_mlops.git.repository import Repository, open_repository
from jupyter_mlops.git.revisions import head

_LOGGER = logging.getLogger("jupyter_mlops")
_told: set[Path] = set()


@dataclass(frozen=True, slots=True)
class Place:
    """The folder that gets the values, and the project that gets the series.

    Attributes:
        root: the project's root, or the folder itself where there is no project.
        repository: the project, None where there is none or nothing shall be kept of the run.
        commit: HEAD.
        branch: HEAD's branch.
    """

    root: Path
    repository: Repository | None = None
    commit: str | None = None
    branch: str | None = None

    @property
    def runs_dir(self) -> Path | None:
        """The folder of series and files, which all worktrees share."""
        return None if self.repository is None else self.repository.store_dir / "runs"

    @property
    def state_dir(self) -> Path | None:
        """The folder for what this worktree knows of its runs."""
        return None if self.repository is None else self.repository.state_dir / "runs"

    @property
    def staging(self) -> Path | None:
        """Where files of the project lie before they are whole."""
        return None if self.repository is None else self.repository.state_dir / "staging"

    def find_source(self, path: str | None) -> str | None:
        """Return ``path`` relative to the project, None where it is no file in it."""
        if path is None or self.repository is None:
            return None
        try:
            full = Path(path).resolve()
            return full.relative_to(self.root.resolve()).as_posix() if full.is_file() else None
        except (OSError, ValueError):
            return None


def resolve_place(start: Path) -> Place:
    """Return the place for runs begun in ``start``: its project, or the folder itself.

    A warning says that it is the folder itself, once in a process. A replay keeps no series.
    """
    try:
        repository = open_repository(start)
        now = head(repository)
    except MlopsError as error:
        if start not in _told:
            _told.add(start)
            reason = "it is in no Git project." if isinstance(error, NotFoundError) else str(error)
            _LOGGER.warning("Metrics are kept in %s only: %s", start / "metrics", reason)
        return Place(start)
    is_replay = bool(os.environ.get(REPLAY_VARIABLE))
    return Place(repository.root, None if is_replay else repository, now.commit, now.branch)
