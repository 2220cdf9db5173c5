"""What this layer needs of an opened project, and how its store is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from jupyter_mlops.clock import Clock
from jupyter_mlops.config import Config
from jupyter_mlops.files.durable import is_same_file
from jupyter_mlops.git.config import read_store_places
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.progress import Progress


class Handles(Protocol):
    """The handles of one project, as ``commands.workspace.Workspace`` holds them."""

    @property
    def root(self) -> Path:
        """The folder that paths are relative to."""
        ...

    @property
    def git(self) -> Repository:
        """The Git repository and worktree."""
        ...

    @property
    def store(self) -> Store:
        """The store of this machine."""
        ...

    @property
    def config(self) -> Config:
        """What ``mlops.toml`` says."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...

    @property
    def progress(self) -> Progress:
        """Who is told how far long work is."""
        ...


def open_project_store(repo: Repository) -> Store:
    """Open the store that ``repo`` uses: its own, or the shared one that Git's settings name.

    Raises:
        UsageError: one of those settings is no absolute path.
        UnavailableError: a store may not be read.
        UnsupportedError: a store has a newer format.
    """
    places = read_store_places(repo)
    shared = places.shared
    if shared is not None and is_same_file(shared, repo.store_dir):
        shared = None
    return open_store(repo.store_dir, shared=shared, alternates=places.alternates)
