"""The handles a command works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.clock import Clock
from jupyter_mlops.config import Config
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.objects.store import Store
from jupyter_mlops.progress import Progress


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project opened for one command."""

    root: Path
    git: Repository
    store: Store
    config: Config
    clock: Clock
    progress: Progress
