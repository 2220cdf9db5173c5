"""The extension as Jupyter's server loads and stops it."""

from __future__ import annotations

import asyncio
from functools import partial

from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.filemanager import FileContentsManager
from jupyter_server.utils import url_path_join
from jupyterlab_server import LabServerApp

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.commands.spec import Command
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.metrics.bokeh_chart import load_bokeh
from jupyter_mlops.server.events import Events
from jupyter_mlops.server.jobs import Jobs
from jupyter_mlops.server.kernel_files import KernelFileWriter
from jupyter_mlops.server.looking import Sight
from jupyter_mlops.server.places import resolve_root
from jupyter_mlops.server.reads import Reads
from jupyter_mlops.server.routes import PREFIX, make_routes
from jupyter_mlops.server.saves import SAVED, Saves
from jupyter_mlops.server.services import (
    READ_LIMIT,
    READ_THREADS,
    WRITE_LIMIT,
    WRITE_THREADS,
    Services,
)
from jupyter_mlops.server.settings import UserSettings, translate
from jupyter_mlops.server.watching import CLIENT_LIMIT, Watcher
from jupyter_mlops.server.workers import Workers

STOP_SECONDS = 10
"""How long a server that ends waits for commands to unwind."""


class MlopsExtension(ExtensionApp):
    """Serves the commands to JupyterLab's side and to scripts."""

    name = "jupyter_mlops"
    commands: tuple[Command, ...] = COMMANDS
    services: Services | None = None

    def initialize_handlers(self) -> None:
        """Register routes and events with the server, and listen to it."""
        assert self.serverapp is not None
        self.services = make_services(self.serverapp, self.commands)
        self.handlers.extend(make_routes(self.services))
        assert self.serverapp.event_logger is not None
        self.serverapp.event_logger.add_listener(
            schema_id=SAVED, listener=self.services.saves.listen
        )

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Have the first chart wait for no import."""
        if self.services is not None:
            self._loading = asyncio.create_task(self.services.lookers.run(load_bokeh))

    def current_activity(self) -> int:
        """Return how many jobs run, so that no idle server is ended under them."""
        return 0 if self.services is None else self.services.jobs.running_count

    async def stop_extension(self) -> None:
        """Ask what runs to stop."""
        if self.services is not None:
            await self.services.stop(STOP_SECONDS)


def make_services(server: ServerApp, commands: tuple[Command, ...]) -> Services:
    """Return the handles that requests to ``server`` share; nothing runs yet."""
    root = resolve_root(_shown_folder(server))
    clock = SystemClock()
    assert server.event_logger is not None
    events = Events(server.event_logger)
    settings = UserSettings(partial(find_lab, server))
    readers = Workers(READ_THREADS, READ_LIMIT, "get")
    writers = Workers(WRITE_THREADS, WRITE_LIMIT, "job")
    lookers = Workers(READ_THREADS, READ_LIMIT + CLIENT_LIMIT, "look")
    return Services(
        root=root,
        address=url_path_join(server.base_url, PREFIX),
        commands=commands,
        settings=settings,
        readers=readers,
        writers=writers,
        lookers=lookers,
        reads=Reads(readers),
        jobs=Jobs(writers, clock, events.tell_job, translate),
        watcher=Watcher(
            root, lookers, clock, Sight, events.tell_changed, settings.read_interval_seconds
        ),
        saves=Saves(root, lookers),
        kernel_files=KernelFileWriter(server.kernel_manager.__contains__),
    )


def find_lab(server: ServerApp) -> LabServerApp | None:
    """Return the JupyterLab that ``server`` serves as well, None where it serves none."""
    for apps in server.extension_manager.extension_apps.values():
        for app in apps:
            if isinstance(app, LabServerApp):
                return app
    return None


def _shown_folder(server: ServerApp) -> str:
    """Return the folder that the file browser shows."""
    contents = server.contents_manager
    return contents.root_dir if isinstance(contents, FileContentsManager) else server.root_dir
