"""Who looks at which project, and the loop that looks for them as long as somebody does."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jupyter_mlops.clock import Clock
from jupyter_mlops.commands.workspace import read_config
from jupyter_mlops.errors import MlopsError, UnavailableError
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.server.places import find_project, relative_to_root, resolve_folder
from jupyter_mlops.server.settings import DEFAULT_INTERVAL_MILLISECONDS
from jupyter_mlops.server.workers import Workers

_LOGGER = logging.getLogger("jupyter_mlops")

LEASE_SECONDS = 30
CLIENT_LIMIT = 64
"""How many clients may look at the same time."""


class Seeing(Protocol):
    """What is looked at: a :class:`jupyter_mlops.server.looking.Sight`."""

    @property
    def place(self) -> str:
        """Where it is or was, relative to the server's root."""
        ...

    def look(self) -> Sequence[str]:
        """Return what moved since the last look."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """What a client looks at; ``project`` is None as long as there is none.

    ``problem`` is why nothing can be asked of it: say, no repository, or no valid project.
    """

    project: str | None
    name: str | None
    problem: MlopsError | None
    lease_seconds: int = LEASE_SECONDS


@dataclass(frozen=True, slots=True)
class _Lease:
    folder: Path
    ends_at_seconds: float


class Watcher:
    """Looks at projects while a lease lasts; all methods belong on the event loop.

    A project that cannot be looked at is logged once and tried again; others are looked at.
    """

    def __init__(
        self,
        root: Path,
        workers: Workers,
        clock: Clock,
        open_sight: Callable[[Path, Path], Seeing],
        tell: Callable[[str, Sequence[str]], None],
        read_interval_seconds: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._root = root
        self._workers = workers
        self._clock = clock
        self._open_sight = open_sight
        self._tell = tell
        self._read_interval_seconds = read_interval_seconds
        self._pause = pause
        self._leases: dict[str, _Lease] = {}
        self._sights: dict[Path, Seeing] = {}
        self._failed: set[Path] = set()
        self._loop: asyncio.Task[None] | None = None

    async def lease(self, client: str, at: str) -> Watched:
        """Let ``client`` look at the project of the folder ``at`` for some seconds, or go on.

        What moves from now on is told of.

        Raises:
            MlopsError: the folder is none, or is not to be looked at.
            UnavailableError: too many clients look already.
        """
        if client not in self._leases and len(self._leases) >= CLIENT_LIMIT:
            raise UnavailableError(
                "Too many clients look at projects of this server.",
                code="server-busy",
                hints=("Close some of them.",),
            )
        folder, project, problem = await self._workers.run(functools.partial(self._find, at))
        target = folder if project is None else project.root
        if target not in self._sights:
            opened = await self._workers.run(
                functools.partial(self._open_sight, self._root, target)
            )
            self._sights.setdefault(target, opened)
        ends_at_seconds = self._clock.monotonic_seconds() + LEASE_SECONDS
        self._leases[client] = _Lease(target, ends_at_seconds)
        if self._loop is None:
            self._loop = asyncio.create_task(self._run())
        if project is None:
            return Watched(None, None, problem)
        place = relative_to_root(self._root, project.root)
        return Watched(place, project.root.name, problem)

    def end(self, client: str) -> None:
        """Let ``client`` look no more; harmless when repeated."""
        self._leases.pop(client, None)
        self._forget_unseen()

    @property
    def is_watching(self) -> bool:
        """Whether somebody looks."""
        return bool(self._leases)

    async def ended(self) -> None:
        """Return when nobody looks any more."""
        if self._loop is not None:
            await asyncio.wait({self._loop})

    async def stop(self) -> None:
        """Look no more."""
        self._leases.clear()
        self._forget_unseen()
        if self._loop is not None:
            self._loop.cancel()
        await self.ended()

    def _find(self, at: str) -> tuple[Path, Repository | None, MlopsError | None]:
        folder = resolve_folder(self._root, at)
        try:
            project = find_project(self._root, folder)
        except MlopsError as error:
            return folder, None, error
        try:
            read_config(project.root)
        except MlopsError as error:
            return folder, project, error
        return folder, project, None

    async def _run(self) -> None:
        try:
            seconds = await self._interval_seconds()
            while self._is_seen():
                await self._pause(seconds)
                if self._is_seen():
                    await self._look()
        finally:
            self._loop = None

    async def _interval_seconds(self) -> float:
        try:
            return await self._workers.run(self._read_interval_seconds)
        except Exception as error:  # without its settings the loop goes on all the same
            _LOGGER.warning("Could not read how often to look for changes: %r", error)
            return DEFAULT_INTERVAL_MILLISECONDS / 1000

    async def _look(self) -> None:
        sights = dict(self._sights)
        try:
            looks = await self._workers.run(lambda: _look_at(sights))
        except UnavailableError:
            return
        for folder, look in looks.items():
            if look.error is None:
                self._failed.discard(folder)
            elif folder not in self._failed:
                self._failed.add(folder)
                _LOGGER.error("Could not look at %s", folder, exc_info=look.error)
            if look.moved:
                self._tell(sights[folder].place, look.moved)

    def _is_seen(self) -> bool:
        """Drop the leases that ended, and return whether there are others."""
        now_seconds = self._clock.monotonic_seconds()
        self._leases = {
            client: lease
            for client, lease in self._leases.items()
            if lease.ends_at_seconds > now_seconds
        }
        self._forget_unseen()
        return bool(self._leases)

    def _forget_unseen(self) -> None:
        seen = {lease.folder for lease in self._leases.values()}
        self._sights = {folder: sight for folder, sight in self._sights.items() if folder in seen}
        self._failed &= seen


@dataclass(frozen=True, slots=True)
class _Look:
    """What of a project moved, or why that is not known."""

    moved: Sequence[str] = ()
    error: Exception | None = None


def _look_at(sights: Mapping[Path, Seeing]) -> dict[Path, _Look]:
    """Look at each project by itself; never raises."""
    looks = {}
    for folder, sight in sights.items():
        try:
            looks[folder] = _Look(moved=sight.look())
        except Exception as error:  # whatever is wrong with one, the others are looked at
            looks[folder] = _Look(error=error)
    return looks
