"""The handles that all requests to one server share."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.commands.spec import Command
from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.server.jobs import Jobs
from jupyter_mlops.server.kernel_files import KernelFileWriter
from jupyter_mlops.server.reads import Reads
from jupyter_mlops.server.saves import Saves
from jupyter_mlops.server.settings import UserSettings, use_locale
from jupyter_mlops.server.watching import Watcher
from jupyter_mlops.server.workers import Workers

READ_THREADS = 4
READ_LIMIT = 64
WRITE_THREADS = 4
WRITE_LIMIT = 32


@dataclass(frozen=True, slots=True)
class Services:
    """One server's state: made when it starts, stopped when it ends.

    ``root`` is the folder that the server shows, without symbolic links; ``address`` is where the
    routes begin. Requests that read, those that write, and the many short ones between have threads
    of their own.
    """

    root: Path
    address: str
    commands: tuple[Command, ...]
    settings: UserSettings
    readers: Workers
    writers: Workers
    lookers: Workers
    reads: Reads
    jobs: Jobs
    watcher: Watcher
    saves: Saves
    kernel_files: KernelFileWriter

    async def learn_language(self) -> None:
        """Speak the user's language from now on; a busy server speaks as before."""
        with suppress(UnavailableError):
            use_locale(await self.lookers.run(self.settings.read_locale))

    async def stop(self, seconds: float) -> None:
        """Ask everything to stop, and wait for it ``seconds`` at most."""
        await self.watcher.stop()
        await asyncio.gather(self.reads.stop(seconds), self.jobs.stop(seconds))
        for workers in (self.readers, self.writers, self.lookers):
            workers.close()
        self.kernel_files.close()
