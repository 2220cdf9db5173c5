"""What follows when Jupyter has saved a notebook: its outputs are kept, and Git knows it again."""

from __future__ import annotations

import asyncio
import functools
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from jupyter_mlops.commands.notebook_state import settle_notebooks
from jupyter_mlops.commands.workspace import read_config
from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.server.places import find_project, resolve_inside
from jupyter_mlops.server.workers import Workers

SAVED = "https://events.jupyter.org/jupyter_server/contents_service/v1"
"""The event of Jupyter's server by which it tells that it saved a file."""

_LOGGER = logging.getLogger("jupyter_mlops")


class Saves:
    """Listens for saved notebooks; belongs on the event loop.

    They are looked at in a thread, one project after the other, so that no save waits for it.
    """

    def __init__(self, root: Path, workers: Workers) -> None:
        self._root = root
        self._workers = workers
        self._waiting: dict[Path, None] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def listen(self, logger: EventLogger, schema_id: str, data: dict[str, Any]) -> None:
        """Take note of one event of :data:`SAVED`."""
        path = str(data.get("path", "")).lstrip("/")
        if data.get("action") != "save" or not path.endswith(".ipynb"):
            return
        with suppress(MlopsError):
            self._waiting[resolve_inside(self._root, self._root, path).parent] = None
        if not self._idle.is_set():
            return
        self._idle.clear()
        try:
            while self._waiting:
                folder = next(iter(self._waiting))
                del self._waiting[folder]
                with suppress(UnavailableError):  # a busy server leaves it for the next save
                    await self._workers.run(functools.partial(self._settle, folder))
        finally:
            self._idle.set()

    async def ended(self) -> None:
        """Return when no notebook waits any more."""
        await self._idle.wait()

    def _settle(self, folder: Path) -> None:
        try:
            project = find_project(self._root, folder)
            read_config(project.root)
        except MlopsError:  # no project of ours, or not at the moment
            return
        for sentence in settle_notebooks(project):
            _LOGGER.warning("%s", sentence)
