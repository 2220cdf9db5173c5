"""What this layer needs of an opened project."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from jupyter_mlops.clock import Clock
from jupyter_mlops.config import Config
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.objects.store import Store
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
